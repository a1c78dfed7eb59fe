"""Gathers: pre-stack data, its geometry and its amplitudes."""

from keras_seismic.gathers.calibration import Calibration, WaveletWarning, measure_direct_wave
from keras_seismic.gathers.matching import acquisition_of, match_acquisition, matching_origins
from keras_seismic.gathers.resampling import interpolate_receivers, resample_time
from keras_seismic.gathers.shot_gathers import ShotGathers, read_shot_gathers
from keras_seismic.gathers.simulated_lines import simulate_to_file

__all__ = [
    "Calibration",
    "ShotGathers",
    "WaveletWarning",
    "acquisition_of",
    "interpolate_receivers",
    "match_acquisition",
    "matching_origins",
    "measure_direct_wave",
    "read_shot_gathers",
    "resample_time",
    "simulate_to_file",
]
