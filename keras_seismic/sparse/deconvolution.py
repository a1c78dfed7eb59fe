"""Sparse-spike deconvolution of a section: wavelet, noise, weight, reflectivity."""

import dataclasses

import numpy as np
from keras import ops

from keras_seismic.checks import check_finite
from keras_seismic.io.arrays import read_array
from keras_seismic.simulation import ricker
from keras_seismic.sparse.convolution import WaveletConvolution
from keras_seismic.sparse.solver import Solution
from keras_seismic.sparse.sparsity import FISTA

#: Bisections in the search for the weight by the discrepancy principle.
_BISECTIONS = 10


@dataclasses.dataclass(frozen=True)
class Deconvolution:
    """Result of ``deconvolve``; arrays are ``(time, traces)``.

    Attributes:
        section: The input.
        reflectivity: Sparse spikes, in the units of the section if the wavelet's peak is 1.
        fit: The reflectivity convolved with the wavelet.
        weight: Weight of ``|x|_1``.
        solution: The solver's report: cost, iterations, why it stopped.
    """

    section: np.ndarray
    reflectivity: np.ndarray
    fit: np.ndarray
    weight: float
    solution: Solution

    @property
    def residual(self) -> np.ndarray:
        """Section minus fit."""
        return self.section - self.fit

    @property
    def metrics(self) -> dict[str, float]:
        """Weight, fraction of the section's energy explained, sparsity and iterations."""
        energy = float(np.sum(np.square(self.section, dtype=np.float64)))
        left = float(np.sum(np.square(self.residual, dtype=np.float64)))
        return {
            "weight": self.weight,
            "explained_energy": 1 - left / energy if energy else 1.0,
            "residual_rms": float(np.sqrt(left / self.section.size)),
            "nonzero_fraction": float(np.mean(self.reflectivity != 0)),
            "iterations": self.solution.iterations,
        }


def deconvolve(
    section: np.ndarray,
    operator: WaveletConvolution,
    weight: float | None = None,
    noise: float | None = None,
    iterations: int = 100,
    positive: bool = False,
) -> Deconvolution:
    """Reflectivity of a section by FISTA, all traces in one compiled loop.

    Args:
        section: ``(time, traces)``.
        operator: Convolution with the wavelet of the section.
        weight: Weight of ``|x|_1``, in the section's units times the wavelet's. By default
            chosen by the discrepancy principle (``discrepancy_weight``).
        noise: Standard deviation of the noise in the section, used to choose the weight; by
            default ``estimate_noise(section)``.
        iterations: Iterations of FISTA.
        positive: Keep the reflectivity from becoming negative.

    Raises:
        ValueError: If the section is not ``(time, traces)``, not finite or shorter than the
            wavelet.

    Example:
        >>> from keras_seismic.sparse import sample_reflectivity
        >>> operator = WaveletConvolution([-0.5, 1.0, -0.5])
        >>> section = np.asarray(operator.forward(sample_reflectivity(20, 100))).T
        >>> deconvolve(section, operator, weight=1e-3).metrics["explained_energy"] > 0.999
        True
    """
    data = traces_of(section)
    if weight is None:
        noise = estimate_noise(section) if noise is None else noise
        weight = discrepancy_weight(operator, data, noise, iterations)
    solution = FISTA(operator, weight, positive=positive).solve(data, iterations)
    fit = ops.convert_to_numpy(operator.forward(solution.model))
    return Deconvolution(data.T, solution.model.T, fit.T, float(weight), solution)


def traces_of(section: np.ndarray) -> np.ndarray:
    """A section ``(time, traces)`` as the operators take it, float32 ``(traces, time)``.

    Raises:
        ValueError: If it has another number of axes or is not finite.
    """
    section = np.asarray(section)
    if section.ndim != 2 or 0 in section.shape:
        raise ValueError(
            f"deconvolution: expected a section (time, traces), received shape {section.shape}"
        )
    check_finite(section, "deconvolution: section")
    return np.ascontiguousarray(section.T, np.float32)


def estimate_wavelet(section: np.ndarray, length: int = 51) -> np.ndarray:
    """Zero-phase wavelet with the mean amplitude spectrum of a section.

    The classic assumption: reflectivity is white, so the autocorrelation of the traces is
    that of the wavelet. It does not contain the phase, which is assumed zero. Mutes and dead
    traces, all zero, only affect the scale, and the peak is set to 1.

    Args:
        section: ``(time, traces)``.
        length: Samples of the wavelet, odd: two or three periods of the dominant frequency.

    Returns:
        float64 ``(length,)``, symmetric, 1 in the middle.

    Raises:
        ValueError: If the length is even, below 3 or above that of the traces, or the section
            is all zero.

    Example:
        >>> from keras_seismic.sparse import sample_reflectivity
        >>> wavelet = np.trim_zeros(ricker(25.0, 0.004, 100))
        >>> operator = WaveletConvolution(wavelet)
        >>> section = np.asarray(operator.forward(sample_reflectivity(200, 500))).T
        >>> float(np.corrcoef(estimate_wavelet(section, 23), wavelet)[0, 1]) > 0.98
        True
    """
    traces = traces_of(section).astype(np.float64)
    samples = traces.shape[1]
    if length % 2 == 0 or not 3 <= length <= samples:
        raise ValueError(
            f"estimate_wavelet: length must be odd, at least 3 and at most the trace's {samples} "
            f"samples, received {length}"
        )
    if not traces.any():
        raise ValueError("estimate_wavelet: every sample of the section is zero")
    half = length // 2
    power = np.sum(np.abs(np.fft.rfft(traces, 2 * samples)) ** 2, axis=0)
    autocorrelation = np.fft.irfft(power)[: length + 1]
    # Lags beyond the wavelet's length are random; the taper fades them out.
    taper = 0.5 + 0.5 * np.cos(np.pi * np.arange(length + 1) / (length + 1))
    tapered = autocorrelation * taper
    symmetric = np.concatenate([tapered, np.zeros(6 * length), tapered[:0:-1]])
    amplitude = np.sqrt(np.maximum(np.fft.rfft(symmetric).real, 0))
    wavelet = np.fft.irfft(amplitude, symmetric.size)[: half + 1]
    wavelet *= (0.5 + 0.5 * np.cos(np.pi * np.arange(half + 1) / (half + 1))) ** 0.5
    wavelet = np.concatenate([wavelet[:0:-1], wavelet])
    return wavelet / wavelet[half]


