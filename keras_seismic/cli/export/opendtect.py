"""``keras-seismic export opendtect``: for OpendTect's machine learning."""

from pathlib import Path
from typing import Annotated

import typer

import keras_seismic as ks
from keras_seismic.cli import app, options
from keras_seismic.cli.export import Examples, Model, loaded


@app.export.command()
def opendtect(
    model: Model,
    output: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="Folder to write; its name names the model.")
    ],
    overwrite: options.Overwrite = False,
    license: options.License = None,
    examples: Examples = 4,
) -> Path:
    """Export a denoiser for OpendTect, checked against the Keras model.

    Writes OUTPUT/NAME.h5, which OpendTect opens, and OUTPUT/NAME.onnx, which must stay beside
    it. The model takes raw amplitudes, one line at a time.

    Loading a model can run code inside it: export only models that you trust.
    """
    network, card = loaded(model, license)
    inputs = ks.exporting.example_inputs(network, examples)
    path = ks.exporting.export_opendtect(network, output, inputs, overwrite, card)
    size = path.with_suffix(".onnx").stat().st_size / 1e6
    typer.echo(
        f"OpendTect: {path} and {path.stem}.onnx ({size:.2f} MB), keep them together; or in "
        f"Python\n  >>> keras_seismic.exporting.load_opendtect({str(path)!r})(samples)"
    )
    return path
