"""Errors of velocity models."""

import keras
from keras import ops

from keras_seismic.metrics.mean import MeanMetric, as_float32, example_mean
from keras_seismic.types import Config, Tensor


class _VelocityError(MeanMetric):
    def __init__(
        self, scale: float = 1.0, name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if not scale > 0:
            raise ValueError(f"{type(self).__name__}: scale must be positive, received {scale}")
        self.scale = float(scale)

    def get_config(self) -> Config:
        return {"name": self.name, "scale": self.scale}


@keras.saving.register_keras_serializable(package="keras_seismic")
class MeanAbsoluteVelocityError(_VelocityError):
    """Mean absolute error in m/s.

    Args:
        scale: m/s for one unit of the inputs: 1 for inputs in m/s,
            ``VelocityScaling(...).scale`` for a network's own units.
        name: Name of the metric.

    Example:
        >>> import numpy as np
        >>> metric = MeanAbsoluteVelocityError(scale=1500)
        >>> metric.update_state(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.1))
        >>> round(float(metric.result()), 3)
        150.0
    """

    def __init__(
        self, scale: float = 1.0, name: str = "velocity_mae_m_s", dtype: str | None = None
    ) -> None:
        super().__init__(scale=scale, name=name, dtype=dtype)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        y_true, y_pred = as_float32(y_true, y_pred, type(self).__name__)
        self._accumulate(example_mean(ops.abs(y_pred - y_true)) * self.scale, sample_weight)


@keras.saving.register_keras_serializable(package="keras_seismic")
class RootMeanSquaredVelocityError(_VelocityError):
    """Root of the mean squared error over all cells of all examples, in m/s.

    Args:
        scale: m/s for one unit of the inputs, as in ``MeanAbsoluteVelocityError``.
        name: Name of the metric.
    """

    def __init__(
        self, scale: float = 1.0, name: str = "velocity_rmse_m_s", dtype: str | None = None
    ) -> None:
        super().__init__(scale=scale, name=name, dtype=dtype)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        y_true, y_pred = as_float32(y_true, y_pred, type(self).__name__)
        # Scaled at the end: the sum stays of the order of one.
        self._accumulate(example_mean(ops.square(y_pred - y_true)), sample_weight)

    def result(self) -> Tensor:
        return ops.sqrt(self._mean()) * self.scale


@keras.saving.register_keras_serializable(package="keras_seismic")
class VelocitySignalToNoiseRatio(MeanMetric):
    """Signal-to-noise ratio of velocity models in dB, the mean over models.

    ``10 log10(mean(v^2) / mean((v - predicted)^2))`` for each model. FCNVMB's authors call
    it PSNR, though it has no peak. A velocity model is mostly its own mean, so even a constant
    scores 10 dB or more: compare differences, and against a baseline.

    Args:
        name: Name of the metric.

    Inputs: ``(batch, depth, width, 1)``, both in m/s; the result depends on the scale.

    Example:
        >>> import numpy as np
        >>> metric = VelocitySignalToNoiseRatio()
        >>> metric.update_state(np.full((1, 4, 4, 1), 3000.0), np.full((1, 4, 4, 1), 2700.0))
        >>> round(float(metric.result()), 2)
        20.0

    Reference:
        Yang, F. and Ma, J. (2019), Deep-learning inversion: a next-generation seismic
        velocity model building method, Geophysics 84, R583-R599.
    """

    def __init__(self, name: str = "velocity_snr_db", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        y_true, y_pred = as_float32(y_true, y_pred, "VelocitySignalToNoiseRatio")
        power, error = example_mean(y_true**2), example_mean((y_pred - y_true) ** 2)
        ratio = ops.log10(ops.maximum(power, 1e-30)) - ops.log10(ops.maximum(error, 1e-30))
        self._accumulate(10 * ratio, sample_weight)

    def get_config(self) -> Config:
        return {"name": self.name}
