"""Scores of velocity models and sections, in m/s and dB."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from scipy.stats import spearmanr

from keras_seismic.datasets import Pairs, normalize_section
from keras_seismic.inference import Outputs, Predictor, predict, predict_outputs
from keras_seismic.metrics import (
    SSIM,
    MeanAbsoluteVelocityError,
    RootMeanSquaredVelocityError,
    SignalToNoiseRatio,
)
from keras_seismic.models import for_decimated
from keras_seismic.noise import NoiseLike, add_noise


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
        minimum: Velocity that counts as 0 in the structural similarity, m/s.
        maximum: Velocity that counts as 1, m/s.

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


def score_spread(true: np.ndarray, predicted: np.ndarray, spread: np.ndarray) -> dict[str, float]:
    """How well a stated spread tells the error of predicted velocity models, over all cells.

    Args:
        true: ``(models, depth, width, 1)``, m/s.
        predicted: The same.
        spread: The half-width of the 90 % interval, of the same shape, m/s.

    Returns:
        ``spread_coverage``, the fraction of cells whose true velocity lies within predicted ±
        spread (0.9 if the spread is right); ``spread_mean_m_s``; and ``spread_error_correlation``,
        Spearman's rank correlation of absolute error and spread, 0 if one of the two is constant.

    Example:
        >>> error = np.arange(10.0).reshape(1, 2, 5, 1)
        >>> scores = score_spread(0 * error, error, 8 + 0.1 * error)
        >>> scores["spread_coverage"], round(scores["spread_error_correlation"], 3)
        (0.9, 1.0)
    """
    error, spread = np.abs(np.asarray(predicted, np.float64) - true).ravel(), np.ravel(spread)
    constant = np.ptp(error) == 0 or np.ptp(spread) == 0
    return {
        "spread_coverage": float(np.mean(error <= spread)),
        "spread_mean_m_s": float(np.mean(spread, dtype=np.float64)),
        "spread_error_correlation": 0.0 if constant else float(spearmanr(error, spread).statistic),
    }


def score_masks(true: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """How well masks agree, where a probability of at least one half counts as yes.

    Args:
        true: 0 and 1, of any shape.
        probability: The same shape.

    Returns:
        ``mean_iou``, the mean over yes and no of what both mark over what either marks, and
        ``dice``, twice what both mark over the sum of what each marks. Where there is nothing to
        mark, marking nothing scores 1.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> score_masks(np.array([1, 1, 0, 0]), np.array([0.9, 0.1, 0.2, 0.0]))["dice"]
        0.6666666666666666
    """
    if np.shape(true) != np.shape(probability):
        raise ValueError(
            f"score_masks: expected two arrays of one shape, received {np.shape(true)} and "
            f"{np.shape(probability)}"
        )
    yes, said = np.asarray(true) >= 0.5, np.asarray(probability) >= 0.5

    def ratio(part: Any, whole: Any) -> float:
        return float(part / whole) if whole else 1.0

    overlaps = [
        ratio(np.count_nonzero(a & b), np.count_nonzero(a | b))
        for a, b in ((yes, said), (~yes, ~said))
    ]
    marked = np.count_nonzero(yes) + np.count_nonzero(said)
    return {
        "mean_iou": float(np.mean(overlaps)),
        "dice": ratio(2 * np.count_nonzero(yes & said), marked),
    }


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


def score_without_truth(noisy: np.ndarray, denoised: np.ndarray) -> dict[str, float]:
    """Scores of a denoised section whose clean version is unknown.

    A signal-to-noise ratio would need the truth. But noise is unrelated to the signal, so what
    was removed should not resemble what was kept; signal removed by mistake does.

    Args:
        noisy: ``(time, traces)``.
        denoised: The same.

    Returns:
        ``removed_fraction``, the fraction of the energy that was removed, and
        ``removed_similarity``, the absolute correlation of the removed part with the kept one:
        0 if they have nothing in common, 1 if they are the same.
    """
    noisy, denoised = noisy.astype(np.float64), denoised.astype(np.float64)
    removed = noisy - denoised
    energies = np.sum(removed**2), np.sum(denoised**2)
    similarity = abs(np.sum(removed * denoised)) / max(np.sqrt(energies[0] * energies[1]), 1e-30)
    return {
        "removed_fraction": float(energies[0] / np.sum(noisy**2)),
        "removed_similarity": float(similarity),
    }


class DenoisingResult(NamedTuple):
    """A section: clean, with noise, and denoised, each ``(time, traces)``."""

    clean: np.ndarray
    noisy: np.ndarray
    denoised: np.ndarray


def denoising_experiment(
    model: keras.Model | Predictor,
    section: np.ndarray,
    snr_db: float = 0.0,
    seed: int | Sequence[int] = 0,
    noise: NoiseLike = "white",
    dt: float | None = None,
) -> DenoisingResult:
    """Add noise to a section and let a model remove it.

    The section is clipped and scaled first (``normalize_section``).

    Args:
        model: Noisy to clean sections in their own units (``with_physical_units``).
        section: ``(time, traces)``, raw amplitudes, taken as clean.
        snr_db: Signal-to-noise ratio of the noisy section, dB.
        seed: Seed of the noise.
        noise: Kind of noise, or several; see ``add_noise``.
        dt: Sample interval, s, for noise with frequencies.
    """
    clean = normalize_section(section)
    noisy = add_noise(clean, noise, snr_db, dt, seed)
    denoised = predict(model, noisy[None, ..., None])[0, ..., 0]
    return DenoisingResult(clean, noisy, denoised)


class PairScores(NamedTuple):
    """Result of ``score_pairs``.

    Attributes:
        metrics: Those of ``score_velocity``, ``baseline_mae_m_s`` (the error of predicting the
            mean of the training models) and ``prediction_std_m_s``, which is zero for a network
            that always predicts the same; with a spread also those of ``score_spread``.
        true: Velocity, ``(pairs, depth, width, 1)``, m/s.
        predicted: Predicted velocity, of the same shape.
        spread: Its spread, of the same shape, if the model has one.
    """

    metrics: dict[str, float]
    true: np.ndarray
    predicted: np.ndarray
    spread: np.ndarray | None = None


def score_pairs(
    model: keras.Model | Predictor | Outputs,
    pairs: Pairs,
    part: slice | Sequence[int] | np.ndarray,
    learned: slice | Sequence[int] | np.ndarray,
) -> PairScores:
    """Score a velocity model on pairs that it was not trained on.

    Args:
        model: Raw gathers to m/s, in memory, or what ``load_predictor`` or ``load_outputs`` gives.
            For pairs of which not every sample is kept, a model in physical units, whose
            preparation begins with that decimation.
        pairs: Pairs of any kind, on disk.
        part: Which of them to score on.
        learned: Which of them it was trained on; their mean velocity is the prediction to beat.

    Example:
        >>> import keras_seismic as ks
        >>> pairs = ks.datasets.SimulatedPairs("flatvel_a", 10, ks.simulation.Acquisition.openfwi())
        >>> learning, held_out = pairs.held_out()
        >>> ks.evaluation.score_pairs(model, pairs, held_out, learning)  # doctest: +SKIP
    """
    gathers, velocity = pairs[part]
    model = for_decimated(model, pairs.keep_every)
    predicted, *spreads = predict_outputs(model, gathers).values()
    metrics = score_velocity(velocity, predicted)
    metrics["baseline_mae_m_s"] = float(np.abs(velocity - pairs.mean_velocity(learned)).mean())
    metrics["prediction_std_m_s"] = float(predicted.std())
    for spread in spreads:
        metrics |= score_spread(velocity, predicted, spread)
    return PairScores(metrics, velocity, predicted, *spreads)
