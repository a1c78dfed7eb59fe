"""``keras-seismic export``: a trained model in the formats that servers, devices and people use."""

from pathlib import Path
from typing import Annotated

import keras
import typer

import keras_seismic as ks

Examples = Annotated[
    int, typer.Option(min=1, help="Simulated gathers (or sections) to check the export.")
]
Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="model.keras of a run, or the name of a preset.")
]


def loaded(model: Path, license: str | None) -> tuple[keras.Model, ks.inference.ModelCard]:
    """The model of a run or a preset, and its card.

    Args:
        model: A ``.keras`` file, or the name of one of ``ks.presets()``.
        license: Terms of the weights; by default a preset's own.
    """
    preset = ks.presets().get(str(model))
    if preset is None or model.is_file():
        if not model.suffix:
            raise ValueError(
                f"{model}: expected a .keras file or one of the presets {', '.join(ks.presets())}"
            )
        network = ks.inference.load_model(model)
        return network, ks.inference.ModelCard.of_run(network, model, license)
    network = ks.load_preset(str(model))
    terms = license or preset.get("license")
    data, metrics = preset.get("data"), preset.get("metrics")
    return network, ks.inference.ModelCard.of(network, data, metrics, terms)


def how_to_predict(path: Path) -> str:
    """Python that calls an exported model."""
    return f">>> keras_seismic.inference.load_predictor({str(path)!r})(amplitudes)"
