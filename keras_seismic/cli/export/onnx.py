"""``keras-seismic export onnx``: for ONNX Runtime and the browser."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli import app, options
from keras_seismic.cli.export import Examples, Model, how_to_predict, loaded
from keras_seismic.io.arrays import read_array


@app.export.command()
def onnx(
    model: Model,
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help=".onnx file to write.")],
    variant: Annotated[
        Literal["float32", "float16", "int8"], typer.Option(help="Precision of the weights.")
    ] = "float32",
    representative: Annotated[
        Path | None,
        typer.Option(
            metavar="NPY",
            help="For int8: a few dozen raw inputs (samples, ...) as in later use, in the "
            "model's layout. The last quarter is held out to measure the loss.",
        ),
    ] = None,
    max_loss: Annotated[
        float | None,
        typer.Option(
            help="Largest loss allowed: m/s on average (default 10); for a denoiser, a fraction "
            "of the RMS amplitude (default 0.03)."
        ),
    ] = None,
    opset: Annotated[int, typer.Option(help="Version of the ONNX operators.")] = 18,
    overwrite: options.Overwrite = False,
    license: options.License = None,
    examples: Examples = 4,
) -> float:
    """Export ONNX for ONNX Runtime and the browser, checked against the Keras model.

    The exported model takes raw amplitudes and returns m/s (a denoiser: amplitudes) for any
    batch size. float16 halves the file, for GPUs; int8 quarters it and is fast on CPUs with
    integer vector instructions. Their loss of accuracy is measured, printed and bounded.

    Loading a model can run code inside it: export only models that you trust.
    """
    network, card = loaded(model, license)
    samples, held_out = None, None
    if representative:
        samples, held_out = _divided(representative)
    inputs = ks.exporting.example_inputs(network, examples) if held_out is None else held_out
    path = ks.exporting.export_onnx(
        network,
        output,
        inputs,
        opset,
        overwrite,
        variant=variant,
        representative=samples,
        max_loss=max_loss,
        card=card,
    )
    if variant == "float32":
        difference = ks.exporting.check_parity(network, path, inputs)
    else:
        loss = ks.exporting.accuracy_loss(network, path, inputs)
        difference = loss.largest
        typer.echo(f"{path.name}: {variant} loses {loss}")
    megabytes = path.stat().st_size / 1e6
    typer.echo(
        f"{path}: {megabytes:.2f} MB (float32 weights: {4e-6 * card.parameters:.2f} MB); "
        f"call it in Python\n  {how_to_predict(path)}"
    )
    return difference


def _divided(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Samples to quantize with, and others to measure the loss with if there are enough."""
    samples = read_array(path)
    held_out = len(samples) // 4 if samples.ndim > 1 else 0
    if held_out:
        return samples[:-held_out], samples[-held_out:]
    typer.echo(
        f"{path}: {len(samples)} samples are too few to hold some out; the loss is measured on "
        "those used for quantization, and may be larger on others"
    )
    return samples, samples
