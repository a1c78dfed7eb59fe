"""Convolution of traces with a wavelet, as an operator."""

import keras
import numpy as np
from keras import ops

from keras_seismic.sparse.operators import Operator
from keras_seismic.types import Tensor

#: Smallest number of samples that one row of the matrix product returns.
_BLOCK = 64

#: Longest wavelet applied as a sum of shifted traces in float64, where matrix products are slow
#: on a CPU.
_SHORT = 64


class WaveletConvolution(Operator):
    """Reflectivity to traces: ``y[i] = sum_j w[j] x[i - j + zero_time]``, along the last axis.

    Conventions. **Sign:** a positive reflection coefficient (impedance increasing with depth)
    gives the wavelet unchanged, so a wavelet with a positive peak turns it into a peak (normal
    polarity of a zero-phase section). **Zero time:** sample ``zero_time`` of the wavelet falls
    on the reflector: the middle for a zero-phase wavelet, the default; 0 for a causal one whose
    first sample is at time zero. Traces keep their length; whatever the wavelet carries past
    either end is cut off, as in a record. The adjoint is the correlation.

    Samples are processed in blocks, each a product with one small Toeplitz matrix, which is
    several times faster than a single-channel convolution on CPUs and accelerators alike.

    Args:
        wavelet: ``(length,)``.
        samples: Samples per trace; by default any number at least as long as the wavelet.
        zero_time: Index of the wavelet's sample at time zero, by default ``length // 2``.

    Raises:
        ValueError: If the wavelet is not a finite, nonzero vector or is longer than the trace,
            or ``zero_time`` lies outside it.

    Example:
        >>> operator = WaveletConvolution([-1.0, 2.0, -1.0])
        >>> [float(y) for y in operator.forward([0.0, 0.0, 1.0, 0.0, 0.0])]
        [0.0, -1.0, 2.0, -1.0, 0.0]
    """

    def __init__(
        self, wavelet: np.typing.ArrayLike, samples: int | None = None, zero_time: int | None = None
    ) -> None:
        wavelet = np.asarray(wavelet, np.float64)
        if wavelet.ndim != 1 or not wavelet.any() or not np.isfinite(wavelet).all():
            raise ValueError(
                "WaveletConvolution: wavelet must be a vector of finite numbers, not all zero, "
                f"received shape {wavelet.shape}"
                + ("" if np.isfinite(wavelet).all() else " with values that are not finite")
            )
        self.wavelet = wavelet
        self.zero_time = wavelet.size // 2 if zero_time is None else int(zero_time)
        if not 0 <= self.zero_time < wavelet.size:
            raise ValueError(
                f"WaveletConvolution: zero_time must be in 0-{wavelet.size - 1}, an index of the "
                f"wavelet, received {zero_time}"
            )
        if samples is not None:
            self._check_length(samples)
        self.model_shape = self.data_shape = (samples,)

    def _check_length(self, samples: int) -> None:
        if samples < self.wavelet.size:
            raise ValueError(
                f"WaveletConvolution: the wavelet has {self.wavelet.size} samples, more than the "
                f"trace with {samples}; shorten the wavelet or pass longer traces"
            )

    def _forward(self, model: Tensor) -> Tensor:
        return self._filtered(model, self.wavelet, self.zero_time)

    def _adjoint(self, data: Tensor) -> Tensor:
        return self._filtered(data, self.wavelet[::-1], self.wavelet.size - 1 - self.zero_time)

    def _filtered(self, traces: Tensor, wavelet: np.ndarray, zero_time: int) -> Tensor:
        *leading, samples = traces.shape
        self._check_length(samples)
        reach = wavelet.size - 1
        if keras.backend.standardize_dtype(traces.dtype) == "float64" and wavelet.size <= _SHORT:
            padded = ops.pad(traces, [(0, 0)] * len(leading) + [(reach - zero_time, zero_time)])
            return sum(float(w) * padded[..., j : j + samples] for j, w in enumerate(wavelet[::-1]))
        block = max(_BLOCK, -(-reach // 2))
        blocks, following = -(-samples // block), -(-reach // block)
        before = reach - zero_time  # zeros ahead of the first sample
        after = (blocks + following) * block - samples - before
        padded = ops.pad(traces, [(0, 0)] * len(leading) + [(before, after)])
        rows = ops.reshape(padded, (*leading, blocks + following, block))
        # The window of a block: its own samples and those that the wavelet reaches behind it.
        parts = [
            rows[..., k : k + blocks, : min(block, block + reach - k * block)]
            for k in range(following + 1)
        ]
        windows = ops.concatenate(parts, axis=-1)
        matrix = ops.convert_to_tensor(_window_matrix(wavelet, block), traces.dtype)
        result = ops.matmul(windows, matrix)
        return ops.reshape(result, (*leading, blocks * block))[..., :samples]


def _window_matrix(wavelet: np.ndarray, block: int) -> np.ndarray:
    """The matrix that maps a block and what follows it to a block of convolved samples."""
    matrix = np.zeros((block + wavelet.size - 1, block))
    for column in range(block):
        matrix[column : column + wavelet.size, column] = wavelet[::-1]
    return matrix
