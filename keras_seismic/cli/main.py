"""Where the command ``keras-seismic`` starts."""

import logging
import sys
from collections.abc import Sequence

from keras_seismic.backend import find_devices

# Importing a program registers it.
from keras_seismic.cli import evaluate, inspect, predict, presets, serve, simulate, train  # noqa: F401
from keras_seismic.cli.app import app
from keras_seismic.cli.export import (  # noqa: F401
    kserve,
    litert,
    onnx,
    opendtect,
    saved_model,
    triton,
    web,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; errors in what the user gave become one line, not a traceback.

    Args:
        arguments: The words after ``keras-seismic``; by default the process' own.
    """
    _quieten_others()
    try:
        app(args=None if arguments is None else list(arguments), prog_name="keras-seismic")
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        raise SystemExit(f"error: {_in_options(str(error))}") from error


def _in_options(message: str) -> str:
    """What a function's error says to pass, as the command's option where there is one."""
    return message.replace("pass overwrite=True", "pass --overwrite")


def _quieten_others() -> None:
    """Only errors of the packages below belong on a user's terminal."""
    for name in ("absl", "tensorflow", "tf2onnx"):
        logging.getLogger(name).setLevel(logging.ERROR)
    find_devices()


def run(*program: str) -> None:
    """Run one program with the process' arguments, for the modules of a checkout.

    Args:
        *program: Its name, such as ``"train", "inversionnet"``.
    """
    main([*program, *sys.argv[1:]])
