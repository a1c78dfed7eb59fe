"""Denoising sections and files with trained networks."""

import functools
import os
from pathlib import Path
from typing import Any, Literal, overload

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
from keras_seismic.inference.windows import Size, apply_in_windows, fitting_window
from keras_seismic.io.sections import Section
from keras_seismic.models import PhysicalUnitsModel, load_preset

#: Windows unless others are asked for, samples and traces: large, because what they share is
#: computed twice, and not so large that memory matters.
_LARGEST, _OVERLAP = 512, 64
#: The preset that denoises unless another model is named.
PRESET = "blind_denoiser"


@overload
def denoise(
    section: np.ndarray | Section, *arguments: Any, return_noise: Literal[True], **options: Any
) -> tuple[np.ndarray, float]: ...


@overload
def denoise(section: np.ndarray | Section, *arguments: Any, **options: Any) -> np.ndarray: ...


def denoise(  # type: ignore[misc]
    section: np.ndarray | Section,
    model: keras.Model | Predictor | str | os.PathLike[str] | None = None,
    window: Size | None = None,
    overlap: Size | None = None,
    batch_size: int = 1,
    keep_mute: bool = True,
    keep_peaks: bool = False,
    progress: bool = True,
    *,
    strength: float = 1.0,
    return_noise: bool = False,
) -> np.ndarray | tuple[np.ndarray, float]:
    """Denoise a section of any size in overlapping windows.

    Without a model, the package's own blind denoiser does it, which was trained on simulated
    sections with noise of many kinds: whatever the amplitudes, the sample interval and the noise
    level.

    With a Keras model in physical units, only the network runs in windows: the section is
    normalized as a whole, as in training. Exported models normalize each window separately, so
    that weak parts of a section are treated like strong ones.

    A model of one class, such as faults, returns its probability at each sample instead.

    Args:
        section: ``(time, traces)``, raw amplitudes, or what ``read_section`` returns.
        model: A denoiser in physical units (``ks.models.with_physical_units``), the path of a
            model, what ``load_predictor`` returns, or any function from ``(batch, time, traces,
            1)`` to the same shape; by default the preset ``"blind_denoiser"``.
        window: Samples and traces of a window, or one number for both; by default 512,
            or less where that fits the section.
        overlap: Samples and traces that neighbors share; by default a quarter of the window, or
            64 if neither is given.
        batch_size: Windows passed through the network together.
        keep_mute: Leave the zeros above the first and below the last nonzero sample of each
            trace, and dead traces, as they are.
        keep_peaks: Add back what the model's ``SectionNormalization("percentile")`` clips: strong
            reflectors keep their amplitude, but so do spikes.
        progress: Show a progress bar when the work takes longer than a second.
        strength: How much of what the model takes for noise is removed: 0 leaves the section as
            it was, 1 removes all.
        return_noise: Also return the estimated level of the noise.

    Returns:
        float32 ``(time, traces)``; with ``return_noise``, also the root mean square of the
        estimated noise over the live samples, in the units of the section.

    Raises:
        FileNotFoundError: If there is no model at the path.
        ValueError: If the model is no denoiser, the strength is not in [0, 1], if peaks are to be
            kept and the model is not in physical units, or as ``apply_in_windows`` says.

    Example:
        >>> section = np.zeros((100, 40), "float32")
        >>> section[50] = 3.0
        >>> bool(np.allclose(denoise(section, lambda x: x), section))
        True
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"denoise: strength must be in [0, 1], received {strength}")
    if isinstance(model, keras.Model):
        _check_denoiser(ModelCard.of(model), "denoise")
    else:
        model = load_denoiser(model)
    if getattr(model, "predicts_classes", False) and (strength < 1 or keep_peaks):
        raise ValueError(
            "denoise: strength and keep_peaks are for denoisers, received a model that predicts "
            "probabilities"
        )
    section = np.asarray(section.amplitude if isinstance(section, Section) else section, np.float32)
    check_finite(section, "denoise: section")
    if window is None and overlap is None:
        window = fitting_window(section.shape, _LARGEST, _OVERLAP)
        overlap = [min(_OVERLAP, n // 2) for n in window]  # alone, a window may be smaller
    elif window is None:
        window = _LARGEST
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
        denoised = apply_in_windows(graph_predictor(model.network), normalized, *options)
        if not model.predicts_classes:
            denoised = denoised * scale + offset
        if keep_peaks:
            denoised += section - (normalized * scale + offset)
    if keep_mute:
        denoised = np.where(_muted(section), section, denoised)
    removed = section - denoised
    if strength < 1:
        denoised = section - np.float32(strength) * removed
    if not return_noise:
        return denoised
    live = np.count_nonzero(section)
    return denoised, float(np.sqrt(np.sum(np.square(removed, dtype=np.float64)) / max(live, 1)))


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
        model: A path, ``None`` for the preset, or a model or function, which is returned. A model
            without a card counts as a denoiser.

    Raises:
        FileNotFoundError: If there is no model at the path.
        ValueError: If it is no denoiser.
    """
    if model is None:
        return _preset()
    if not isinstance(model, str | os.PathLike):
        return model
    path, card = model, None
    if Path(path).suffix == ".keras":
        denoiser: keras.Model | Predictor = load_model(path)
        card = ModelCard.of(denoiser)
    else:
        denoiser, card = load_predictor(path), ModelCard.read(path)
    if card is not None:
        _check_denoiser(card, str(path))
    return denoiser


@functools.cache
def _preset() -> keras.Model:
    return load_preset(PRESET)


def _check_denoiser(card: ModelCard, name: str) -> None:
    if card.predicts_velocity:
        raise ValueError(f"{name}: expected a denoiser, received a model of {card.task}")
    if not card.takes_amplitudes:
        raise ValueError(
            f"{name}: expected a model that takes raw amplitudes (model.keras of a run, made by "
            f"with_physical_units), received a {card.model}, which works in [-1, 1]"
        )
