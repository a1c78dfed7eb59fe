"""Seismic networks in Keras: simulate, train, evaluate, and put into service.

Importing it registers the layers, metrics and models with Keras, so that saved models
load, and starts nothing. TensorFlow (other than as Keras' backend), matplotlib, segyio,
onnxruntime and their like are imported by the functions that need them.
"""

from keras_seismic import (
    convert,
    data,
    evaluation,
    exporting,
    inversion,
    layers,
    losses,
    metrics,
    models,
    serving,
    simulation,
    training,
    visualization,
)
from keras_seismic.exporting import denoise, invert

__version__ = "0.1.0"

__all__ = [
    "convert",
    "data",
    "denoise",
    "evaluation",
    "exporting",
    "inversion",
    "invert",
    "layers",
    "losses",
    "metrics",
    "models",
    "serving",
    "simulation",
    "training",
    "visualization",
]
