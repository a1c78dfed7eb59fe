"""Realistic noise to add to clean sections."""

from keras_seismic.noise.coherent import add_linear_noise
from keras_seismic.noise.incoherent import (
    add_band_limited_noise,
    add_erratic_noise,
    add_hum,
    add_swell_noise,
)
from keras_seismic.noise.levels import add_white_noise, noise_level
from keras_seismic.noise.mixture import (
    NOISES,
    Noise,
    NoiseLike,
    add_noise,
    as_noises,
    check_noise,
)
from keras_seismic.noise.traces import drop_traces, weaken_traces

__all__ = [
    "NOISES",
    "Noise",
    "NoiseLike",
    "add_band_limited_noise",
    "add_erratic_noise",
    "add_hum",
    "add_linear_noise",
    "add_noise",
    "add_swell_noise",
    "add_white_noise",
    "as_noises",
    "check_noise",
    "drop_traces",
    "noise_level",
    "weaken_traces",
]
