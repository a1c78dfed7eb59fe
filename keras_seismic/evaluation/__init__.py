"""Evaluation: scores in m/s and dB, on held-out and on real data."""

from keras_seismic.evaluation.comparison import Comparison, plot_predictions
from keras_seismic.evaluation.real_geology import WindowScores, evaluate_on_windows
from keras_seismic.evaluation.scores import (
    DenoisingResult,
    denoising_experiment,
    predict,
    score_denoising,
    score_velocity,
)

__all__ = [
    "Comparison",
    "DenoisingResult",
    "WindowScores",
    "denoising_experiment",
    "evaluate_on_windows",
    "plot_predictions",
    "predict",
    "score_denoising",
    "score_velocity",
]
