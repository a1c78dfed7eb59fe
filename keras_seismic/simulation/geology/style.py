"""Smooth and rough textures on a trend with depth, after OpenFWI's Style families."""

import numpy as np

FEWEST_ROWS = 5
_CORRELATION = {"a": (8.0, 14.0), "b": (3.0, 6.0)}  # cells
_MINIMUM, _MAXIMUM = (1515.0, 2200.0), (3000.0, 4446.0)  # m/s
_TREND = 0.45, 0.85  # weight of the trend


def draw(kind: str, depth: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """One model ``(depth, width)`` of Style-A or B, m/s."""
    texture = _texture(depth, width, rng.uniform(*_CORRELATION[kind]), rng)
    texture /= np.abs(texture).max()
    z = np.linspace(0, 1, depth)[:, None]
    weight = rng.uniform(*_TREND)
    mixed = (1 - weight) * texture * z + weight * np.sqrt(z)
    mixed = (mixed - mixed.min()) / np.ptp(mixed)
    slowest, fastest = rng.uniform(*_MINIMUM), rng.uniform(*_MAXIMUM)
    return slowest + (fastest - slowest) * mixed


def _texture(depth: int, width: int, length: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise with correlation ``exp(-(distance / length)^2)``."""
    # A Gaussian filter of this standard deviation leaves that correlation. By FFT, as matrix
    # products share their threads with whatever else runs; opposite edges of the larger grid
    # are neighbors, which the margin keeps apart.
    sigma = length / 2
    rows, columns = (size + int(np.ceil(4 * length)) for size in (depth, width))
    squares = np.fft.fftfreq(rows)[:, None] ** 2 + np.fft.rfftfreq(columns) ** 2
    spectrum = np.fft.rfft2(rng.standard_normal((rows, columns)))
    spectrum *= np.exp(-2 * (np.pi * sigma) ** 2 * squares)
    return np.fft.irfft2(spectrum, (rows, columns))[:depth, :width]
