"""OpenFWI's files: read as batches on any backend, and written."""

from keras_seismic.datasets.openfwi.annotation import read_annotation
from keras_seismic.datasets.openfwi.layout import find_pairs
from keras_seismic.datasets.openfwi.pairs import OpenFWIPairs
from keras_seismic.datasets.openfwi.writing import write_openfwi

__all__ = [
    "OpenFWIPairs",
    "find_pairs",
    "read_annotation",
    "write_openfwi",
]
