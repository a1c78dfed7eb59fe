"""Noise to train against."""

from collections.abc import Sequence

import numpy as np


def noise_level(clean: np.ndarray, snr_db: float) -> float:
    """Standard deviation of white noise at a signal-to-noise ratio.

    ``std(clean) 10^(-snr_db / 20)``.

    Raises:
        ValueError: If the clean data is constant: no level is right for it.
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
        clean: Any shape; the noise level follows from the whole of it.
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
