"""The logarithm of each example's mean squared error."""

from typing import Any

import keras
from keras import ops

from keras_seismic.types import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class LogSquaredError(keras.losses.Loss):
    r"""``log(mean d^2 + floor)`` of each example: its signal-to-noise ratio, up to the sign.

    Examples with little noise then count as much as those buried in it, whose squared error is a
    thousand times as large.

    Args:
        floor: Error below which nothing is gained, in units of the squared amplitude.

    Raises:
        ValueError: If the floor is not positive.

    Example:
        >>> import numpy as np
        >>> loss = LogSquaredError(floor=1e-3)
        >>> round(float(loss(np.zeros((1, 4, 4, 1)), np.full((1, 4, 4, 1), 0.1))), 3)
        -4.51
    """

    def __init__(self, floor: float = 3e-4, name: str = "log_squared_error", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.floor = float(floor)
        if not self.floor > 0:
            raise ValueError(f"LogSquaredError: floor must be positive, received {floor}")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true, y_pred = (ops.convert_to_tensor(y) for y in (y_true, y_pred))
        difference = y_pred - ops.cast(y_true, y_pred.dtype)
        axes = tuple(range(1, len(difference.shape)))
        return ops.log(ops.mean(ops.square(difference), axis=axes) + self.floor)

    def get_config(self) -> Config:
        return super().get_config() | {"floor": self.floor}