def estimate_noise(section: np.ndarray) -> float:
    """Noise level of a section: the standard deviation of what neighboring traces do not share.

    ``1.4826 median |a_i - (a_{i-1} + a_{i+1}) / 2| / sqrt(1.5)`` over samples that are not
    zero. Steep dips and diffractions count as noise; noise that neighbors share, such as
    migration makes, does not. A level to start from, not a measurement.

    Args:
        section: ``(time, traces)``, at least three traces.

    Raises:
        ValueError: If no three neighboring traces have data.
    """
    traces = traces_of(section)
    live = (traces[1:-1] != 0) & (traces[2:] != 0) & (traces[:-2] != 0)
    if not live.any():
        raise ValueError(
            "estimate_noise: needs three neighboring traces with data, received a section of "
            f"{len(traces)} traces; pass the noise's standard deviation"
        )
    difference = traces[1:-1] - (traces[2:] + traces[:-2]) / 2
    return float(1.4826 * np.median(np.abs(difference[live])) / 1.5**0.5)


def noise_weight(operator: WaveletConvolution, samples: int, noise: float) -> float:
    """The weight above which white noise alone makes no spikes: ``s |w| sqrt(2 log n)``.

    ``A^T`` turns noise of standard deviation s into noise of standard deviation ``s |w|``; the
    largest of n such values is about ``sqrt(2 log n)`` times that. Safe, but large: true spikes
    shrink by as much.

    Args:
        operator: Convolution with the wavelet.
        samples: Samples per trace, n.
        noise: Standard deviation s of the noise, in the units of the section.
    """
    return float(noise * np.linalg.norm(operator.wavelet) * np.sqrt(2 * np.log(samples)))


def discrepancy_weight(
    operator: WaveletConvolution, data: np.ndarray, noise: float, iterations: int = 100
) -> float:
    """The weight whose residual is as large as the noise (Morozov's principle).

    Found by bisection of its logarithm, as the residual grows with the weight.

    Args:
        operator: Convolution with the wavelet.
        data: ``(traces, time)``.
        noise: Standard deviation of the noise. Samples that are zero (mutes, dead traces)
            are assumed free of noise.
        iterations: Iterations of FISTA per weight; each starts from the last model.

    Returns:
        The weight.

    Raises:
        ValueError: If the noise is not positive, or at least as strong as the data.
    """
    live = max(int(np.count_nonzero(data)), 1)
    level = float(np.linalg.norm(data)) / live**0.5
    if not 0 < noise < level:
        raise ValueError(
            "discrepancy_weight: noise must be positive and below the data's own level "
            f"{level:.4g}, received {noise:.4g}"
        )
    wanted = noise * live**0.5
    # With the largest value of |A^T y| as the weight, the model is zero.
    high = float(np.abs(ops.convert_to_numpy(operator.adjoint(data))).max())
    low, model = high * 1e-6, None
    for _ in range(_BISECTIONS):
        weight = (low * high) ** 0.5
        model = FISTA(operator, weight).solve(data, iterations, model).model
        misfit = np.linalg.norm(ops.convert_to_numpy(operator.forward(model)) - data)
        low, high = (low, weight) if misfit > wanted else (weight, high)
    return (low * high) ** 0.5


def choose_wavelet(
    choice: str | None, section: np.ndarray, dt: float | None, length: int = 51
) -> np.ndarray:
    """A wavelet from a file, by its frequency, or estimated from the section.

    Args:
        choice: Path of a .npy file; a peak frequency in Hz, for a Ricker wavelet with time zero
            in its middle; or ``None``, for ``estimate_wavelet``.
        section: ``(time, traces)``.
        dt: Sample interval, s; needed for a frequency only.
        length: Samples of an estimated wavelet; an even number is rounded up.

    Returns:
        float64 ``(length,)``.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file does not hold a wavelet, or ``dt`` is missing for a frequency.

    Example:
        >>> wavelet = choose_wavelet("25", np.zeros((100, 1)), 0.004)
        >>> len(wavelet), int(wavelet.argmax())
        (23, 11)
    """
    if choice is None:
        return estimate_wavelet(section, length + 1 - length % 2)
    try:
        frequency = float(choice)
    except ValueError:
        wavelet = read_array(choice)
        if wavelet.ndim != 1:
            raise ValueError(
                f"{choice}: expected a wavelet (length,), received shape {wavelet.shape}"
            ) from None
        return wavelet.astype(np.float64)
    if dt is None:
        raise ValueError(
            f"a {frequency:g} Hz wavelet needs the sample interval, which the section does not "
            "contain; pass dt (s)"
        )
    return np.trim_zeros(ricker(frequency, dt, len(section)))
