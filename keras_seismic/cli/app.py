"""The command itself and its groups, with which programs register."""

from typing import Annotated

import typer

import keras_seismic

#: Also ``-h``, and help formatted as in the docstrings.
_SETTINGS = {"help_option_names": ["-h", "--help"]}


def _group(description: str | None = None) -> typer.Typer:
    return typer.Typer(
        help=description,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings=_SETTINGS,
        pretty_exceptions_enable=False,
    )


app = _group()
train = _group("Train a network; each program leaves a run folder.")
export = _group("Export a trained model, checked against the Keras model.")
app.add_typer(train, name="train")
app.add_typer(export, name="export")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"keras_seismic {keras_seismic.__version__}")
        raise typer.Exit


@app.callback()
def keras_seismic_command(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Seismic networks: simulate, train, evaluate, predict, export and serve."""
