"""ONNX: conversion, smaller and faster graphs, lower-precision variants."""

from keras_seismic.exporting.onnx.export import export_onnx
from keras_seismic.exporting.onnx.variants import VARIANTS

__all__ = ["VARIANTS", "export_onnx"]
