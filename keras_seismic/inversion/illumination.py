"""How strongly the data see each cell, for preconditioning."""

from collections.abc import Callable

import numpy as np

#: Gradient of white noise as a residual, from ``(time, receivers, shots)`` to ``(depth, width)``.
Pullback = Callable[[np.ndarray], np.ndarray]

#: Least illumination relative to the median, so that unseen cells get no arbitrarily long steps.
_LEAST = 1e-3

#: Standard deviations of the average in cells: wider along the layers than across them.
_NEIGHBORHOOD = (2.0, 6.0)


def illumination(
    pullback: Pullback, shape: tuple[int, int, int], probes: int = 4, seed: int = 0
) -> np.ndarray:
    """The diagonal of ``J^T J``, J the derivative of the gathers with respect to velocity.

    For random signs ``z``, the mean of ``(J^T z)^2`` is that diagonal, exactly: each probe costs
    one run of the adjoint, and a handful, smoothed over neighboring cells, is enough to see where
    the waves have been.

    Args:
        pullback: ``J^T``.
        shape: ``(time, receivers, shots)``.
        probes: Number of random residuals.
        seed: Of their signs.

    Returns:
        ``(depth, width)``, relative to its median.

    Example:
        >>> jacobian = np.random.default_rng(0).normal(size=(48, 100)) * np.linspace(1, 4, 100)
        >>> found = illumination(lambda z: (z.ravel() @ jacobian).reshape(10, 10), (12, 4, 1), 99)
        >>> bool(found[-1].mean() > 4 * found[0].mean())
        True

    Reference:
        Hutchinson, M. F. (1989), A stochastic estimator of the trace of the influence matrix,
        Communications in Statistics - Simulation and Computation 18, 1059-1076.
    """
    random = np.random.default_rng(seed)
    squares = [np.square(pullback(random.choice((-1.0, 1.0), size=shape))) for _ in range(probes)]
    diagonal = _smoothed(np.mean(squares, axis=0))
    middle = float(np.median(diagonal)) or 1.0
    return np.maximum(diagonal / middle, _LEAST)


def _smoothed(diagonal: np.ndarray) -> np.ndarray:
    """Averages over neighbors, the edges by themselves: each stands for all rock beyond it."""
    from scipy.ndimage import gaussian_filter

    result = np.empty_like(diagonal)
    middle, first, last = slice(1, -1), slice(0, 1), slice(-1, None)
    for rows in (first, middle, last):
        for columns in (first, middle, last):
            part = diagonal[rows, columns]
            result[rows, columns] = gaussian_filter(part, _NEIGHBORHOOD, mode="nearest")
    return result
