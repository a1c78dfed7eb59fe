"""Inference: trained networks applied to your data."""

from keras_seismic.inference.beam_volumes import denoise_with_beam
from keras_seismic.inference.denoising import denoise
from keras_seismic.inference.digests import check_digest
from keras_seismic.inference.gather_inverter import GatherInverter
from keras_seismic.inference.model_card import ModelCard
from keras_seismic.inference.predictors import (
    Outputs,
    Predictor,
    load_model,
    load_outputs,
    load_predictor,
    predict,
    predict_outputs,
)
from keras_seismic.inference.velocity import invert, invert_file
from keras_seismic.inference.velocity_line import VelocityLine
from keras_seismic.inference.volumes import VolumeResult, denoise_file
from keras_seismic.inference.windows import apply_in_windows

__all__ = [
    "GatherInverter",
    "ModelCard",
    "Outputs",
    "Predictor",
    "VelocityLine",
    "VolumeResult",
    "apply_in_windows",
    "check_digest",
    "denoise",
    "denoise_file",
    "denoise_with_beam",
    "invert",
    "invert_file",
    "load_model",
    "load_outputs",
    "load_predictor",
    "predict",
    "predict_outputs",
]
