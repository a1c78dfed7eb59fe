"""``keras-seismic export``: a trained model in the formats that servers and devices run."""

from pathlib import Path
from typing import Annotated

import typer

Examples = Annotated[
    int, typer.Option(min=1, help="Simulated gathers (or sections) to check the export.")
]


def how_to_predict(path: Path) -> str:
    """Python that calls an exported model."""
    return f">>> keras_seismic.inference.load_predictor({str(path)!r})(amplitudes)"
