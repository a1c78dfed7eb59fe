"""Export a model as a SavedModel for TensorFlow Serving, checked against the Keras model.

    python -m export.saved_model runs/x/model.keras models/inversion

makes the next version of it, models/inversion/1, complete or not at all, with a model card and
requests to warm up with. Its signatures take raw amplitudes and return m/s (a denoiser:
amplitudes) in Keras' layout (serving_default) and OpenFWI's (openfwi), or what the network works
on (normalized). Only export models that you trust: loading a model can run code that is in it.
"""

import argparse
from collections.abc import Sequence

import keras_seismic as ks
from keras_seismic.cli import command_line


def main(argv: Sequence[str] | None = None) -> float:
    """Export and check; returns the largest difference."""
    parser = command_line.export_parser(__doc__, "the model's folder", replaces=False)
    parser.add_argument(
        "--version",
        type=command_line.positive,
        help="number of the version; by default the next one",
    )
    parser.add_argument(
        "--warm-up",
        action=argparse.BooleanOptionalAction,
        help="write requests to warm up with; by default if tensorflow-serving-api is installed",
    )
    arguments = parser.parse_args(argv)
    model = ks.inference.load_model(arguments.model)
    inputs = ks.exporting.example_inputs(model, arguments.examples)
    card = ks.inference.ModelCard.of_run(model, arguments.model, arguments.license)
    version = ks.exporting.export_saved_model(
        model, arguments.path, arguments.version, inputs, card, arguments.warm_up
    )
    difference = ks.exporting.check_parity(model, version, inputs)
    if not (version / "assets.extra" / "tf_serving_warmup_requests").exists():
        print("no warm-up requests; for them: pip install 'keras_seismic[serving]'")
    print(
        f"SavedModel: {version}; look at it with\n"
        f"  saved_model_cli show --dir {version} --all\n"
        f"serve it with\n  python -m export.serving serving {arguments.path}"
    )
    return difference


if __name__ == "__main__":
    command_line.run_program(main)
