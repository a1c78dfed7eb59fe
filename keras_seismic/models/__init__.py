"""Networks, one a file."""

from keras_seismic.models.conv_denoiser import ConvDenoiser
from keras_seismic.models.fcnvmb import FCNVMB
from keras_seismic.models.inversion_net import InversionNet
from keras_seismic.models.lista import LISTA
from keras_seismic.models.velocity_critic import VelocityCritic
from keras_seismic.models.velocity_gan import VelocityGAN
from keras_seismic.models.wasserstein import wgan_adamw

__all__ = [
    "FCNVMB",
    "LISTA",
    "ConvDenoiser",
    "InversionNet",
    "VelocityCritic",
    "VelocityGAN",
    "wgan_adamw",
]
