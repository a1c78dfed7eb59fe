"""Signal-to-noise ratio of sections."""

import keras
from keras import ops

from keras_seismic.metrics.mean import as_float32
from keras_seismic.types import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class SignalToNoiseRatio(keras.metrics.Metric):
    """Signal-to-noise ratio of an estimate in dB.

    ``10 log10(sum(clean^2) / sum((clean - estimate)^2))``, the sums over everything
    seen, so that a section scores the same in one piece and in patches.

    Args:
        name: Name of the metric.

    Example:
        >>> import numpy as np
        >>> metric = SignalToNoiseRatio()
        >>> metric.update_state(np.ones((1, 4, 4, 1)), np.full((1, 4, 4, 1), 0.9))
        >>> round(float(metric.result()), 2)
        20.0
    """

    def __init__(self, name: str = "snr_db", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype="float32")
        self.signal = self.add_variable((), "zeros", name="signal")
        self.error = self.add_variable((), "zeros", name="error")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        clean, estimate = as_float32(y_true, y_pred, "SignalToNoiseRatio")
        signal, error = ops.square(clean), ops.square(clean - estimate)
        if sample_weight is not None:
            weight = ops.reshape(
                ops.cast(sample_weight, "float32"), (-1,) + (1,) * (len(clean.shape) - 1)
            )
            signal, error = signal * weight, error * weight
        self.signal.assign_add(ops.sum(signal))
        self.error.assign_add(ops.sum(error))

    def result(self) -> Tensor:
        tiny = 1e-30
        signal, error = (ops.log10(ops.maximum(x, tiny)) for x in (self.signal, self.error))
        return 10 * (signal - error)

    def get_config(self) -> Config:
        return {"name": self.name}
