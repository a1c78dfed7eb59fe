"""Denoising sections and files with trained networks."""

import os
from pathlib import Path

import keras
import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.inference.model_card import ModelCard
from keras_seismic.inference.predictors import (
    Predictor,
    graph_predictor,
    load_model,
    load_predictor,
)
from keras_seismic.inference.windows import Size, apply_in_windows
from keras_seismic.io.sections import Section
from keras_seismic.models.physical_units import PhysicalUnitsModel


def denoise(
    section: np.ndarray | Section,
    model: keras.Model | Predictor | str | os.PathLike[str],
    window: Size = 256,
    overlap: Size | None = None,
    batch_size: int = 1,
    keep_mute: bool = True,
    keep_peaks: bool = False,
    progress: bool = True,
) -> np.ndarray:
    """Denoise a section of any size in overlapping windows.

    With a Keras model in physical units, only the network runs in windows: the section is
    normalized as a whole, as in training. Exported models normalize each window separately, so
    that weak parts of a section are treated like strong ones.

    Args:
        section: ``(time, traces)``, raw amplitudes, or what ``read_section`` returns.
        model: A denoiser in physical units (``ks.models.with_physical_units``), the path of a
            model, what ``load_predictor`` returns, or any function from ``(batch, time, traces,
            1)`` to the same shape.
        window: Samples and traces of a window, or one number for both.
        overlap: Samples and traces that neighbors share; a quarter of the window by
            default.
        batch_size: Windows passed through the network together.
        keep_mute: Leave the zeros above the first and below the last nonzero sample of each
            trace, and dead traces, as they are.
        keep_peaks: Add back what the model's ``SectionNormalization("percentile")`` clips: strong
            reflectors keep their amplitude, but so do spikes.
        progress: Show a progress bar when the work takes longer than a second.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        FileNotFoundError: If there is no model at the path.
        ValueError: If the model is no denoiser, if peaks are to be kept and it is not in physical
            units, or as ``apply_in_windows`` says.

    Example:
        >>> section = np.zeros((100, 40), "float32")
        >>> section[50] = 3.0
        >>> bool(np.allclose(denoise(section, lambda x: x), section))
        True
    """
    if isinstance(model, str | os.PathLike):
        model = load_denoiser(model)
    elif isinstance(model, keras.Model):
        _check_denoiser(ModelCard.of(model), "denoise")
    section = np.asarray(section.amplitude if isinstance(section, Section) else section, np.float32)
    check_finite(section, "denoise: section")
    options = (window, overlap, batch_size, progress, "denoising")
    if not isinstance(model, PhysicalUnitsModel) or section.ndim != 2 or not section.size:
        if keep_peaks:
            raise ValueError(
                "denoise: keep_peaks needs a Keras model in physical units, whose "
                f"normalization is known, received a {type(model).__name__}"
            )
        denoised = apply_in_windows(model, section, *options)
    else:
        layer, whole = model.input_normalization, section[None, ..., None]
        offset, scale = (
            np.float32(keras.ops.convert_to_numpy(value).item())
            for value in layer.statistics(whole)
        )
        normalized = keras.ops.convert_to_numpy(layer(whole))[0, ..., 0]
        denoised = (
            apply_in_windows(graph_predictor(model.network), normalized, *options) * scale + offset
        )
        if keep_peaks:
            denoised += section - (normalized * scale + offset)
    return np.where(_muted(section), np.float32(0), denoised) if keep_mute else denoised


def _muted(section: np.ndarray) -> np.ndarray:
    """Muted samples of ``(time, traces)``: zeros from either end of a trace, and dead traces."""
    live = section != 0
    begun = np.logical_or.accumulate(live, axis=0)
    not_ended = np.logical_or.accumulate(live[::-1], axis=0)[::-1]
    return ~(begun & not_ended)


def load_denoiser(
    model: keras.Model | Predictor | str | os.PathLike[str] | None = None,
) -> keras.Model | Predictor:
    """A denoiser from raw amplitudes to raw amplitudes.

    Args:
        model: A path, or a model or function, which is returned. A model without a card counts
            as a denoiser.

    Raises:
        FileNotFoundError: If there is no model at the path.
        ValueError: If it is no denoiser.
    """
    if model is None:
        raise ValueError("denoise: no model was given, and no preset ships yet")
    if not isinstance(model, str | os.PathLike):
        return model
    path = model
    if Path(path).suffix == ".keras":
        denoiser: keras.Model | Predictor = load_model(path)
        card: ModelCard | None = ModelCard.of(denoiser)
    else:
        denoiser, card = load_predictor(path), ModelCard.read(path)
    if card is not None:
        _check_denoiser(card, str(path))
    return denoiser


def _check_denoiser(card: ModelCard, name: str) -> None:
    if card.predicts_velocity:
        raise ValueError(f"{name}: expected a denoiser, received a model of {card.task}")
    if not card.takes_amplitudes:
        raise ValueError(
            f"{name}: expected a model that takes raw amplitudes (model.keras of a run, made by "
            f"with_physical_units), received a {card.model}, which works in [-1, 1]"
        )
