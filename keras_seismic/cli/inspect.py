"""``keras-seismic inspect``: what a file contains."""

import json
from pathlib import Path
from typing import Annotated

import typer

from keras_seismic.cli.app import app
from keras_seismic.cli.next_steps import next_steps
from keras_seismic.files import written_whole
from keras_seismic.inspection import Inspection, plot_inspection
from keras_seismic.inspection import inspect as inspect_path
from keras_seismic.inspection.figures import drawable


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(help="File or folder.")],
    figure: Annotated[
        Path | None, typer.Option(help="Where to write the figure; default NAME.inspection.png.")
    ] = None,
    no_figure: Annotated[bool, typer.Option("--no-figure", help="Write none.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a figure.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    samples: Annotated[int, typer.Option(help="Samples of an array to examine.")] = 2**23,
) -> None:
    """Say what an unknown file or folder contains, what is odd about it and what to do next.

    SEG-Y, Seismic Unix, .npy, .npz, .mat, OpenFWI's folders, runs and models of this package.
    The exit code is 1 if the file cannot be read.
    """
    if figure is not None and not no_figure:
        _check_figure(figure, overwrite)
    report = inspect_path(path, samples)
    steps = next_steps(report)
    if as_json:
        typer.echo(json.dumps(report.to_dict() | {"next_steps": steps}, indent=2))
    else:
        typer.echo(
            "\n".join(
                [str(report), *(["  next"] if steps else []), *(f"    {step}" for step in steps)]
            )
        )
    if not no_figure and drawable(report):
        _write_figure(report, path, figure, overwrite)
    if not report.readable:
        raise typer.Exit(1)


def _check_figure(figure: Path, overwrite: bool) -> None:
    """Refuse what would fail after the work."""
    if figure.exists() and not overwrite:
        raise FileExistsError(f"{figure}: exists already; pass --overwrite to replace it")
    if figure.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise ValueError(f"{figure}: expected .png, .pdf or .svg, received {figure.suffix!r}")
    if not figure.parent.is_dir():
        raise FileNotFoundError(f"{figure}: its folder does not exist")


def _write_figure(report: Inspection, path: Path, wanted: Path | None, overwrite: bool) -> None:
    """Write the figure. The report is out by now, so failure of the default one is just a note."""
    target = wanted or Path(f"{path.absolute().name}.inspection.png")
    if wanted is None and target.exists() and not overwrite:
        typer.echo(f"figure: {target} exists already and was kept; see --overwrite", err=True)
        return
    try:
        figure = plot_inspection(report)
    except ImportError as error:
        if wanted is not None:
            raise
        typer.echo(f"no figure: {error}", err=True)
        return
    with written_whole(target) as temporary:
        figure.savefig(temporary, dpi=110)
    typer.echo(f"figure: {target}", err=True)
