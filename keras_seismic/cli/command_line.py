"""Arguments and behavior that the training and export programs share."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras_seismic.noise import Noise
from keras_seismic.training.run_folder import RunFolder


class TrainingParser(argparse.ArgumentParser):
    """A parser whose ``--smoke`` puts tiny values in the place of the defaults.

    What the user gives besides ``--smoke`` stays, wherever it stands.
    """

    def __init__(self, smoke: dict[str, Any], **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.smoke = smoke
        self.add_argument(
            "--smoke",
            action="store_true",
            help="try the whole program in about a minute, on tiny defaults: "
            + ", ".join(f"{name} {value}" for name, value in smoke.items()),
        )

    def parse_args(self, args=None, namespace=None):  # type: ignore[override]
        arguments = super().parse_args(args, namespace)
        if not arguments.smoke:
            return arguments
        unknown = set(self.smoke) - set(vars(arguments))
        if unknown:
            raise TypeError(f"--smoke sets {sorted(unknown)}, which are no arguments")
        self.set_defaults(**self.smoke)
        return super().parse_args(args, namespace)


def training_parser(
    description: str | None,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    smoke: dict[str, Any] | None = None,
    resumable: bool = True,
) -> argparse.ArgumentParser:
    """A parser with the arguments of every training program.

    Args:
        description: The program's docstring.
        epochs: Default of ``--epochs``.
        batch_size: Default of ``--batch-size``.
        learning_rate: Default of ``--learning-rate``.
        smoke: What ``--smoke`` puts in the place of the defaults, by the arguments' names;
            one epoch if nothing else is said.
        resumable: Whether there is a ``--resume``.
    """
    parser = TrainingParser({"epochs": 1} | (smoke or {}), description=description)
    parser.add_argument("--out", type=Path, required=True, help="run folder to write")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the run in a run folder that is not empty"
    )
    if resumable:
        parser.add_argument(
            "--resume",
            action="store_true",
            help="go on with an interrupted run of the same arguments",
        )
    parser.add_argument("--epochs", type=positive, default=epochs, help="default %(default)s")
    parser.add_argument(
        "--batch-size", type=positive, default=batch_size, help="default %(default)s"
    )
    parser.add_argument(
        "--learning-rate", type=float, default=learning_rate, help="largest, default %(default)s"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="data, order and weights, default %(default)s"
    )
    return parser


def export_parser(
    description: str | None, path: str, replaces: bool = True
) -> argparse.ArgumentParser:
    """A parser with the arguments of every export program.

    Args:
        description: The program's docstring.
        path: Help for the path to write.
        replaces: Whether there is an ``--overwrite``.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="model.keras of a run")
    parser.add_argument("path", type=Path, help=path)
    if replaces:
        parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    parser.add_argument("--license", help="terms of the weights, for the model card")
    parser.add_argument(
        "--examples",
        type=positive,
        default=4,
        help="simulated gathers (or sections) to check the export on, default %(default)s",
    )
    return parser


def open_run(arguments: argparse.Namespace) -> RunFolder:
    """The run folder of the arguments, refused early if it is not free."""
    return RunFolder(arguments.out, arguments.overwrite, getattr(arguments, "resume", False))


def configuration(arguments: argparse.Namespace, **more: Any) -> dict[str, Any]:
    """What goes into ``config.json``: the arguments and the versions behind them."""
    import keras

    from keras_seismic.version import __version__

    values = {k: str(v) if isinstance(v, Path) else v for k, v in vars(arguments).items()}
    versions = {
        "keras_seismic": __version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "python": sys.version.split()[0],
    }
    return {"arguments": values, "versions": versions, **more}


def positive(text: str) -> int:
    """An integer of at least 1, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer, received {text!r}")
    return number


def noise(text: str) -> Noise:
    """A kind of noise, ``KIND`` or ``KIND=LEVEL``, for argparse."""
    try:
        return Noise.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run_program(main: Callable[[Sequence[str] | None], Any]) -> None:
    """Run a program's ``main``: errors in what the user gave become one line, not a traceback."""
    try:
        main(None)
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        raise SystemExit(f"error: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit("interrupted; if an epoch was finished, --resume goes on") from None


def finish(run: RunFolder, metrics: dict[str, Any]) -> None:
    """Write ``metrics.json`` and tell the user what came out and how to go on."""
    run.write("metrics.json", metrics)
    print_table(metrics)
    model = run.path / "model.keras"
    print(f"model: {model}; export it with\n  python -m export.onnx {model} {run.path}/model.onnx")


def print_table(rows: dict[str, Any]) -> None:
    """Names and values in two columns; floats with four digits."""
    width = max(map(len, rows))
    for name, value in rows.items():
        print(
            f"  {name:<{width}}  {value:.4g}"
            if isinstance(value, float)
            else f"  {name:<{width}}  {value}"
        )
