"""Networks, one a file."""

from keras_seismic.models.conv_denoiser import ConvDenoiser
from keras_seismic.models.inversion_net import InversionNet

__all__ = ["ConvDenoiser", "InversionNet"]
