"""Convert: weights from other frameworks."""

from keras_seismic.convert.openfwi import load_openfwi_checkpoint
from keras_seismic.convert.torch_file import read_torch_file

__all__ = ["load_openfwi_checkpoint", "read_torch_file"]
