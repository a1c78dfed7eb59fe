"""Export a model as ONNX for ONNX Runtime and the browser, checked against the Keras model.

    python -m export.onnx runs/x/model.keras model.onnx

The model takes raw amplitudes and returns m/s (a denoiser: amplitudes), by named input and
output, for any batch size. Only export models that you trust: loading a model can run code
that is in it.
"""

from collections.abc import Sequence

import keras_seismic as ks
from keras_seismic.training import command_line


def main(argv: Sequence[str] | None = None) -> float:
    """Export and check; returns the largest difference."""
    parser = command_line.export_parser(__doc__, ".onnx file to make")
    parser.add_argument(
        "--opset", type=command_line.positive, default=18, help="default %(default)s"
    )
    arguments = parser.parse_args(argv)
    model = ks.exporting.load_model(arguments.model)
    inputs = ks.exporting.example_inputs(model, arguments.examples)
    ks.exporting.export_onnx(
        model, arguments.path, inputs, opset=arguments.opset, overwrite=arguments.overwrite
    )
    difference = ks.exporting.check_parity(model, arguments.path, inputs)
    print(f"predict with it:\n  ks.exporting.load_predictor({str(arguments.path)!r})(amplitudes)")
    return difference


if __name__ == "__main__":
    command_line.run_program(main)
