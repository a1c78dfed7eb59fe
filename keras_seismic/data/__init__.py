"""Data: files and simulations to batches that networks train on."""

from keras_seismic.data.noise import add_white_noise, noise_level
from keras_seismic.data.patches import NoisyPatches, normalize_section, patch_positions
from keras_seismic.data.section_writing import ClippingWarning, check_target, write_section
from keras_seismic.data.sections import Section, read_section, read_velocity, velocity_windows
from keras_seismic.data.segy import read_segy
from keras_seismic.data.synthetic import SimulatedPairs
from keras_seismic.data.trace_layout import HeaderWarning, TraceLayout, read_layout
from keras_seismic.data.windows import apply_in_windows

__all__ = [
    "ClippingWarning",
    "HeaderWarning",
    "NoisyPatches",
    "Section",
    "SimulatedPairs",
    "TraceLayout",
    "add_white_noise",
    "apply_in_windows",
    "check_target",
    "noise_level",
    "normalize_section",
    "patch_positions",
    "read_layout",
    "read_section",
    "read_segy",
    "read_velocity",
    "velocity_windows",
    "write_section",
]
