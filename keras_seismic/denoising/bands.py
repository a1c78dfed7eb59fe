"""Linear filters: a band of frequencies, a fan of slopes."""

import math
from collections.abc import Sequence

import numpy as np

from keras_seismic.checks import checked_interval, checked_size
from keras_seismic.denoising.windows import checked_band, checked_section


def band_pass(section: np.ndarray, band: Sequence[float], dt: float, order: int = 4) -> np.ndarray:
    """Keep a band of frequencies, without shifting anything in time.

    A Butterworth filter forward and backward: at both ends of the band amplitudes are halved.

    Args:
        section: ``(time, traces)``.
        band: Lowest and highest frequency, Hz; from 0 on it is a low-pass filter, up to half the
            sampling rate a high-pass filter.
        dt: Sample interval, s.
        order: Of the filter in one direction: 6 dB an octave each.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is unusable or not finite, or the band outside the sampled one.

    Example:
        >>> time = np.arange(500)[:, None] * 0.004
        >>> signal, hum = np.sin(2 * np.pi * 20 * time), np.sin(2 * np.pi * 50 * time)
        >>> error = band_pass(signal + hum, (8, 30), dt=0.004) - signal
        >>> bool(np.abs(error[100:400]).max() < 0.02)
        True
    """
    from scipy import signal

    name = "band_pass"
    section, dt = checked_section(section, name), checked_interval(dt, name)
    low, high = checked_band(band, dt, name)
    (order,) = checked_size((order,), 1, f"{name}: order")
    nyquist = 0.5 / dt
    if low > 0 and high < nyquist:
        sections = signal.butter(order, (low, high), "bandpass", fs=1 / dt, output="sos")
    elif low > 0:
        sections = signal.butter(order, low, "highpass", fs=1 / dt, output="sos")
    elif high < nyquist:
        sections = signal.butter(order, high, "lowpass", fs=1 / dt, output="sos")
    else:
        return section.astype(np.float32)
    # Mirrored, by two periods of the lower corner as far as the traces reach: noise in the first
    # sample would ring after SciPy's reflection about that sample.
    longest = 2 / ((low or high) * dt)
    padding = min(max(math.ceil(longest), 3 * (2 * len(sections) + 1)), len(section) - 1)
    filtered = signal.sosfiltfilt(sections, section, axis=0, padtype="even", padlen=padding)
    return np.asarray(filtered, np.float32)


def dip_filter(
    section: np.ndarray,
    slopes: Sequence[float],
    dt: float = 1.0,
    dx: float = 1.0,
    taper: float | None = None,
    reject: bool = False,
) -> np.ndarray:
    """Keep, or remove, the events whose slopes lie in a fan, in the f-k plane.

    An event ``u(t - p x)`` of slope ``p`` lies on the line ``k = p f``. Events steeper than
    half a period a trace are aliased and appear with another slope.

    Args:
        section: ``(time, traces)``.
        slopes: Lowest and highest slope, positive where later times lie at higher traces: samples
            per trace; with ``dt`` and ``dx`` in s/m, so ground roll of 500 to 1,000 m/s that runs
            to higher traces has slopes of 0.001 to 0.002.
        dt: Sample interval, s.
        dx: Distance between traces, m.
        taper: Width of the cosine ramps outside the fan, in units of the slopes; a quarter of the
            fan's width by default.
        reject: Remove the fan, instead of everything else.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is unusable or not finite, the slopes are not in order, or
            another number is not positive.

    Example:
        >>> time, trace = np.mgrid[:256, :128]
        >>> flat, steep = (np.cos(0.4 * (time - p * trace)) for p in (0.0, 2.0))
        >>> error = dip_filter(flat + steep, (-1, 1)) - flat
        >>> bool(np.abs(error[80:176, 40:88]).max() < 0.05)
        True
    """
    name = "dip_filter"
    section = checked_section(section, name)
    if len(slopes) != 2 or not -np.inf < slopes[0] < slopes[1] < np.inf:
        raise ValueError(f"{name}: slopes must be (lowest, highest), received {slopes}")
    if not (0 < dt < np.inf and 0 < dx < np.inf):
        raise ValueError(f"{name}: dt and dx must be positive, received dt={dt}, dx={dx}")
    lowest, highest = (float(slope) * dx / dt for slope in slopes)  # samples per trace
    ramp = (highest - lowest) / 4 if taper is None else float(taper) * dx / dt
    if not 0 <= ramp < np.inf:
        raise ValueError(f"{name}: taper must be a number from 0 on, received {taper}")
    # Padded by half, so that what leaves one edge does not come in at the other
    shape = tuple(n + n // 2 for n in section.shape)
    frequency, wavenumber = np.fft.rfftfreq(shape[0])[:, None], -np.fft.fftfreq(shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(wavenumber == 0, 0, wavenumber / frequency)
    outside = np.maximum(lowest - slope, slope - highest)
    if ramp:
        gain = 0.5 + 0.5 * np.cos(np.pi * np.clip(outside / ramp, 0, 1))
    else:
        gain = (outside <= 0).astype(np.float64)
    spectrum = np.fft.fft(np.fft.rfft(section, shape[0], axis=0), shape[1], axis=1)
    spectrum *= 1 - gain if reject else gain
    filtered = np.fft.irfft(np.fft.ifft(spectrum, axis=1), shape[0], axis=0)
    return filtered[: section.shape[0], : section.shape[1]].astype(np.float32)
