"""Networks, one per file."""

from keras_seismic.models.blind_denoiser import BlindDenoiser
from keras_seismic.models.conv_denoiser import ConvDenoiser
from keras_seismic.models.decimated import for_decimated
from keras_seismic.models.fcnvmb import FCNVMB
from keras_seismic.models.inversion_net import InversionNet
from keras_seismic.models.lista import LISTA
from keras_seismic.models.physical_units import (
    PhysicalUnitsModel,
    predicting_network,
    with_physical_units,
    without_spread,
)
from keras_seismic.models.physics_guided import DataMisfit, PhysicsGuidedModel
from keras_seismic.models.precision import in_float32, in_precision
from keras_seismic.models.presets import load_preset, presets
from keras_seismic.models.time_depth_unet import TimeDepthUNet
from keras_seismic.models.velocity_critic import VelocityCritic
from keras_seismic.models.velocity_gan import VelocityGAN
from keras_seismic.models.velocity_with_spread import VelocityWithSpread, has_spread
from keras_seismic.models.wasserstein import wgan_adamw

__all__ = [
    "FCNVMB",
    "LISTA",
    "BlindDenoiser",
    "ConvDenoiser",
    "DataMisfit",
    "InversionNet",
    "PhysicalUnitsModel",
    "PhysicsGuidedModel",
    "TimeDepthUNet",
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
