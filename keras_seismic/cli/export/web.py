"""``keras-seismic export web``: a page that runs a model in the browser."""

from pathlib import Path
from typing import Annotated

import typer

import keras_seismic as ks
from keras_seismic.cli import app, options
from keras_seismic.inference.denoising import PRESET


@app.export.command()
def web(
    model: Annotated[
        str,
        typer.Argument(
            metavar="[MODEL]",
            help=f"model.keras of a run, or the name of a preset; {PRESET} if left out.",
        ),
    ],
    site: Annotated[Path | None, typer.Argument(metavar="SITE", help="Folder to write.")] = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="The npm package onnxruntime-web, as npm pack writes it or unpacked, where there "
            "is no npm.",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    license: options.License = None,
) -> Path:
    """Export a page that runs the model in the browser: one folder for any static server.

    A denoiser's page takes SEG-Y, shows it before and after, and saves it with its headers
    unchanged; an inversion network's page takes shot gathers in .npy. Files stay on the computer
    of whoever opens them. The runtime comes from npm; without npm, pass --runtime.

    Loading a model can run code inside it: export only models that you trust.
    """
    if site is None:
        model, site = PRESET, Path(model)
    limits = None
    if model in ks.presets():
        network, preset = ks.load_preset(model), ks.presets()[model]
        card = ks.inference.ModelCard.of(
            network, preset["data"], preset["metrics"], license or preset["license"]
        )
        limits = preset["limits"]
    else:
        network = ks.inference.load_model(model)
        card = ks.inference.ModelCard.of_run(network, model, license)
    ks.exporting.export_web(network, site, runtime, overwrite=overwrite, card=card, limits=limits)
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    typer.echo(
        f"{site}: {size / 1e6:.1f} MB; look at it with\n"
        f"  python -m http.server -d {site} 8000\n"
        "and open http://localhost:8000"
    )
    return site
