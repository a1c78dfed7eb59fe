"""Noise levels, and white noise."""

from collections.abc import Sequence

import numpy as np


def noise_level(clean: np.ndarray, snr_db: float) -> float:
    """Standard deviation of white noise at a signal-to-noise ratio.

    ``std(clean) 10^(-snr_db / 20)``.

    Raises:
        ValueError: If the clean data is constant, so that no level gives the ratio.
    """
    deviation = float(np.std(clean, dtype=np.float64))
    if deviation == 0:
        raise ValueError(
            "noise_level: the clean data is constant, so no noise level gives "
            f"{snr_db} dB; choose data with signal"
        )
    return deviation * 10 ** (-snr_db / 20)


def add_white_noise(clean: np.ndarray, snr_db: float, seed: int | Sequence[int] = 0) -> np.ndarray:
    """The data plus white Gaussian noise.

    Args:
        clean: Any shape; the noise level depends on all of it.
        snr_db: Signal-to-noise ratio, dB; 0 makes the noise as strong as the signal.
        seed: The same seed (a number or several) gives the same noise.

    Returns:
        float32, the shape of ``clean``.

    Example:
        >>> clean = np.sin(np.arange(10_000, dtype="float32"))
        >>> noisy = add_white_noise(clean, snr_db=0)
        >>> round(float(np.var(noisy - clean) / np.var(clean)), 1)
        1.0
    """
    noise = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
    return np.asarray(clean, np.float32) + np.float32(noise_level(clean, snr_db)) * noise


def with_noise(clean: np.ndarray, pattern: np.ndarray, snr_db: float) -> np.ndarray:
    """The section plus a noise pattern, scaled so that the ratio is met exactly.

    ``snr_db = 10 log10(sum(clean^2) / sum(noise^2))`` holds for this realization; white noise
    meets its level only on average.

    Args:
        clean: ``(time, traces)``, checked.
        pattern: The noise, of the same shape, at any strength.
        snr_db: Signal-to-noise ratio over the whole section, dB.
    """
    energy = np.sum(np.square(clean, dtype=np.float64))
    factor = np.sqrt(energy / np.sum(np.square(pattern, dtype=np.float64))) * 10 ** (-snr_db / 20)
    noisy: np.ndarray = (clean + factor * pattern).astype(np.float32)
    return noisy


def checked_section(section: np.ndarray, caller: str) -> np.ndarray:
    """A section as float32, or an error that says what is wrong with it.

    Raises:
        ValueError: If it is not ``(time, traces)``, not finite, or all zero.
    """
    section = np.asarray(section)
    if section.ndim != 2 or 0 in section.shape:
        raise ValueError(
            f"{caller}: expected a section (time, traces), received shape {section.shape}"
        )
    if section.dtype.kind not in "fiu":
        raise ValueError(f"{caller}: expected numbers, received dtype {section.dtype}")
    section = section.astype(np.float32)
    if not np.isfinite(section).all():
        raise ValueError(f"{caller}: the section holds values that are not finite")
    if not section.any():
        raise ValueError(f"{caller}: the section is all zero, so no noise is weak or strong in it")
    return section


def checked_band(band: Sequence[float], dt: float, caller: str) -> tuple[float, float]:
    """Lower and upper frequency in Hz, within what the sampling can hold.

    Raises:
        ValueError: If the band is empty, narrower than 0.1 Hz, or beyond the Nyquist frequency.
    """
    low, high = map(float, band)
    nyquist = 0.5 / dt
    if not (low >= 0 and low + 0.1 <= high <= nyquist):
        raise ValueError(
            f"{caller}: the band must lie within 0-{nyquist:g} Hz (half the sampling rate at "
            f"dt={dt:g} s) and be 0.1 Hz wide or more, received {low:g}-{high:g} Hz"
        )
    return low, high


def checked_fraction(fraction: float, caller: str) -> float:
    """A fraction in [0, 1).

    Raises:
        ValueError: If it is not.
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"{caller}: fraction must be in [0, 1), received {fraction}")
    return float(fraction)
