"""Data: files and simulations to batches that networks train on."""

from keras_seismic.data import datasets
from keras_seismic.data.fcnvmb import MAT_LAYOUTS, FCNVMBPairs, MatLayout
from keras_seismic.data.mat_files import read_mat
from keras_seismic.data.noise import add_white_noise, noise_level
from keras_seismic.data.patches import NoisyPatches, normalize_section, patch_positions
from keras_seismic.data.section_writing import check_target, write_section
from keras_seismic.data.sections import Section, read_section, read_velocity, velocity_windows
from keras_seismic.data.segy import read_segy
from keras_seismic.data.synthetic import SimulatedPairs

__all__ = [
    "FCNVMBPairs",
    "MAT_LAYOUTS",
    "MatLayout",
    "NoisyPatches",
    "Section",
    "SimulatedPairs",
    "add_white_noise",
    "check_target",
    "datasets",
    "noise_level",
    "normalize_section",
    "patch_positions",
    "read_mat",
    "read_section",
    "read_segy",
    "read_velocity",
    "velocity_windows",
    "write_section",
]
