"""``keras-seismic export triton``: for Triton Inference Server."""

from pathlib import Path
from typing import Annotated

import typer

import keras_seismic as ks
from keras_seismic.cli import app, options
from keras_seismic.cli.export import Examples, Model, how_to_predict, loaded


@app.export.command()
def triton(
    model: Model,
    output: Annotated[
        Path,
        typer.Argument(metavar="OUTPUT", help="The model's folder in Triton's repository."),
    ],
    version: Annotated[
        int | None, typer.Option(min=1, help="Number of the version; by default the next one.")
    ] = None,
    max_batch_size: Annotated[
        int, typer.Option(min=1, help="Most examples in a batch, of one or several requests.")
    ] = 8,
    license: options.License = None,
    examples: Examples = 4,
) -> float:
    """Export ONNX for Triton Inference Server, checked against the Keras model.

    Writes the next version, OUTPUT/1/model.onnx, OUTPUT/2/model.onnx, ..., whole or not at all,
    and OUTPUT/config.pbtxt. The exported model takes raw amplitudes and returns m/s (a denoiser:
    amplitudes).

    Loading a model can run code inside it: export only models that you trust.
    """
    network, card = loaded(model, license)
    inputs = ks.exporting.example_inputs(network, examples)
    path = ks.exporting.export_triton(network, output, version, inputs, card, max_batch_size)
    difference = ks.exporting.check_parity(network, path / "model.onnx", inputs)
    repository = output.absolute().parent
    typer.echo(
        f"Triton: {path}; serve it with\n  tritonserver --model-repository={repository}\n"
        f"or call it in Python\n  {how_to_predict(path / 'model.onnx')}"
    )
    return difference
