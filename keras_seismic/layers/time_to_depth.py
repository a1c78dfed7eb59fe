"""From recording time to depth by a learned matrix."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_seismic.checks import checked_size
from keras_seismic.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class TimeToDepth(keras.layers.Layer):
    """Feature maps over (time, receivers) to maps over (depth, width).

    Every depth is a learned sum over all times, since an arrival's time says how deep a reflector
    lies only together with the velocity above; a matrix for each group of channels, the same for
    all receivers. Receivers and columns of the velocity model both run along the surface: if they
    differ in number, linear interpolation takes one to the other, end to end.

    Args:
        depth: Rows of the result.
        width: Columns of the result, by default as many as receivers.
        groups: Number of matrices, a divisor of the channels.

    Input: ``(batch, time, receivers, channels)``, of known size. Output: ``(batch, depth, width,
    channels)``.

    Raises:
        ValueError: If a number is not a positive integer, the size of the input is unknown, or the
            channels are no multiple of the groups.

    Example:
        >>> TimeToDepth(5, groups=2).compute_output_shape((1, 8, 3, 4))
        (1, 5, 3, 4)
    """

    def __init__(
        self, depth: int, width: int | None = None, groups: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.depth, self.groups = checked_size((depth, groups), 2, "TimeToDepth: depth, groups")
        self.width = None if width is None else checked_size((width,), 1, "TimeToDepth: width")[0]

    def build(self, input_shape: Shape) -> None:
        _, time, receivers, channels = input_shape
        if time is None or receivers is None or channels is None or channels % self.groups:
            raise ValueError(
                f"TimeToDepth: expected maps of known size with a multiple of {self.groups} "
                f"channels, received {tuple(input_shape)}"
            )
        self.matrices = self.add_weight(
            shape=(self.groups, self.depth, time),
            initializer=keras.initializers.RandomNormal(stddev=time**-0.5),
            name="matrices",
        )
        width = self.width or receivers
        self._columns = None
        if width != receivers:
            position = np.linspace(0, receivers - 1, width) if width > 1 else [(receivers - 1) / 2]
            distance = np.abs(np.asarray(position)[:, None] - np.arange(receivers))
            self._columns = np.maximum(1 - distance, 0).astype("float32")

    def call(self, inputs: Tensor) -> Tensor:
        _, time, receivers, channels = inputs.shape
        members = channels // self.groups
        x = ops.reshape(inputs, (-1, time, receivers, self.groups, members))
        x = ops.transpose(x, (0, 3, 1, 2, 4))
        x = ops.reshape(x, (-1, self.groups, time, receivers * members))
        x = ops.matmul(self.matrices, x)
        x = ops.reshape(x, (-1, self.groups, self.depth, receivers, members))
        x = ops.transpose(x, (0, 2, 3, 1, 4))
        x = ops.reshape(x, (-1, self.depth, receivers, channels))
        return x if self._columns is None else ops.matmul(ops.cast(self._columns, x.dtype), x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.depth, self.width or input_shape[2], input_shape[3])

    def get_config(self) -> Config:
        return super().get_config() | {
            "depth": self.depth, "width": self.width, "groups": self.groups
        }  # fmt: skip
