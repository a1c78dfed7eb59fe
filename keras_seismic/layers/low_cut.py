"""Removing low frequencies from gathers."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_seismic.checks import checked_interval
from keras_seismic.layers.float32 import Float32Layer
from keras_seismic.types import Config, Shape, Tensor

_NEGLIGIBLE = 20.0  # the impulse response is cut off where it has fallen to exp(-20) = 2e-9


@keras.saving.register_keras_serializable(package="keras_seismic")
class LowCut(Float32Layer):
    """Zero-phase high-pass filter along the time axis of gathers.

    A Butterworth filter run forward and backward: arrivals stay where they are, and the
    amplitude falls to one half at ``frequency`` and to 1/256 an octave below. Samples outside
    the record count as zero.

    The filter is a product with a constant matrix ``(time, time)``. Unlike an FFT, this
    converts to ONNX, so an exported model filters exactly as in training. Put it before the
    normalization (``GatherPreparation``).

    Args:
        frequency: Cut-off, Hz.
        dt: Sample interval of the gathers, s.
        order: Order of the Butterworth filter, which is applied twice; higher is steeper.

    Input and output: ``(batch, time, receivers, shots)``, with a known number of samples;
    float32.

    Raises:
        ValueError: If the frequency is not between zero and half the sampling rate, the
            order is not an integer from 1 to 12, or the record is much too short for the frequency.

    Example:
        >>> t = np.arange(1000) * 0.001
        >>> gather = (np.sin(2 * np.pi * 2 * t) + np.sin(2 * np.pi * 30 * t))[None, :, None, None]
        >>> filtered = np.asarray(LowCut(8.0, dt=0.001)(gather))[0, 300:700, 0, 0]
        >>> bool(abs(filtered - np.sin(2 * np.pi * 30 * t)[300:700]).max() < 0.02)
        True

    Reference:
        Oppenheim, A. and Schafer, R. (2010), Discrete-time signal processing.
    """

    def __init__(self, frequency: float, dt: float, order: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frequency, self.dt = float(frequency), checked_interval(dt, "LowCut")
        if not 0 < self.frequency < 0.5 / self.dt:
            raise ValueError(
                f"LowCut: frequency must be between 0 and {0.5 / self.dt:g} Hz, half the sampling "
                f"rate, received {frequency}"
            )
        if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= 12:
            raise ValueError(f"LowCut: order must be an integer from 1 to 12, received {order!r}")
        self.order = order

    def build(self, input_shape: Shape) -> None:
        samples = input_shape[1]
        if len(input_shape) != 4 or samples is None:
            raise ValueError(
                "LowCut: gathers must be (batch, time, receivers, shots) with a known number of "
                f"samples, received the shape {tuple(input_shape)}"
            )
        if self.frequency * samples * self.dt < 0.1:
            raise ValueError(
                f"LowCut: a record of {samples} samples at {self.dt:g} s is less than a tenth of a "
                f"period of {self.frequency:g} Hz long"
            )
        self._matrix = self.matrix(samples)

    def matrix(self, samples: int) -> np.ndarray:
        """The filter for records of ``samples`` samples, ``(samples, samples)``, float64."""
        distance = np.arange(samples)
        return self._response(samples)[np.abs(distance[:, None] - distance)]

    def _response(self, samples: int) -> np.ndarray:
        """Impulse response at lags from zero on; it is symmetric.

        Computed from the squared amplitude response, on a frequency grid fine enough that the
        response, which becomes periodic in time, does not wrap around.
        """
        slowest = 2 * math.pi * self.frequency * self.dt * math.sin(math.pi / (2 * self.order))
        length = 2 ** math.ceil(math.log2(2 * samples + 2 * self.order * _NEGLIGIBLE / slowest))
        phase = np.pi * np.arange(1, length // 2) / length
        ratio = math.tan(math.pi * self.frequency * self.dt) / np.tan(phase)
        gain = 1 / (1 + ratio ** (2 * self.order))
        return np.fft.irfft([0.0, *gain, 1.0])[:samples]

    def call(self, inputs: Tensor) -> Tensor:
        x, shape = ops.cast(inputs, "float32"), ops.shape(inputs)
        matrix = ops.cast(self._matrix, "float32")
        filtered = ops.matmul(matrix, ops.reshape(x, (shape[0], shape[1], -1)))
        return ops.reshape(filtered, shape)

    def get_config(self) -> Config:
        return super().get_config() | {
            "frequency": self.frequency,
            "dt": self.dt,
            "order": self.order,
        }
