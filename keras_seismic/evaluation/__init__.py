"""Evaluation: scores in m/s and dB, on held-out and on real data."""

from keras_seismic.evaluation.comparison import Comparison, plot_predictions
from keras_seismic.evaluation.data_misfit import data_misfit
from keras_seismic.evaluation.real_geology import WindowScores, evaluate_on_windows
from keras_seismic.evaluation.report import write_report
from keras_seismic.evaluation.robustness import DISTURBANCES, Robustness, evaluate_robustness
from keras_seismic.evaluation.scores import (
    DenoisingResult,
    PairScores,
    denoising_experiment,
    score_denoising,
    score_masks,
    score_pairs,
    score_spread,
    score_velocity,
    score_without_truth,
)
from keras_seismic.evaluation.uncertainty import MonteCarloPrediction, monte_carlo_predict

__all__ = [
    "DISTURBANCES",
    "Comparison",
    "DenoisingResult",
    "MonteCarloPrediction",
    "PairScores",
    "Robustness",
    "WindowScores",
    "data_misfit",
    "denoising_experiment",
    "evaluate_robustness",
    "evaluate_on_windows",
    "monte_carlo_predict",
    "plot_predictions",
    "score_denoising",
    "score_masks",
    "score_pairs",
    "score_spread",
    "score_velocity",
    "score_without_truth",
    "write_report",
]
