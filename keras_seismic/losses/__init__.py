"""Losses that Keras does not have."""

from keras_seismic.losses.log_squared_error import LogSquaredError
from keras_seismic.losses.pinball import PinballLoss
from keras_seismic.losses.pixel_loss import WeightedPixelLoss

__all__ = ["LogSquaredError", "PinballLoss", "WeightedPixelLoss"]
