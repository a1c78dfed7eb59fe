"""Data: files and simulations to batches that networks train on."""

from keras_seismic.data import datasets
from keras_seismic.data.acquisition_matching import match_acquisition, matching_origins
from keras_seismic.data.blind_spots import BlindSpotPatches
from keras_seismic.data.calibration import Calibration, WaveletWarning, measure_direct_wave
from keras_seismic.data.fcnvmb import FCNVMBPairs
from keras_seismic.data.inspection import Inspection, inspect, plot_inspection
from keras_seismic.data.mat_files import read_mat
from keras_seismic.data.mat_layout import MAT_LAYOUTS, MatLayout
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
from keras_seismic.data.openfwi import (
    GatherAugmentation,
    OpenFWIPairs,
    OpenFWISequence,
    read_annotation,
    write_annotation,
    write_openfwi,
)
from keras_seismic.data.patches import NoisyPatches, normalize_section, patch_positions
from keras_seismic.data.resampling import interpolate_receivers, resample_time
from keras_seismic.data.section_writing import ClippingWarning, check_target, write_section
from keras_seismic.data.sections import Section, read_section, read_velocity, velocity_windows
from keras_seismic.data.segy import read_segy
from keras_seismic.data.shot_gathers import ShotGathers, read_shot_gathers
from keras_seismic.data.synthetic import SimulatedPairs
from keras_seismic.data.trace_layout import HeaderWarning, TraceLayout, read_layout
from keras_seismic.data.windows import apply_in_windows

__all__ = [
    "BlindSpotPatches",
    "Calibration",
    "ClippingWarning",
    "FCNVMBPairs",
    "HeaderWarning",
    "MAT_LAYOUTS",
    "MatLayout",
    "Inspection",
    "NOISES",
    "Noise",
    "NoiseKind",
    "GatherAugmentation",
    "NoisyPatches",
    "OpenFWIPairs",
    "OpenFWISequence",
    "Section",
    "ShotGathers",
    "SimulatedPairs",
    "TraceLayout",
    "WaveletWarning",
    "add_band_limited_noise",
    "add_erratic_noise",
    "add_hum",
    "add_linear_noise",
    "add_noise",
    "add_swell_noise",
    "add_white_noise",
    "apply_in_windows",
    "as_noises",
    "check_noise",
    "check_target",
    "datasets",
    "drop_traces",
    "inspect",
    "interpolate_receivers",
    "match_acquisition",
    "matching_origins",
    "measure_direct_wave",
    "noise_level",
    "normalize_section",
    "patch_positions",
    "plot_inspection",
    "read_layout",
    "read_mat",
    "read_annotation",
    "read_section",
    "read_segy",
    "read_shot_gathers",
    "read_velocity",
    "resample_time",
    "velocity_windows",
    "weaken_traces",
    "write_annotation",
    "write_openfwi",
    "write_section",
]
