"""Networks, one per file."""

from keras_seismic.models.blind_denoiser import BlindDenoiser
from keras_seismic.models.cnn import CNN
from keras_seismic.models.conv_denoiser import ConvDenoiser
from keras_seismic.models.decimated import for_decimated
from keras_seismic.models.denoising_diffusion import DenoisingDiffusion
from keras_seismic.models.diffusion_unet import DiffusionUNet
from keras_seismic.models.fcn import FCN
from keras_seismic.models.fcnvmb import FCNVMB
from keras_seismic.models.inversion_net import InversionNet
from keras_seismic.models.lista import LISTA
from keras_seismic.models.mlp import MLP
from keras_seismic.models.physical_units import (
    PhysicalUnitsModel,
    predicting_network,
    with_physical_units,
    without_spread,
)
from keras_seismic.models.physics_guided import DataMisfit, PhysicsGuidedModel
from keras_seismic.models.posterior_mean import PosteriorMean
from keras_seismic.models.precision import in_float32, in_precision
from keras_seismic.models.presets import load_preset, presets
from keras_seismic.models.psp_net import PSPNet
from keras_seismic.models.time_depth_unet import TimeDepthUNet
from keras_seismic.models.trace_rnn import TraceRNN
from keras_seismic.models.unet import UNet
from keras_seismic.models.velocity_critic import VelocityCritic
from keras_seismic.models.velocity_gan import VelocityGAN
from keras_seismic.models.velocity_with_spread import VelocityWithSpread, has_spread
from keras_seismic.models.vgg16 import VGG16
from keras_seismic.models.wasserstein import wgan_adamw

__all__ = [
    "CNN",
    "FCN",
    "FCNVMB",
    "LISTA",
    "MLP",
    "VGG16",
    "BlindDenoiser",
    "ConvDenoiser",
    "DataMisfit",
    "DenoisingDiffusion",
    "DiffusionUNet",
    "InversionNet",
    "PSPNet",
    "PhysicalUnitsModel",
    "PhysicsGuidedModel",
    "TimeDepthUNet",
    "PosteriorMean",
    "TraceRNN",
    "UNet",
    "VelocityCritic",
    "VelocityGAN",
    "VelocityWithSpread",
    "for_decimated",
    "has_spread",
    "in_float32",
    "in_precision",
    "load_preset",
    "predicting_network",
    "presets",
    "wgan_adamw",
    "with_physical_units",
    "without_spread",
]
