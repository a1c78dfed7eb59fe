"""Seismic networks in Keras: simulate, train, evaluate, and put into service.

Importing it registers the layers, metrics and models with Keras, so that saved models
load, and starts nothing. TensorFlow (other than as Keras' backend), matplotlib, segyio,
onnxruntime and their like are imported by the functions that need them.
"""

from keras_seismic.backend import without_loading_log

with without_loading_log():
    import keras

from keras_seismic import (
    convert,
    datasets,
    denoising,
    evaluation,
    exporting,
    gathers,
    inference,
    inspection,
    inversion,
    io,
    layers,
    losses,
    metrics,
    models,
    noise,
    optimizers,
    serving,
    simulation,
    sparse,
    training,
    visualization,
)
from keras_seismic.inference import denoise, denoise_file, invert
from keras_seismic.inspection import inspect
from keras_seismic.models import load_preset, presets
from keras_seismic.version import __version__

del keras, without_loading_log

__all__ = [
    "__version__",
    "convert",
    "datasets",
    "denoise",
    "denoise_file",
    "denoising",
    "evaluation",
    "exporting",
    "gathers",
    "inference",
    "inspect",
    "inversion",
    "inspection",
    "invert",
    "io",
    "layers",
    "load_preset",
    "losses",
    "metrics",
    "models",
    "noise",
    "optimizers",
    "presets",
    "serving",
    "simulation",
    "sparse",
    "training",
    "visualization",
]
