"""Waveform inversion: velocity models whose simulated gathers fit the recorded ones."""

from keras_seismic.inversion.full_waveform import full_waveform
from keras_seismic.inversion.misfits import L2, Envelope, Huber, NormalizedCorrelation
from keras_seismic.inversion.refinement import refined
from keras_seismic.inversion.regularization import Tikhonov, TotalVariation
from keras_seismic.inversion.result import WaveformInversion
from keras_seismic.inversion.source import estimate_wavelet, low_pass
from keras_seismic.inversion.stages import Stage, multiscale
from keras_seismic.inversion.starts import linear_start
from keras_seismic.inversion.weights import trace_weights

__all__ = [
    "L2",
    "Envelope",
    "Huber",
    "NormalizedCorrelation",
    "Stage",
    "Tikhonov",
    "TotalVariation",
    "WaveformInversion",
    "estimate_wavelet",
    "full_waveform",
    "linear_start",
    "low_pass",
    "multiscale",
    "refined",
    "trace_weights",
]
