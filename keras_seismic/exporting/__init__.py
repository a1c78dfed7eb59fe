"""Exporting: trained networks to SavedModel, ONNX and LiteRT in physical units, and their use."""

from keras_seismic.exporting.accuracy import AccuracyLoss, accuracy_loss
from keras_seismic.exporting.denoising import denoise, denoise_file, load_denoiser
from keras_seismic.exporting.gather_inverter import GatherInverter
from keras_seismic.exporting.inverting import VelocityLine, invert
from keras_seismic.exporting.inverting_files import invert_file
from keras_seismic.exporting.litert import export_litert
from keras_seismic.exporting.model_card import ModelCard
from keras_seismic.exporting.onnx import export_onnx
from keras_seismic.exporting.parity import ParityError, check_parity, example_inputs
from keras_seismic.exporting.physical_units import (
    PhysicalUnitsModel,
    in_float32,
    with_physical_units,
)
from keras_seismic.exporting.predictors import (
    Predictor,
    load_model,
    load_predictor,
    model_predictor,
)
from keras_seismic.exporting.saved_model import export_saved_model

__all__ = [
    "GatherInverter",
    "AccuracyLoss",
    "ModelCard",
    "ParityError",
    "PhysicalUnitsModel",
    "Predictor",
    "VelocityLine",
    "accuracy_loss",
    "check_parity",
    "denoise",
    "denoise_file",
    "example_inputs",
    "export_litert",
    "export_onnx",
    "export_saved_model",
    "in_float32",
    "invert",
    "invert_file",
    "load_denoiser",
    "load_model",
    "load_predictor",
    "model_predictor",
    "with_physical_units",
]
