"""Smooth and rough textures on a trend with depth, after OpenFWI's Style families."""

import numpy as np

FEWEST_ROWS = 5
_CORRELATION = {"a": (8.0, 14.0), "b": (3.0, 6.0)}  # cells
_MINIMUM, _MAXIMUM = (1515.0, 2200.0), (3000.0, 4446.0)  # m/s
_TREND = 0.45, 0.85  # weight of the trend


def draw(kind: str, depth: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """One model ``(depth, width)`` of Style-A or B, m/s."""
    length = rng.uniform(*_CORRELATION[kind])
    rows, columns = _smoothing(depth, length), _smoothing(width, length)
    texture = rows @ rng.standard_normal((rows.shape[1], columns.shape[1])) @ columns.T
    texture /= np.abs(texture).max()
    z = np.linspace(0, 1, depth)[:, None]
    weight = rng.uniform(*_TREND)
    mixed = (1 - weight) * texture * z + weight * np.sqrt(z)
    mixed = (mixed - mixed.min()) / np.ptp(mixed)
    slowest, fastest = rng.uniform(*_MINIMUM), rng.uniform(*_MAXIMUM)
    return slowest + (fastest - slowest) * mixed


def _smoothing(size: int, length: float) -> np.ndarray:
    """Matrix that turns white noise into a texture with correlation ``exp(-(d / length)^2)``."""
    # A Gaussian of this standard deviation, convolved with itself, has that correlation;
    # the noise extends past the edges, so that they are no smoother than the middle.
    sigma = length / 2
    margin = int(np.ceil(4 * sigma))
    distance = np.arange(size)[:, None] + margin - np.arange(size + 2 * margin)
    return np.exp(-(distance**2) / (2 * sigma**2))
