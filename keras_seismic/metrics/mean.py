"""Weighted means over examples, the base of most metrics."""

import keras
from keras import ops

from keras_seismic.types import Tensor


def as_float32(y_true: Tensor, y_pred: Tensor, metric: str) -> tuple[Tensor, Tensor]:
    """Both in float32, if they have the same shape apart from the batch."""
    y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    if tuple(y_true.shape[1:]) != tuple(y_pred.shape[1:]):
        raise ValueError(
            f"{metric}: y_true and y_pred must have the same shape, received "
            f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}"
        )
    return y_true, y_pred


class MeanMetric(keras.metrics.Metric):
    """Weighted mean of per-example values."""

    def __init__(self, name: str | None, dtype: str | None = None) -> None:
        super().__init__(name=name, dtype="float32")
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def _accumulate(self, values: Tensor, sample_weight: Tensor | None) -> None:
        """Add values ``(batch,)``, each with its weight."""
        weight = ops.ones_like(values)
        if sample_weight is not None:
            weight = ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
        self.total.assign_add(ops.sum(values * weight))
        self.count.assign_add(ops.sum(weight))

    def _mean(self) -> Tensor:
        return ops.divide_no_nan(self.total, self.count)

    def result(self) -> Tensor:
        return self._mean()


def example_mean(x: Tensor) -> Tensor:
    """Mean over all axes but the first."""
    return ops.mean(ops.reshape(x, (ops.shape(x)[0], -1)), axis=1)
