"""Streaming metrics: their result does not depend on how the data was cut into batches."""

import keras
import numpy as np
from keras import ops

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


def _as_float32(y_true, y_pred, metric):
    y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    if tuple(y_true.shape[1:]) != tuple(y_pred.shape[1:]):
        raise ValueError(
            f"{metric}: y_true and y_pred must have the same shape, received "
            f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}"
        )
    return y_true, y_pred


class _MeanMetric(keras.metrics.Metric):
    """Weighted mean of per-example values."""

    def __init__(self, name, dtype=None):
        super().__init__(name=name, dtype="float32")
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def _accumulate(self, values, sample_weight):
        """Add values ``(batch,)``, each with its weight."""
        weight = ops.ones_like(values)
        if sample_weight is not None:
            weight = ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
        self.total.assign_add(ops.sum(values * weight))
        self.count.assign_add(ops.sum(weight))

    def _mean(self):
        return ops.divide_no_nan(self.total, self.count)

    def result(self):
        return self._mean()


def _example_mean(x):
    """Mean over all axes but the first."""
    return ops.mean(ops.reshape(x, (ops.shape(x)[0], -1)), axis=1)


class _VelocityError(_MeanMetric):
    def __init__(self, scale=1.0, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        if not scale > 0:
            raise ValueError(f"{type(self).__name__}: scale must be positive, received {scale}")
        self.scale = float(scale)

    def get_config(self):
        return {"name": self.name, "scale": self.scale}


@keras.saving.register_keras_serializable(package="keras_seismic")
class MeanAbsoluteVelocityError(_VelocityError):
    """Mean absolute error in m/s.

    Args:
        scale: m/s for one unit of the inputs: 1 for inputs in m/s,
            ``VelocityScaling(...).scale`` for a network's own units.
        name: Name of the metric.

    Example:
        >>> metric = MeanAbsoluteVelocityError(scale=1500)
        >>> metric.update_state(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.1))
        >>> round(float(metric.result()), 3)
        150.0
    """

    def __init__(self, scale=1.0, name="velocity_mae_m_s", dtype=None):
        super().__init__(scale=scale, name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = _as_float32(y_true, y_pred, type(self).__name__)
        self._accumulate(_example_mean(ops.abs(y_pred - y_true)) * self.scale, sample_weight)


@keras.saving.register_keras_serializable(package="keras_seismic")
class RootMeanSquaredVelocityError(_VelocityError):
    """Root of the mean squared error over all cells of all examples, in m/s.

    Args:
        scale: m/s for one unit of the inputs, as in ``MeanAbsoluteVelocityError``.
        name: Name of the metric.
    """

    def __init__(self, scale=1.0, name="velocity_rmse_m_s", dtype=None):
        super().__init__(scale=scale, name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = _as_float32(y_true, y_pred, type(self).__name__)
        # Scaled at the end: the sum stays of the order of one.
        self._accumulate(_example_mean(ops.square(y_pred - y_true)), sample_weight)

    def result(self):
        return ops.sqrt(self._mean()) * self.scale


@keras.saving.register_keras_serializable(package="keras_seismic")
class VelocitySignalToNoiseRatio(_MeanMetric):
    """Signal-to-noise ratio of velocity models in dB, the mean over models.

    ``10 log10(mean(v^2) / mean((v - predicted)^2))`` for each model. FCNVMB's authors call
    it PSNR, but there is no peak in it. A velocity model is mostly its own mean, so that
    even a constant scores 10 dB and more: compare differences, and with a baseline.

    Args:
        name: Name of the metric.

    Inputs: ``(batch, depth, width, 1)``, both in m/s; on another scale it is another number.

    Example:
        >>> metric = VelocitySignalToNoiseRatio()
        >>> metric.update_state(np.full((1, 4, 4, 1), 3000.0), np.full((1, 4, 4, 1), 2700.0))
        >>> round(float(metric.result()), 2)
        20.0

    Reference:
        Yang, F. and Ma, J. (2019), Deep-learning inversion: a next-generation seismic
        velocity model building method, Geophysics 84, R583-R599.
    """

    def __init__(self, name="velocity_snr_db", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = _as_float32(y_true, y_pred, "VelocitySignalToNoiseRatio")
        power, error = _example_mean(y_true**2), _example_mean((y_pred - y_true) ** 2)
        ratio = ops.log10(ops.maximum(power, 1e-30)) - ops.log10(ops.maximum(error, 1e-30))
        self._accumulate(10 * ratio, sample_weight)

    def get_config(self):
        return {"name": self.name}


@keras.saving.register_keras_serializable(package="keras_seismic")
class SSIM(_MeanMetric):
    """Structural similarity, as OpenFWI computes it.

    On images scaled to [0, 1]: an 11 x 11 Gaussian window with standard deviation 1.5,
    zeros beyond the edge, ``C1 = 0.01^2``, ``C2 = 0.03^2``, the map averaged over all
    cells, then over all images.

    Args:
        minimum: Value that counts as 0: 0 for images in [0, 1], -1 for a network's own
            units, 1500 for OpenFWI velocities in m/s.
        maximum: Value that counts as 1: 1, 1 or 4500 likewise.
        name: Name of the metric.

    Inputs: ``(batch, depth, width)`` or ``(batch, depth, width, channels)``.

    Raises:
        ValueError: If the range is empty or the shapes differ.

    Example:
        >>> metric = SSIM()
        >>> image = np.random.default_rng(0).random((2, 70, 70, 1))
        >>> metric.update_state(image, image)
        >>> round(float(metric.result()), 6)
        1.0

    Reference:
        Wang, Z. et al. (2004), Image quality assessment: from error visibility to
        structural similarity, IEEE Transactions on Image Processing 13, 600-612.
    """

    def __init__(self, minimum=0.0, maximum=1.0, name="ssim", dtype=None):
        super().__init__(name=name, dtype=dtype)
        if not minimum < maximum:
            raise ValueError(
                f"SSIM: minimum must be below maximum, received {minimum} and {maximum}"
            )
        self.minimum, self.maximum = float(minimum), float(maximum)
        distance = np.arange(_WINDOW) - _WINDOW // 2
        window = np.exp(-(distance**2) / (2 * _SIGMA**2))
        self._window = window / window.sum()

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = _as_float32(y_true, y_pred, type(self).__name__)
        if len(y_true.shape) not in (3, 4):
            raise ValueError(
                "SSIM: inputs must have the shape (batch, depth, width) or (batch, depth, width, "
                f"channels), received {tuple(y_true.shape)}"
            )
        self._accumulate(_example_mean(self.map(y_true, y_pred)), sample_weight)

    def _centered(self, y):
        """Images on [0, 1] with zeros around them, moved by their means, and the means."""
        y = y[..., None] if len(y.shape) == 3 else y
        y = (y - self.minimum) / (self.maximum - self.minimum)
        mean = ops.mean(y, axis=(1, 2), keepdims=True)
        margin = (_WINDOW // 2, _WINDOW // 2)
        return ops.pad(y, [(0, 0), margin, margin, (0, 0)]) - mean, mean

    def map(self, y_true, y_pred):
        """The similarity at every cell, ``(batch, depth, width, channels)``."""
        (a, offset_a), (b, offset_b) = self._centered(y_true), self._centered(y_pred)
        # Variances do not change when images move by a constant, but their rounding does:
        # E[x^2] - E[x]^2 in float32 wants x around zero.
        mean_a, mean_b = self._blurred(a), self._blurred(b)
        variance_a = self._blurred(a * a) - mean_a * mean_a
        variance_b = self._blurred(b * b) - mean_b * mean_b
        covariance = self._blurred(a * b) - mean_a * mean_b
        mean_a, mean_b = mean_a + offset_a, mean_b + offset_b
        luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
        return luminance * (2 * covariance + _C2) / (variance_a + variance_b + _C2)

    def _blurred(self, x):
        """The Gaussian window along depth, then along width."""
        channels = x.shape[-1]
        window = np.repeat(self._window.astype("float32")[:, None], channels, axis=1)
        x = ops.depthwise_conv(x, window.reshape(_WINDOW, 1, channels, 1), padding="valid")
        return ops.depthwise_conv(x, window.reshape(1, _WINDOW, channels, 1), padding="valid")

    def get_config(self):
        return {"name": self.name, "minimum": self.minimum, "maximum": self.maximum}


@keras.saving.register_keras_serializable(package="keras_seismic")
class SignalToNoiseRatio(keras.metrics.Metric):
    """Signal-to-noise ratio of an estimate in dB.

    ``10 log10(sum(clean^2) / sum((clean - estimate)^2))``, the sums over everything
    seen, so that a section scores the same in one piece and in patches.

    Args:
        name: Name of the metric.

    Example:
        >>> metric = SignalToNoiseRatio()
        >>> metric.update_state(np.ones((1, 4, 4, 1)), np.full((1, 4, 4, 1), 0.9))
        >>> round(float(metric.result()), 2)
        20.0
    """

    def __init__(self, name="snr_db", dtype=None):
        super().__init__(name=name, dtype="float32")
        self.signal = self.add_variable((), "zeros", name="signal")
        self.error = self.add_variable((), "zeros", name="error")

    def update_state(self, y_true, y_pred, sample_weight=None):
        clean, estimate = _as_float32(y_true, y_pred, "SignalToNoiseRatio")
        signal, error = ops.square(clean), ops.square(clean - estimate)
        if sample_weight is not None:
            weight = ops.reshape(
                ops.cast(sample_weight, "float32"), (-1,) + (1,) * (len(clean.shape) - 1)
            )
            signal, error = signal * weight, error * weight
        self.signal.assign_add(ops.sum(signal))
        self.error.assign_add(ops.sum(error))

    def result(self):
        tiny = 1e-30
        signal, error = (ops.log10(ops.maximum(x, tiny)) for x in (self.signal, self.error))
        return 10 * (signal - error)

    def get_config(self):
        return {"name": self.name}
