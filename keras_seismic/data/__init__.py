"""Data: files and simulations to batches that networks train on."""

from keras_seismic.data.blind_spots import BlindSpotPatches
from keras_seismic.data.inspection import Inspection, inspect, plot_inspection
from keras_seismic.data.noise import (
    NOISES,
    Noise,
    NoiseKind,
    add_band_limited_noise,
    add_erratic_noise,
    add_hum,
    add_linear_noise,
    add_noise,
    add_swell_noise,
    add_white_noise,
    as_noises,
    check_noise,
    drop_traces,
    noise_level,
    weaken_traces,
)
from keras_seismic.data.patches import NoisyPatches, normalize_section, patch_positions
from keras_seismic.data.section_writing import check_target, write_section
from keras_seismic.data.sections import Section, read_section, read_velocity, velocity_windows
from keras_seismic.data.segy import read_segy
from keras_seismic.data.synthetic import SimulatedPairs

__all__ = [
    "BlindSpotPatches",
    "NOISES",
    "Inspection",
    "Noise",
    "NoiseKind",
    "NoisyPatches",
    "Section",
    "SimulatedPairs",
    "add_band_limited_noise",
    "add_erratic_noise",
    "add_hum",
    "add_linear_noise",
    "add_noise",
    "add_swell_noise",
    "add_white_noise",
    "as_noises",
    "check_noise",
    "check_target",
    "drop_traces",
    "inspect",
    "noise_level",
    "normalize_section",
    "patch_positions",
    "plot_inspection",
    "read_section",
    "read_segy",
    "read_velocity",
    "velocity_windows",
    "weaken_traces",
    "write_section",
]
