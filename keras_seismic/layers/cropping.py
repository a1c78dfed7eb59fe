"""Cropping and resizing to the size of another tensor, and to a number of regions."""

from typing import Any

import keras
from keras import ops

from keras_seismic.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class CropLike(keras.layers.Layer):
    """Keep the upper left part of a tensor, or the middle, the size of a reference.

    For decoders whose output is too large when the input's size is not a multiple of what the
    encoder pooled; works for sizes known only when the model runs.

    Args:
        center: Keep the middle.

    Call arguments: ``x`` and ``reference``, both ``(batch, height, width, channels)``.
    """

    def __init__(self, center: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.center = bool(center)

    def call(self, x: Tensor, reference: Tensor) -> Tensor:
        height, width = ops.shape(reference)[1:3]
        top, left = 0, 0
        if self.center:
            sizes = zip(ops.shape(x)[1:3], (height, width), strict=True)
            top, left = ((n - m) // 2 for n, m in sizes)
        return x[:, top : top + height, left : left + width, :]

    def get_config(self) -> Config:
        return super().get_config() | {"center": self.center}

    def compute_output_shape(self, x_shape: Shape, reference_shape: Shape) -> Shape:
        return (x_shape[0], *reference_shape[1:3], x_shape[3])

    def compute_output_spec(self, x: Tensor, reference: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(x.shape, reference.shape), x.dtype)


@keras.saving.register_keras_serializable(package="keras_seismic")
class ResizeLike(keras.layers.Layer):
    """Interpolate a tensor linearly to the size of a reference.

    What ``keras.ops.image.resize`` does, also for sizes known only when the model runs.

    Call arguments: ``x`` and ``reference``, both ``(batch, height, width, channels)``.
    """

    def call(self, x: Tensor, reference: Tensor) -> Tensor:
        old, new = ops.shape(x)[1:3], ops.shape(reference)[1:3]
        height, width = (_interpolation(old[i], new[i], x.dtype) for i in (0, 1))
        return _along_both(x, height, width)

    def compute_output_shape(self, x_shape: Shape, reference_shape: Shape) -> Shape:
        return (x_shape[0], *reference_shape[1:3], x_shape[3])

    def compute_output_spec(self, x: Tensor, reference: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(x.shape, reference.shape), x.dtype)


@keras.saving.register_keras_serializable(package="keras_seismic")
class RegionMeans(keras.layers.Layer):
    """The means of a map over ``size`` x ``size`` regions, whatever its size.

    Region ``i`` of ``n`` along an axis of ``m`` begins at ``floor(i m / n)`` and ends before
    ``ceil((i + 1) m / n)``, so that regions overlap where ``n`` does not divide ``m``. Keras' own
    ``AdaptiveAveragePooling2D`` needs to know ``m`` in advance.

    Args:
        size: Regions along each axis.

    Call arguments: ``x``, ``(batch, height, width, channels)``.
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = int(size)

    def call(self, x: Tensor) -> Tensor:
        return _along_both(x, *(self._weights(n, x.dtype) for n in ops.shape(x)[1:3]))

    def _weights(self, count: Any, dtype: Any) -> Tensor:
        """What each of ``count`` cells gives to each region, ``(size, count)``."""
        region, cell = ops.arange(self.size)[:, None], ops.arange(count)[None]
        first, last = region * count // self.size, ((region + 1) * count - 1) // self.size
        inside = ops.cast((first <= cell) & (cell <= last), dtype)
        return inside / ops.sum(inside, axis=1, keepdims=True)

    def get_config(self) -> Config:
        return super().get_config() | {"size": self.size}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.size, self.size, input_shape[3])

    def compute_output_spec(self, x: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(x.shape), x.dtype)


def _along_both(x: Tensor, along_height: Tensor, along_width: Tensor) -> Tensor:
    """Matrices ``(new, old)`` applied to the height and the width of maps."""
    x = ops.transpose(ops.matmul(along_width, x), (0, 2, 1, 3))
    return ops.transpose(ops.matmul(along_height, x), (0, 2, 1, 3))


def _interpolation(old: Any, new: Any, dtype: Any) -> Tensor:
    """What each of ``old`` cells gives to each of ``new`` ones over the same extent."""
    old_cells, new_cells = (ops.cast(ops.arange(n), "float32") for n in (old, new))
    scale = ops.cast(old, "float32") / ops.cast(new, "float32")
    last = ops.cast(old - 1, "float32")
    place = ops.clip((new_cells + 0.5) * scale - 0.5, 0.0, last)
    return ops.cast(ops.relu(1 - ops.abs(place[:, None] - old_cells)), dtype)
