"""The programs ``keras-seismic train``; importing them registers them."""

from keras_seismic.cli.train.blind_denoiser import blind_denoiser
from keras_seismic.cli.train.deconvolution import deconvolution
from keras_seismic.cli.train.denoiser import denoiser
from keras_seismic.cli.train.fcnvmb import fcnvmb
from keras_seismic.cli.train.inversionnet import inversionnet
from keras_seismic.cli.train.segmentation import segmentation
from keras_seismic.cli.train.time_depth_unet import time_depth_unet
from keras_seismic.cli.train.transfer import transfer
from keras_seismic.cli.train.unsupervised import unsupervised
from keras_seismic.cli.train.velocitygan import velocitygan

__all__ = [
    "blind_denoiser",
    "deconvolution",
    "denoiser",
    "fcnvmb",
    "inversionnet",
    "time_depth_unet",
    "segmentation",
    "transfer",
    "unsupervised",
    "velocitygan",
]
