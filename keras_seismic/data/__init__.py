"""Data: files and simulations to batches that networks train on."""

from keras_seismic.data.noise import add_white_noise, noise_level
from keras_seismic.data.openfwi import (
    GatherAugmentation,
    OpenFWIPairs,
    OpenFWISequence,
    read_annotation,
    write_annotation,
    write_openfwi,
)
from keras_seismic.data.patches import NoisyPatches, normalize_section, patch_positions
from keras_seismic.data.section_writing import check_target, write_section
from keras_seismic.data.sections import Section, read_section, read_velocity, velocity_windows
from keras_seismic.data.segy import read_segy
from keras_seismic.data.synthetic import SimulatedPairs

__all__ = [
    "GatherAugmentation",
    "NoisyPatches",
    "OpenFWIPairs",
    "OpenFWISequence",
    "Section",
    "SimulatedPairs",
    "add_white_noise",
    "check_target",
    "noise_level",
    "normalize_section",
    "patch_positions",
    "read_annotation",
    "read_section",
    "read_segy",
    "read_velocity",
    "velocity_windows",
    "write_annotation",
    "write_openfwi",
    "write_section",
]
