"""Evaluation: scores in m/s and dB, on held-out and on real data."""

from keras_seismic.evaluation.comparison import Comparison, plot_predictions
from keras_seismic.evaluation.low_cut_study import (
    LowCutStudy,
    checked_low_cuts,
    low_cut_name,
    low_cut_study,
    plot_low_cut_scores,
    plot_low_cut_velocity,
)
from keras_seismic.evaluation.real_geology import WindowScores, evaluate_on_windows
from keras_seismic.evaluation.scores import (
    DenoisingResult,
    denoising_experiment,
    score_denoising,
    score_velocity,
    score_without_truth,
)
from keras_seismic.evaluation.uncertainty import MonteCarloPrediction, monte_carlo_predict

__all__ = [
    "Comparison",
    "DenoisingResult",
    "LowCutStudy",
    "MonteCarloPrediction",
    "WindowScores",
    "checked_low_cuts",
    "denoising_experiment",
    "evaluate_on_windows",
    "low_cut_name",
    "low_cut_study",
    "monte_carlo_predict",
    "plot_low_cut_scores",
    "plot_low_cut_velocity",
    "plot_predictions",
    "score_denoising",
    "score_velocity",
    "score_without_truth",
]
