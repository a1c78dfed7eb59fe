"""Evaluation: scores in m/s and dB, on held-out and on real data."""

from keras_seismic.evaluation.real_geology import WindowScores, evaluate_on_windows
from keras_seismic.evaluation.scores import (
    DenoisingResult,
    denoising_experiment,
    predict,
    score_denoising,
    score_velocity,
    score_without_truth,
)

__all__ = [
    "DenoisingResult",
    "WindowScores",
    "denoising_experiment",
    "evaluate_on_windows",
    "predict",
    "score_denoising",
    "score_velocity",
    "score_without_truth",
]
