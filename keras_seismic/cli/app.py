"""What the command's programs hang on: the command itself and its groups."""

import typer

#: ``-h`` as well, and help as it stands in the docstrings.
_SETTINGS = {"help_option_names": ["-h", "--help"]}


def _group(description: str) -> typer.Typer:
    return typer.Typer(
        help=description,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings=_SETTINGS,
        pretty_exceptions_enable=False,
    )


app = _group("Seismic networks: simulate, train, evaluate, predict, export and serve.")
train = _group("Train a network; each program leaves a run folder.")
export = _group("Export a trained model, checked against the Keras model.")
app.add_typer(train, name="train")
app.add_typer(export, name="export")
