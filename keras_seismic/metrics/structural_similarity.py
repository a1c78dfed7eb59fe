"""Structural similarity of images."""

import keras
import numpy as np
from keras import ops

from keras_seismic.metrics.mean import MeanMetric, as_float32, example_mean
from keras_seismic.types import Config, Tensor

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


@keras.saving.register_keras_serializable(package="keras_seismic")
class SSIM(MeanMetric):
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

    def __init__(
        self,
        minimum: float = 0.0,
        maximum: float = 1.0,
        name: str = "ssim",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if not minimum < maximum:
            raise ValueError(
                f"SSIM: minimum must be below maximum, received {minimum} and {maximum}"
            )
        self.minimum, self.maximum = float(minimum), float(maximum)
        distance = np.arange(_WINDOW) - _WINDOW // 2
        window = np.exp(-(distance**2) / (2 * _SIGMA**2))
        self._window = window / window.sum()

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        y_true, y_pred = as_float32(y_true, y_pred, type(self).__name__)
        if len(y_true.shape) not in (3, 4):
            raise ValueError(
                "SSIM: inputs must have the shape (batch, depth, width) or (batch, depth, width, "
                f"channels), received {tuple(y_true.shape)}"
            )
        self._accumulate(example_mean(self.map(y_true, y_pred)), sample_weight)

    def _centered(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Images on [0, 1] with zeros around them, minus their means, and the means."""
        y = y[..., None] if len(y.shape) == 3 else y
        y = (y - self.minimum) / (self.maximum - self.minimum)
        mean = ops.mean(y, axis=(1, 2), keepdims=True)
        margin = (_WINDOW // 2, _WINDOW // 2)
        return ops.pad(y, [(0, 0), margin, margin, (0, 0)]) - mean, mean

    def map(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The similarity at every cell, ``(batch, depth, width, channels)``."""
        (a, offset_a), (b, offset_b) = self._centered(y_true), self._centered(y_pred)
        # A constant offset does not change a variance, but it does change the rounding:
        # E[x^2] - E[x]^2 in float32 needs x around zero.
        mean_a, mean_b = self._blurred(a), self._blurred(b)
        variance_a = self._blurred(a * a) - mean_a * mean_a
        variance_b = self._blurred(b * b) - mean_b * mean_b
        covariance = self._blurred(a * b) - mean_a * mean_b
        mean_a, mean_b = mean_a + offset_a, mean_b + offset_b
        luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
        return luminance * (2 * covariance + _C2) / (variance_a + variance_b + _C2)

    def _blurred(self, x: Tensor) -> Tensor:
        """The Gaussian window along depth, then along width."""
        channels = x.shape[-1]
        window = np.repeat(self._window.astype("float32")[:, None], channels, axis=1)
        x = ops.depthwise_conv(x, window.reshape(_WINDOW, 1, channels, 1), padding="valid")
        return ops.depthwise_conv(x, window.reshape(1, _WINDOW, channels, 1), padding="valid")

    def get_config(self) -> Config:
        return {"name": self.name, "minimum": self.minimum, "maximum": self.maximum}
