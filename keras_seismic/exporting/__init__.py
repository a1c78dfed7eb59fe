"""Exporting: trained networks to models in physical units, SavedModel and ONNX."""

from keras_seismic.exporting.denoising import denoise, denoise_file, load_denoiser
from keras_seismic.exporting.gather_inverter import GatherInverter
from keras_seismic.exporting.inverting import VelocityLine, invert
from keras_seismic.exporting.inverting_files import invert_file
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
    "ModelCard",
    "ParityError",
    "PhysicalUnitsModel",
    "Predictor",
    "VelocityLine",
    "check_parity",
    "denoise",
    "denoise_file",
    "example_inputs",
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
