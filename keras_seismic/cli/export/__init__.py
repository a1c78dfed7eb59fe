"""``keras-seismic export``: a trained model in the formats that servers and devices run."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Model: TypeAlias = Annotated[Path, typer.Argument(help="model.keras of a run.")]
License: TypeAlias = Annotated[
    str | None, typer.Option(help="Terms of the weights, for the model card.")
]
Examples: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Simulated gathers (or sections) to check the export on.")
]
Overwrite: TypeAlias = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def how_to_predict(path: Path) -> str:
    """Python that calls an exported model."""
    return f">>> keras_seismic.inference.load_predictor({str(path)!r})(amplitudes)"
