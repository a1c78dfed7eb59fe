"""``keras-seismic export litert``: for phones and small devices."""

from pathlib import Path
from typing import Annotated

import typer

import keras_seismic as ks
from keras_seismic.cli import app, options
from keras_seismic.cli.export import Examples, Model, how_to_predict, loaded


@app.export.command()
def litert(
    model: Model,
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help=".tflite file to write.")],
    overwrite: options.Overwrite = False,
    license: options.License = None,
    examples: Examples = 4,
) -> float:
    """Export for LiteRT (formerly TensorFlow Lite), checked against the Keras model.

    For small models on phones and small devices. The exported model takes raw amplitudes and
    returns m/s (a denoiser: amplitudes).

    Loading a model can run code inside it: export only models that you trust.
    """
    network, card = loaded(model, license)
    inputs = ks.exporting.example_inputs(network, examples)
    ks.exporting.export_litert(network, output, inputs, overwrite, card)
    difference = ks.exporting.check_parity(network, output, inputs)
    typer.echo(
        f"{output}: {output.stat().st_size / 1e6:.2f} MB; call it in Python\n"
        f"  {how_to_predict(output)}"
    )
    return difference
