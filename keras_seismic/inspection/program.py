"""The program ``keras-seismic inspect``."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_seismic.files import written_whole
from keras_seismic.inspection.figures import drawable, plot_inspection
from keras_seismic.inspection.inspector import inspect
from keras_seismic.inspection.report import Inspection


def main(argv: Sequence[str] | None = None, description: str | None = __doc__) -> int:
    """Inspect and report; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="keras-seismic inspect",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", type=Path, help="file or folder")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="where to write the figure")
    parser.add_argument("--no-figure", action="store_true", help="write none")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing figure")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument(
        "--samples",
        type=int,
        default=2**23,
        metavar="N",
        help="samples of an array to look at, default %(default)s",
    )
    arguments = parser.parse_args(argv)
    try:
        _check_figure(arguments)
        report = inspect(arguments.path, arguments.samples)
        print(json.dumps(report.to_dict(), indent=2) if arguments.json else report)
        if not arguments.no_figure and drawable(report):
            _figure(report, arguments)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0 if report.readable else 1


def _check_figure(arguments: argparse.Namespace) -> None:
    """Refuse what would fail after the work."""
    figure = arguments.figure
    if figure is None or arguments.no_figure:
        return
    if figure.exists() and not arguments.overwrite:
        raise FileExistsError(f"{figure}: exists already; pass --overwrite to replace it")
    if figure.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise ValueError(f"{figure}: expected .png, .pdf or .svg, received {figure.suffix!r}")
    if not figure.parent.is_dir():
        raise FileNotFoundError(f"{figure}: its folder does not exist")


def _figure(report: Inspection, arguments: argparse.Namespace) -> None:
    """Write the figure. The report is out by now, so what hinders the default one is a note."""
    name = arguments.path.absolute().name
    path = arguments.figure or Path(f"{name}.inspection.png")
    if arguments.figure is None and path.exists() and not arguments.overwrite:
        print(f"figure: {path} exists already and was kept; see --overwrite", file=sys.stderr)
        return
    try:
        figure = plot_inspection(report)
    except ImportError as error:
        if arguments.figure is not None:
            raise
        print(f"no figure: {error}", file=sys.stderr)
        return
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=110)
    print(f"figure: {path}", file=sys.stderr)
