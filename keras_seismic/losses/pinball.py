"""The loss whose smallest value is at a quantile."""

from typing import Any

import keras
from keras import ops

from keras_seismic.types import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class PinballLoss(keras.losses.Loss):
    r"""``mean max(q d, (q - 1) d)`` with ``d = y_true - y_pred``: quantile regression.

    Of all constants, the quantile ``q`` of the values has the least loss; a network learns the
    quantile given its input.

    Args:
        quantile: ``q``, between 0 and 1.

    Raises:
        ValueError: If the quantile is not between 0 and 1.

    Example:
        >>> import numpy as np
        >>> values, loss = np.arange(1.0, 11.0)[None], PinballLoss(0.75)
        >>> costs = [float(loss(values, np.full_like(values, x))) for x in range(1, 11)]
        >>> 1 + int(np.argmin(costs))
        8

    Reference:
        Koenker, R. and Bassett, G. (1978), Regression quantiles, Econometrica 46, 33-50.
    """

    def __init__(self, quantile: float, name: str = "pinball_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.quantile = float(quantile)
        if not 0 < self.quantile < 1:
            raise ValueError(f"PinballLoss: quantile must be between 0 and 1, received {quantile}")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true, y_pred = (ops.convert_to_tensor(y) for y in (y_true, y_pred))
        difference = ops.cast(y_true, y_pred.dtype) - y_pred
        loss = ops.maximum(self.quantile * difference, (self.quantile - 1) * difference)
        return ops.mean(loss, axis=tuple(range(1, len(loss.shape))))

    def get_config(self) -> Config:
        return super().get_config() | {"quantile": self.quantile}
