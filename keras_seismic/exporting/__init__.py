"""Exporting: trained networks in the formats of servers, devices and OpendTect, checked."""

from keras_seismic.exporting.accuracy import AccuracyLoss, accuracy_loss
from keras_seismic.exporting.kserve import write_kserve_manifest
from keras_seismic.exporting.litert import export_litert
from keras_seismic.exporting.onnx import export_onnx
from keras_seismic.exporting.opendtect import export_opendtect, load_opendtect
from keras_seismic.exporting.parity import ParityError, check_parity, example_inputs
from keras_seismic.exporting.preset import export_preset
from keras_seismic.exporting.saved_model import export_saved_model
from keras_seismic.exporting.triton import export_triton
from keras_seismic.exporting.web import export_web

__all__ = [
    "AccuracyLoss",
    "ParityError",
    "accuracy_loss",
    "check_parity",
    "example_inputs",
    "export_litert",
    "export_onnx",
    "export_opendtect",
    "export_preset",
    "export_saved_model",
    "export_triton",
    "export_web",
    "load_opendtect",
    "write_kserve_manifest",
]
