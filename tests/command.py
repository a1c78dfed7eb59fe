"""The command ``keras-seismic`` in this process."""

from typing import Any

from keras_seismic.cli.main import main


def keras_seismic(*arguments: Any) -> None:
    """Run it; raises SystemExit unless it succeeds."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as ended:
        if ended.code:
            raise
