"""Where the command ``keras-seismic`` starts."""

import sys
from collections.abc import Sequence

import keras_seismic.cli.inspect
import keras_seismic.cli.simulate
import keras_seismic.cli.train  # noqa: F401 - these register their programs
from keras_seismic.cli.app import app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; errors in what the user gave become one line, not a traceback.

    Args:
        arguments: The words after ``keras-seismic``; by default the process' own.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="keras-seismic")
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        raise SystemExit(f"error: {error}") from error


def run(*program: str) -> None:
    """Run one program with the process' arguments, for ``python -m train.inversionnet``.

    Args:
        *program: Its name, such as ``"train", "inversionnet"``.
    """
    main([*program, *sys.argv[1:]])
