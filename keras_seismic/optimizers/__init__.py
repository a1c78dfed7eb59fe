"""Optimizers: Keras' own, quicker on TensorFlow."""

from keras_seismic.optimizers.adam import Adam, AdamW

__all__ = ["Adam", "AdamW"]
