"""Writes what ``command_line.md`` includes: the help of every program of the command."""

import re
from pathlib import Path

import typer.main
from typer.cli import get_docs_for_click

from keras_seismic.cli.main import app as command


def write_commands(app):
    """Write the programs' arguments and options as Markdown, if they have changed."""
    program = typer.main.get_command(command)
    context = typer.Context(program, info_name="keras-seismic")
    text = get_docs_for_click(obj=program, ctx=context, name="keras-seismic")
    text = text[text.index("\n## ") + 1 :]  # without what concerns the command as a whole
    text = re.sub(r"^(#+) `keras-seismic (.*)`$", r"\1 \2", text, flags=re.MULTILINE)
    text = text.replace("```console\n$ ", "```text\n").replace("\b\n", "")
    target = Path(app.srcdir) / "generated_commands.md"
    if not target.exists() or target.read_text() != text:
        target.write_text(text)


def setup(app):
    app.connect("builder-inited", write_commands)
    return {"parallel_read_safe": True}
