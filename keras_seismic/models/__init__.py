"""Networks, one a file."""

from keras_seismic.models.conv_denoiser import ConvDenoiser
from keras_seismic.models.fcnvmb import FCNVMB
from keras_seismic.models.inversion_net import InversionNet
from keras_seismic.models.lista import LISTA

__all__ = ["FCNVMB", "LISTA", "ConvDenoiser", "InversionNet"]
