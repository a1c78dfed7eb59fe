"""Streaming metrics: their result does not depend on how the data was cut into batches."""

from keras_seismic.metrics.signal_to_noise import SignalToNoiseRatio
from keras_seismic.metrics.structural_similarity import SSIM
from keras_seismic.metrics.velocity import (
    MeanAbsoluteVelocityError,
    RootMeanSquaredVelocityError,
    VelocitySignalToNoiseRatio,
)

__all__ = [
    "SSIM",
    "MeanAbsoluteVelocityError",
    "RootMeanSquaredVelocityError",
    "SignalToNoiseRatio",
    "VelocitySignalToNoiseRatio",
]
