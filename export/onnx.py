"""Export a model as ONNX for ONNX Runtime and the browser, checked against the Keras model.

    python -m export.onnx runs/x/model.keras model.onnx
    python -m export.onnx runs/x/model.keras int8.onnx --variant int8 --calibration gathers.npy

The model takes raw amplitudes and returns m/s (a denoiser: amplitudes), by named input and
output, for any batch size. float16 halves the file, for graphics processors; int8 quarters it
and is quick on processors with integer vector instructions. Both lose some accuracy, which is
measured, printed and bounded. Only export models that you trust: loading a model can run code
that is in it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import keras_seismic as ks
from keras_seismic.cli import command_line
from keras_seismic.exporting.onnx.variants import VARIANTS
from keras_seismic.io.arrays import read_array


def parser() -> argparse.ArgumentParser:
    """The program's arguments."""
    p = command_line.export_parser(__doc__, ".onnx file to make")
    p.add_argument("--opset", type=command_line.positive, default=18, help="default %(default)s")
    p.add_argument("--variant", choices=VARIANTS, default="float32", help="default %(default)s")
    p.add_argument(
        "--calibration", type=Path, metavar="NPY",
        help="for int8: raw inputs (samples, ...) of the kind that is to come, in the model's "
        "layout; some dozens. The loss is measured on the last quarter, which is left out "
        "(of fewer than 4 none is)",
    )  # fmt: skip
    p.add_argument(
        "--max-loss", type=float,
        help="largest loss of a variant: m/s on average (default 10), or for a denoiser a "
        "fraction of the RMS amplitude (default 0.03)",
    )  # fmt: skip
    return p


def main(argv: Sequence[str] | None = None) -> float:
    """Export and check; returns the largest difference."""
    arguments = parser().parse_args(argv)
    model = ks.inference.load_model(arguments.model)
    calibration, inputs = None, None
    if arguments.calibration:
        samples = read_array(arguments.calibration)
        calibration, inputs = _divided(samples)
        if inputs is samples:
            print(
                f"{arguments.calibration}: {len(samples)} samples are too few to leave some out; "
                "the loss is measured on those calibrated on, and others may lose more"
            )
    if inputs is None:
        inputs = ks.exporting.example_inputs(model, arguments.examples)
    card = ks.inference.ModelCard.of_run(model, arguments.model, arguments.license)
    path = ks.exporting.export_onnx(
        model, arguments.path, inputs, arguments.opset, arguments.overwrite,
        variant=arguments.variant, calibration=calibration, max_loss=arguments.max_loss,
        card=card,
    )  # fmt: skip
    if arguments.variant == "float32":
        difference = ks.exporting.check_parity(model, path, inputs)
    else:
        loss = ks.exporting.accuracy_loss(model, path, inputs)
        print(f"{path.name}: {arguments.variant} loses {loss}")
        difference = loss.largest
    print(
        f"{path}: {path.stat().st_size / 1e6:.2f} MB (float32 weights: "
        f"{4e-6 * card.parameters:.2f} MB); predict with it:\n"
        f"  ks.inference.load_predictor({str(path)!r})(amplitudes)"
    )
    return difference


def _divided(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Samples to calibrate on, and others to measure the loss on where there are enough."""
    held_out = len(samples) // 4 if samples.ndim > 1 else 0
    return (samples[:-held_out], samples[-held_out:]) if held_out else (samples, samples)


if __name__ == "__main__":
    command_line.run_program(main)
