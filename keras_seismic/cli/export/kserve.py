"""``keras-seismic export kserve``: a manifest for an exported model."""

from pathlib import Path
from typing import Annotated

import typer

import keras_seismic as ks
from keras_seismic.cli import app, options


@app.export.command()
def kserve(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="What export triton or export saved-model wrote."),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help=".yaml file to write.")],
    storage_uri: Annotated[
        str,
        typer.Option(metavar="URI", help="FOLDER for the cluster: s3://bucket/models/inversion."),
    ],
    name: Annotated[
        str | None, typer.Option(help="The service's name; by default FOLDER's own.")
    ] = None,
    overwrite: options.Overwrite = False,
) -> Path:
    """Write the manifest that serves an exported model in a cluster with KServe.

    ONNX runs in KServe's Triton and answers the open inference protocol (v2), a SavedModel in its
    TensorFlow Serving.
    """
    path = ks.exporting.write_kserve_manifest(folder, output, storage_uri, name, overwrite)
    typer.echo(f"KServe: {path}; copy {folder} to {storage_uri}, then\n  kubectl apply -f {path}")
    return path
