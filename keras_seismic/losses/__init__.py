"""Losses of the published recipes that Keras does not have."""

from keras_seismic.losses.pixel_loss import WeightedPixelLoss

__all__ = ["WeightedPixelLoss"]
