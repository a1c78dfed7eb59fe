"""How strongly the data see each cell, for preconditioning."""

from collections.abc import Callable

import numpy as np

#: Gradient of white noise as a residual, from ``(time, receivers, shots)`` to ``(depth, width)``.
Pullback = Callable[[np.ndarray], np.ndarray]

#: Least illumination relative to the median, so that unseen cells get no arbitrarily long steps.
_LEAST = 1e-3


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
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(seed)
    signs = (random.choice((-1.0, 1.0), size=shape) for _ in range(probes))
    diagonal = sum(np.square(pullback(z)) for z in signs) / probes
    # Wider along the layers, across which illumination changes quickly.
    diagonal = gaussian_filter(diagonal, (2, 6), mode="nearest")
    middle = float(np.median(diagonal)) or 1.0
    return np.maximum(diagonal / middle, _LEAST)
