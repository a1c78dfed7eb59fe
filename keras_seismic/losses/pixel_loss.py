"""Absolute and squared error of maps together."""

from typing import Any

import keras
from keras import ops

from keras_seismic.types import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class WeightedPixelLoss(keras.losses.Loss):
    r"""Absolute and squared error together, ``l1 mean|d| + l2 mean d^2``.

    Args:
        l1: Weight of the absolute error.
        l2: Weight of the squared error.

    Raises:
        ValueError: If a weight is negative, or both are zero.

    Example:
        >>> import numpy as np
        >>> loss = WeightedPixelLoss(l1=100.0, l2=10.0)
        >>> float(loss(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5)))
        52.5

    Reference:
        OpenFWI's training of InversionNet (1, 1 in its code) and of VelocityGAN (100, 100
        in its code, 100, 0 in its benchmark).
    """

    def __init__(
        self, l1: float = 1.0, l2: float = 1.0, name: str = "pixel_loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.l1, self.l2 = float(l1), float(l2)
        if min(self.l1, self.l2) < 0 or self.l1 + self.l2 == 0:
            raise ValueError(
                "WeightedPixelLoss: the weights must not be negative and not both zero, received "
                f"l1={l1}, l2={l2}"
            )

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true, y_pred = (ops.convert_to_tensor(y) for y in (y_true, y_pred))
        difference = y_pred - ops.cast(y_true, y_pred.dtype)
        # One number per sample, so that sample weights can leave out samples without labels.
        axes = tuple(range(1, len(difference.shape)))
        return self.l1 * ops.mean(ops.abs(difference), axis=axes) + self.l2 * ops.mean(
            ops.square(difference), axis=axes
        )

    def get_config(self) -> Config:
        return super().get_config() | {"l1": self.l1, "l2": self.l2}
