"""The commands that anything printed proposes, and whether the command understands them."""

import re
import shlex

import typer

from keras_seismic.cli.main import app


def commands_in(text: str) -> list[str]:
    """Every ``keras-seismic ...``, to the end of its line, quote or sentence."""
    found = re.findall(r"(['\"]?)(keras-seismic(?= [a-z-])[^\n`]*)", text)
    lines = [line.partition(quote)[0] if quote else line for quote, line in found]
    return [line.rstrip(" .;,)") for line in lines]


def parse(line: str) -> list[str]:
    """Parse a command as the shell and then the program would, without running it.

    Returns:
        Its words, without ``keras-seismic``.
    """
    name, *words = shlex.split(line, comments=True)
    assert name == "keras-seismic", line
    root = typer.main.get_command(app)
    _do_nothing(root)
    try:
        root.main(args=words, prog_name=name, standalone_mode=False)
    except FileNotFoundError:
        assert "--config" in words, line  # an example's, which is read while parsing
    except Exception as error:
        message = getattr(error, "message", error)
        raise AssertionError(f"not understood: {line}: {message}") from error
    return words


def _do_nothing(command) -> None:
    """Leave the parsing of a command, its sub-commands and what they would do away."""
    command.callback = lambda **arguments: None
    for inner in getattr(command, "commands", {}).values():
        _do_nothing(inner)
