"""Evaluation: scores in m/s and dB, on held-out and on real data."""

from keras_seismic.evaluation.real_geology import WindowScores, evaluate_on_windows
from keras_seismic.evaluation.scores import (
    DenoisingResult,
    denoising_experiment,
    predict,
    score_denoising,
    score_velocity,
)
from keras_seismic.evaluation.uncertainty import MonteCarloPrediction, monte_carlo_predict

__all__ = [
    "DenoisingResult",
    "MonteCarloPrediction",
    "WindowScores",
    "denoising_experiment",
    "evaluate_on_windows",
    "monte_carlo_predict",
    "predict",
    "score_denoising",
    "score_velocity",
]
