"""Bilinear upsampling with the corners aligned."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_seismic.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class BilinearUpsampling(keras.layers.Layer):
    """Enlarge maps by linear interpolation along both axes; corner cells keep their values.

    ``keras.layers.UpSampling2D`` aligns the corners of the image instead of the centers of the
    corner cells. Here one constant matrix takes an axis from ``n`` to ``f n`` cells, the i-th
    of which lies at ``i (n - 1) / (f n - 1)``: the same on every backend and in ONNX.

    Args:
        factor: Factor by which both axes grow.

    Input: ``(batch, height, width, channels)`` of known height and width.

    Raises:
        ValueError: If the factor is not a positive integer, or the size of the input is unknown.

    Example:
        >>> layer = BilinearUpsampling(2)
        >>> [round(float(x), 2) for x in layer(np.array([[[[0.0], [3.0]]]]))[0, 0, :, 0]]
        [0.0, 1.0, 2.0, 3.0]
    """

    def __init__(self, factor: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(factor, bool) or not isinstance(factor, int) or factor < 1:
            raise ValueError(
                f"BilinearUpsampling: factor must be a positive integer, received {factor!r}"
            )
        self.factor = factor

    def build(self, input_shape: Shape) -> None:
        height, width = input_shape[1:3]
        if height is None or width is None:
            raise ValueError(
                "BilinearUpsampling: height and width of the input must be known, received the "
                f"shape {tuple(input_shape)}"
            )
        self._rows = _interpolation(height, self.factor)
        self._columns = _interpolation(width, self.factor)

    def call(self, inputs: Tensor) -> Tensor:
        rows, columns = (ops.cast(m, inputs.dtype) for m in (self._rows, self._columns))
        batch, (height, width, channels) = ops.shape(inputs)[0], inputs.shape[1:]
        x = ops.matmul(rows, ops.reshape(inputs, (batch, height, width * channels)))
        x = ops.reshape(x, (batch, len(self._rows), width, channels))
        return ops.matmul(columns, x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, height, width, channels = input_shape
        rows, columns = (None if n is None else n * self.factor for n in (height, width))
        return batch, rows, columns, channels

    def get_config(self) -> Config:
        return super().get_config() | {"factor": self.factor}


def _interpolation(size: int, factor: int) -> np.ndarray:
    """Matrix ``(factor * size, size)`` of linear interpolation between the end points."""
    position = np.linspace(0, size - 1, size * factor)
    # A cell contributes to points less than one cell away.
    return np.maximum(1 - np.abs(position[:, None] - np.arange(size)), 0)
