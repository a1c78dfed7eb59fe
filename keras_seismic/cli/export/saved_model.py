"""``keras-seismic export saved-model``: for TensorFlow Serving."""

from pathlib import Path
from typing import Annotated

import typer

import keras_seismic as ks
from keras_seismic.cli import app, options
from keras_seismic.cli.export import Examples, Model, how_to_predict, loaded
from keras_seismic.cli.next_steps import command


@app.export.command("saved-model")
def saved_model(
    model: Model,
    output: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="The model's folder, which holds its versions.")
    ],
    version: Annotated[
        int | None, typer.Option(min=1, help="Number of the version; by default the next one.")
    ] = None,
    warm_up: Annotated[
        bool | None,
        typer.Option(help="Write warm-up requests; by default if they can be written."),
    ] = None,
    constants: Annotated[
        bool, typer.Option("--constants", help="Weights inside the graph: quicker, up to 1 GB.")
    ] = False,
    license: options.License = None,
    examples: Examples = 4,
) -> float:
    """Export a SavedModel for TensorFlow Serving, checked against the Keras model.

    Writes the next version, OUTPUT/1, OUTPUT/2, ..., whole or not at all, with a model card and
    requests to warm up the server. Its signatures take raw amplitudes and return m/s (a
    denoiser: amplitudes), in Keras' layout (serving_default) and in OpenFWI's (openfwi); a third
    one, normalized, takes the network's own input.

    Loading a model can run code inside it: export only models that you trust.
    """
    network, card = loaded(model, license)
    inputs = ks.exporting.example_inputs(network, examples)
    path = ks.exporting.export_saved_model(
        network, output, version, inputs, card, warm_up, constants
    )
    difference = ks.exporting.check_parity(network, path, inputs)
    if not (path / "assets.extra" / "tf_serving_warmup_requests").exists():
        typer.echo("no warm-up requests; to have them: pip install 'keras_seismic[serving]'")
    serve = command("serve", f"{output.absolute().name}={output}", "--out", "serving")
    typer.echo(
        f"SavedModel: {path}; serve it with\n  {serve}\n"
        f"or call it in Python\n  {how_to_predict(path)}"
    )
    return difference
