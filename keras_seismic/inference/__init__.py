"""Inference: what networks answer on a user's data."""

from keras_seismic.inference.denoising import denoise, denoise_file, load_denoiser
from keras_seismic.inference.gather_inverter import GatherInverter
from keras_seismic.inference.model_card import ModelCard
from keras_seismic.inference.predictors import (
    Predictor,
    load_model,
    load_predictor,
    model_predictor,
)
from keras_seismic.inference.velocity import VelocityLine, invert
from keras_seismic.inference.velocity_files import invert_file
from keras_seismic.inference.windows import apply_in_windows

__all__ = [
    "GatherInverter",
    "ModelCard",
    "Predictor",
    "VelocityLine",
    "apply_in_windows",
    "denoise",
    "denoise_file",
    "invert",
    "invert_file",
    "load_denoiser",
    "load_model",
    "load_predictor",
    "model_predictor",
]
