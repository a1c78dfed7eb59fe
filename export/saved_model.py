"""Export a model as a SavedModel for TensorFlow Serving, checked against the Keras model.

    python -m export.saved_model runs/x/model.keras models/inversion/1

TensorFlow Serving wants the last part of the path to be a version number. The model takes
raw amplitudes and returns m/s (a denoiser: amplitudes), by named input and output. Only
export models that you trust: loading a model can run code that is in it.
"""

from collections.abc import Sequence

import keras_seismic as ks
from keras_seismic.training import command_line


def main(argv: Sequence[str] | None = None) -> float:
    """Export and check; returns the largest difference."""
    arguments = command_line.export_parser(__doc__, "folder to make").parse_args(argv)
    model = ks.exporting.load_model(arguments.model)
    inputs = ks.exporting.example_inputs(model, arguments.examples)
    ks.exporting.export_saved_model(model, arguments.path, inputs, arguments.overwrite)
    difference = ks.exporting.check_parity(model, arguments.path, inputs)
    print(
        f"SavedModel: {arguments.path}; look at it with\n"
        f"  saved_model_cli show --dir {arguments.path} --all"
    )
    return difference


if __name__ == "__main__":
    command_line.run_program(main)
