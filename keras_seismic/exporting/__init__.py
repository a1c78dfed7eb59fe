"""Exporting: trained networks to models in physical units, SavedModel and ONNX."""

from keras_seismic.exporting.accuracy import AccuracyLoss, accuracy_loss
from keras_seismic.exporting.litert import export_litert
from keras_seismic.exporting.model_card import ModelCard
from keras_seismic.exporting.onnx import export_onnx
from keras_seismic.exporting.parity import ParityError, check_parity, example_inputs
from keras_seismic.exporting.physical_units import (
    PhysicalUnitsModel,
    in_float32,
    with_physical_units,
)
from keras_seismic.exporting.prediction import denoise_file, denoise_section, load_denoiser
from keras_seismic.exporting.predictors import (
    Predictor,
    load_model,
    load_predictor,
    model_predictor,
)
from keras_seismic.exporting.saved_model import export_saved_model

__all__ = [
    "AccuracyLoss",
    "ModelCard",
    "ParityError",
    "PhysicalUnitsModel",
    "Predictor",
    "accuracy_loss",
    "check_parity",
    "denoise_file",
    "denoise_section",
    "example_inputs",
    "export_litert",
    "export_onnx",
    "export_saved_model",
    "in_float32",
    "load_denoiser",
    "load_model",
    "load_predictor",
    "model_predictor",
    "with_physical_units",
]
