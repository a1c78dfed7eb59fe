"""``keras-seismic serve``: what TensorFlow Serving needs to start."""

from typing import Annotated

import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import app


@app.command()
def serve(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]FOLDER...",
            help="Models to serve; by default a folder's own name is the model's.",
        ),
    ],
    out: options.Out,
    overwrite: options.Overwrite = False,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME:]LABEL=VERSION",
            help="A name for a version that clients may ask for; with several models, say of "
            "which. Repeatable.",
        ),
    ] = None,
    versions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME:]VERSIONS",
            help="To load: latest (the default), latest=2, all, or numbers as in 1,3; with "
            "labels, by default those labeled. Repeatable.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="For gRPC.")] = 8500,
    rest_port: Annotated[
        int, typer.Option(help="Port for REST and metrics; 0 for neither.")
    ] = 8501,
    monitoring: Annotated[bool, typer.Option(help="Metrics for Prometheus.")] = True,
    batching: Annotated[
        bool,
        typer.Option(
            "--batching",
            help="Merge requests that arrive together; one that the model refuses then fails "
            "those merged with it.",
        ),
    ] = False,
    max_batch_size: Annotated[int, typer.Option(help="With batching.")] = 32,
    batch_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Time to wait for further requests.")
    ] = 0.005,
    max_megabytes: Annotated[
        int, typer.Option(min=1, help="Largest request and answer over gRPC.")
    ] = 64,
    image: Annotated[str, typer.Option(help="Docker image, with its release.")] = ks.serving.IMAGE,
) -> None:
    """Write TensorFlow Serving's configuration, and print the commands that start it.

    FOLDER holds a model's versions, FOLDER/1, FOLDER/2, ..., as 'keras-seismic export saved-model'
    writes them; the newest is served unless labels or versions say otherwise. Nothing is started,
    and nothing is sent anywhere.
    """
    served = ks.serving.parse_models(models, label or [], versions or [])
    commands = ks.serving.write_configuration(
        out,
        served,
        port=port,
        rest_port=rest_port or None,
        batching=ks.serving.Batching(max_batch_size, batch_timeout) if batching else None,
        monitoring=monitoring,
        image=image,
        max_message_bytes=max_megabytes * 2**20,
        overwrite=overwrite,
    )
    for model in served:
        labels = "".join(f", {name} is {number}" for name, number in model.labels.items())
        typer.echo(f"{model.name}: version {', '.join(map(str, model.loaded))}{labels}")
    typer.echo(f"written: {out}\n\n{commands}")
