"""Source wavelets."""

import numpy as np


def ricker(peak_frequency: float, dt: float, nt: int) -> np.ndarray:
    """Causal Ricker wavelet whose first sample is at time zero.

    The second derivative of a Gaussian, delayed by half its length so that it
    starts from (almost) zero at sample 0:

    ``w_k = (1 - 2 a_k^2) exp(-a_k^2)``, ``a_k = pi f dt (center - k)``

    with ``center = floor(floor(2.2 / f / dt) / 2)``; samples past
    ``2 * center`` are zero. This is the discretization behind the OpenFWI data
    sets.

    Args:
        peak_frequency: Frequency of the spectrum's maximum, Hz.
        dt: Time step, s.
        nt: Number of samples to return.

    Returns:
        float64 array of shape ``(nt,)``, 1 at the peak.

    Raises:
        ValueError: If an argument is not positive, or if the wavelet would have
            fewer than 5 samples, that is, ``dt`` is too coarse for the frequency.

    Example:
        >>> wavelet = ricker(15.0, 0.001, 1000)
        >>> wavelet.shape, int(wavelet.argmax()), float(wavelet.max())
        ((1000,), 73, 1.0)

    Reference:
        Ricker, N. (1953), The form and laws of propagation of seismic wavelets,
        Geophysics 18, 10-40.
    """
    if not (peak_frequency > 0 and dt > 0 and nt > 0):
        raise ValueError(
            "ricker: peak_frequency (Hz), dt (s) and nt must be positive, received "
            f"peak_frequency={peak_frequency}, dt={dt}, nt={nt}"
        )
    # Rounded first: 2.2 / 15 / 0.001 and the like must not lose a sample to rounding errors.
    center = int(np.floor(round(2.2 / peak_frequency / dt, 9))) // 2
    if center < 2:
        raise ValueError(
            f"ricker: dt={dt} s leaves {2 * center + 1} samples to a {peak_frequency} Hz "
            f"wavelet; use dt below {2.2 / peak_frequency / 4:.3g} s"
        )
    phase = np.pi * peak_frequency * dt * (center - np.arange(2 * center + 1))
    wavelet = np.zeros(max(nt, 2 * center + 1))
    wavelet[: 2 * center + 1] = (1 - 2 * phase**2) * np.exp(-(phase**2))
    return wavelet[:nt]


#: Amplitude, relative to the spectrum's maximum, below which a frequency is left out of account:
#: that of a Ricker wavelet at 2.5 times its peak frequency, x exp(1 - x) with x = 2.5 squared.
_SIGNIFICANT = 6.25 * np.exp(-5.25)


def highest_frequency(wavelet: np.ndarray, dt: float) -> float:
    """The highest frequency whose amplitude is at least 3.3 % of the spectrum's maximum.

    For a Ricker wavelet that is 2.5 times the peak frequency.

    Args:
        wavelet: Samples, not all zero.
        dt: Time between them, s.

    Returns:
        Hz.

    Example:
        >>> round(highest_frequency(ricker(15.0, 0.001, 200), 0.001), 1)
        37.5
    """
    frequencies, amplitude = _spectrum(wavelet, dt)
    return float(frequencies[amplitude >= _SIGNIFICANT * amplitude.max()][-1])


def mean_frequency(wavelet: np.ndarray, dt: float) -> float:
    """The mean of a wavelet's frequencies, weighted by their power, Hz.

    Args:
        wavelet: Samples, not all zero.
        dt: Time between them, s.

    Example:
        >>> round(mean_frequency(ricker(15.0, 0.001, 200), 0.001), 1)
        16.0
    """
    frequencies, amplitude = _spectrum(wavelet, dt)
    return float(np.average(frequencies, weights=amplitude**2))


def _spectrum(wavelet: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies, finely spaced, and the amplitude at each."""
    size = 2 ** int(np.ceil(np.log2(max(8 * len(wavelet), 2**15))))
    return np.fft.rfftfreq(size, dt), np.abs(np.fft.rfft(wavelet, size))
