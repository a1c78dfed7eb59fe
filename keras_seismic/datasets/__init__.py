"""Datasets: pairs and patches, from files or simulated, as batches to train networks on."""

from keras_seismic.datasets import tfds
from keras_seismic.datasets.augmentation import GatherAugmentation, mirrored_order
from keras_seismic.datasets.base import Pairs
from keras_seismic.datasets.blind_spots import BlindSpotPatches
from keras_seismic.datasets.fcnvmb import FCNVMBPairs
from keras_seismic.datasets.labeled_sections import LabeledSections
from keras_seismic.datasets.mat_layout import MAT_LAYOUTS, MatLayout
from keras_seismic.datasets.mixed import MixedPairs
from keras_seismic.datasets.openfwi import (
    OpenFWIPairs,
    read_annotation,
    write_openfwi,
)
from keras_seismic.datasets.opening import open_pairs
from keras_seismic.datasets.patches import NoisyPatches, normalize_section, patch_positions
from keras_seismic.datasets.pipeline import BatchSequence, GeneratedExamples
from keras_seismic.datasets.simulated import SimulatedPairs
from keras_seismic.datasets.tfds.reading import TFDSPairs
from keras_seismic.datasets.varied_noise import VariedNoisePatches

__all__ = [
    "tfds",
    "BatchSequence",
    "BlindSpotPatches",
    "FCNVMBPairs",
    "GatherAugmentation",
    "GeneratedExamples",
    "LabeledSections",
    "MAT_LAYOUTS",
    "MatLayout",
    "MixedPairs",
    "NoisyPatches",
    "OpenFWIPairs",
    "Pairs",
    "SimulatedPairs",
    "TFDSPairs",
    "VariedNoisePatches",
    "mirrored_order",
    "normalize_section",
    "open_pairs",
    "patch_positions",
    "read_annotation",
    "write_openfwi",
]
