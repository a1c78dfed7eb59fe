"""Datasets: pairs and patches, from files or simulated, to batches that networks train on."""

from keras_seismic.datasets import tfds
from keras_seismic.datasets.blind_spots import BlindSpotPatches
from keras_seismic.datasets.fcnvmb import FCNVMBPairs
from keras_seismic.datasets.mat_layout import MAT_LAYOUTS, MatLayout
from keras_seismic.datasets.openfwi import (
    GatherAugmentation,
    OpenFWIPairs,
    OpenFWISequence,
    read_annotation,
    write_annotation,
    write_openfwi,
)
from keras_seismic.datasets.patches import NoisyPatches, normalize_section, patch_positions
from keras_seismic.datasets.simulated import SimulatedPairs

__all__ = [
    "tfds",
    "BlindSpotPatches",
    "FCNVMBPairs",
    "GatherAugmentation",
    "MAT_LAYOUTS",
    "MatLayout",
    "NoisyPatches",
    "OpenFWIPairs",
    "OpenFWISequence",
    "SimulatedPairs",
    "normalize_section",
    "patch_positions",
    "read_annotation",
    "write_annotation",
    "write_openfwi",
]
