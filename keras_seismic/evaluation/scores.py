"""Scores of velocity models and sections, in the units people think in."""

from typing import NamedTuple

import keras
import numpy as np

from keras_seismic.data.noise import add_white_noise
from keras_seismic.data.patches import normalize_section
from keras_seismic.exporting import Predictor, model_predictor
from keras_seismic.metrics import (
    SSIM,
    MeanAbsoluteVelocityError,
    RootMeanSquaredVelocityError,
    SignalToNoiseRatio,
)


def score_velocity(
    true: np.ndarray,
    predicted: np.ndarray,
    minimum: float = 1500.0,
    maximum: float = 4500.0,
) -> dict[str, float]:
    """Errors and similarity of predicted velocity models.

    Args:
        true: ``(models, depth, width, 1)``, m/s.
        predicted: The same.
        minimum: Velocity that is 0 for the structural similarity, m/s.
        maximum: Velocity that is 1 for it, m/s.

    Returns:
        ``velocity_mae_m_s``, ``velocity_rmse_m_s`` and ``velocity_ssim``.
    """
    metrics = [
        MeanAbsoluteVelocityError(),
        RootMeanSquaredVelocityError(),
        SSIM(minimum, maximum, name="velocity_ssim"),
    ]
    for metric in metrics:
        metric.update_state(true, predicted)
    return {metric.name: float(metric.result()) for metric in metrics}


def score_denoising(clean: np.ndarray, noisy: np.ndarray, denoised: np.ndarray) -> dict[str, float]:
    """Signal-to-noise ratios before and after.

    Args:
        clean: ``(time, traces)``.
        noisy: The same.
        denoised: The same.

    Returns:
        ``denoiser_snr_in_db`` and ``denoiser_snr_out_db``.
    """
    scores = {}
    for name, estimate in (("in", noisy), ("out", denoised)):
        metric = SignalToNoiseRatio()
        metric.update_state(clean[None], estimate[None])
        scores[f"denoiser_snr_{name}_db"] = float(metric.result())
    return scores


def predict(model: keras.Model | Predictor, inputs: np.ndarray, batch_size: int = 8) -> np.ndarray:
    """Output of a model, or of ``load_predictor``, for any number of examples."""
    call = model_predictor(model) if isinstance(model, keras.Model) else model
    return np.concatenate(
        [call(inputs[i : i + batch_size]) for i in range(0, len(inputs), batch_size)]
    )


class DenoisingResult(NamedTuple):
    """A section clean, buried in noise, and found again, each ``(time, traces)``."""

    clean: np.ndarray
    noisy: np.ndarray
    denoised: np.ndarray


def denoising_experiment(
    model: keras.Model | Predictor, section: np.ndarray, snr_db: float = 0.0, seed: int = 0
) -> DenoisingResult:
    """Bury a section in noise and let a model find it again.

    The section is clipped and scaled first (``normalize_section``).

    Args:
        model: Noisy to clean sections in their own units (``with_physical_units``).
        section: ``(time, traces)``, raw amplitudes; taken as clean.
        snr_db: Signal-to-noise ratio of the noisy section, dB.
        seed: Decides the noise.
    """
    clean = normalize_section(section)
    noisy = add_white_noise(clean, snr_db, seed)
    denoised = predict(model, noisy[None, ..., None])[0, ..., 0]
    return DenoisingResult(clean, noisy, denoised)
