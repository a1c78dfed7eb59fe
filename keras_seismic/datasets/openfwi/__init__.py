"""OpenFWI's files: read as batches on any backend, and written."""

from keras_seismic.datasets.openfwi.annotation import read_annotation, write_annotation
from keras_seismic.datasets.openfwi.augmentation import GatherAugmentation, mirrored_order
from keras_seismic.datasets.openfwi.layout import FilePair, find_pairs
from keras_seismic.datasets.openfwi.pairs import OpenFWIPairs
from keras_seismic.datasets.openfwi.sequence import OpenFWISequence
from keras_seismic.datasets.openfwi.writing import write_openfwi

__all__ = [
    "FilePair",
    "GatherAugmentation",
    "OpenFWIPairs",
    "OpenFWISequence",
    "find_pairs",
    "mirrored_order",
    "read_annotation",
    "write_annotation",
    "write_openfwi",
]
