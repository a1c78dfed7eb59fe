"""Export a model for LiteRT (once TensorFlow Lite), checked against the Keras model.

    python -m export.litert runs/denoiser/model.keras denoiser.tflite

For small models on telephones and small devices. The model takes raw amplitudes and returns
m/s (a denoiser: amplitudes), by named input and output. Only export models that you trust:
loading a model can run code that is in it.
"""

from collections.abc import Sequence

import keras_seismic as ks
from keras_seismic.cli import command_line


def main(argv: Sequence[str] | None = None) -> float:
    """Export and check; returns the largest difference."""
    arguments = command_line.export_parser(__doc__, ".tflite file to make").parse_args(argv)
    model = ks.inference.load_model(arguments.model)
    inputs = ks.exporting.example_inputs(model, arguments.examples)
    card = ks.inference.ModelCard.of_run(model, arguments.model, arguments.license)
    ks.exporting.export_litert(model, arguments.path, inputs, arguments.overwrite, card)
    difference = ks.exporting.check_parity(model, arguments.path, inputs)
    print(
        f"{arguments.path}: {arguments.path.stat().st_size / 1e6:.2f} MB; predict with it:\n"
        f"  ks.inference.load_predictor({str(arguments.path)!r})(amplitudes)"
    )
    return difference


if __name__ == "__main__":
    command_line.run_program(main)
