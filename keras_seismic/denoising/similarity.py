"""Local similarity of two sections: where the removed noise looks like signal."""

from collections.abc import Callable, Sequence

import numpy as np

from keras_seismic.checks import checked_size
from keras_seismic.denoising.windows import checked_section


def local_similarity(
    first: np.ndarray,
    second: np.ndarray,
    smoothing: Sequence[int] = (21, 21),
    iterations: int = 30,
) -> np.ndarray:
    """How much two sections resemble each other around every sample, whatever their sizes.

    Globally, the squared correlation of ``a`` and ``b`` is the product of the factor that fits
    ``a`` to ``b`` and the one that fits ``b`` to ``a``. Here both factors vary: each minimizes
    the error under the condition that it is smooth (shaping regularization), and the similarity
    is ``sqrt(|c1 c2|)``. Of what a filter removed and what it left, it is large where signal
    was removed.

    Args:
        first: ``(time, traces)``.
        second: The same.
        smoothing: Samples and traces over which the factors are smooth: half-widths of the
            triangle they are averaged with.
        iterations: Of conjugate gradients, at most.

    Returns:
        float32 ``(time, traces)`` in [0, 1]; zero if one of them is zero throughout.

    Raises:
        ValueError: If a section is unusable or not finite, the shapes differ, or a number is not
            positive.

    Example:
        >>> section = np.random.default_rng(0).normal(size=(80, 60))
        >>> bool(np.allclose(local_similarity(section, -3 * section), 1, atol=1e-3))
        True

    Reference:
        Fomel, S. (2007), Local seismic attributes, Geophysics 72, A29-A33.
        Chen, Y. and Fomel, S. (2015), Random noise attenuation using local signal-and-noise
        orthogonalization, Geophysics 80, WD1-WD9.
    """
    from scipy.ndimage import uniform_filter

    name = "local_similarity"
    a, b = checked_section(first, f"{name}: first"), checked_section(second, f"{name}: second")
    if a.shape != b.shape:
        raise ValueError(
            f"{name}: both sections must have one shape, received {a.shape} and {b.shape}"
        )
    size = checked_size(smoothing, 2, f"{name}: smoothing")
    (iterations,) = checked_size((iterations,), 1, f"{name}: iterations")
    if not a.any() or not b.any():
        return np.zeros(a.shape, np.float32)
    a, b = a / np.sqrt(np.mean(a**2)), b / np.sqrt(np.mean(b**2))
    box = tuple(2 * (n // 2) + 1 for n in size)  # odd, hence symmetric; twice makes a triangle

    def smooth(values: np.ndarray) -> np.ndarray:
        smoothed: np.ndarray = uniform_filter(values, box, mode="reflect")
        return smoothed

    factors = (_smooth_quotient(*pair, smooth, iterations) for pair in ((a, b), (b, a)))
    product = np.abs(np.prod(list(factors), axis=0))
    return np.sqrt(np.minimum(product, 1)).astype(np.float32)


def _smooth_quotient(
    numerator: np.ndarray,
    denominator: np.ndarray,
    smooth: Callable[[np.ndarray], np.ndarray],
    iterations: int,
) -> np.ndarray:
    """The smooth ``c`` that brings ``c denominator`` close to ``numerator``.

    ``c = H (1 + H (d^2 - 1) H)^-1 H d n`` with ``H`` the symmetric smoothing and ``mean(d^2) = 1``,
    by conjugate gradients.
    """
    weight = denominator**2 - 1
    residual = smooth(denominator * numerator)
    solution, direction = np.zeros_like(residual), residual
    energy = first = np.sum(residual**2)
    for _ in range(iterations):
        if not energy > 1e-12 * first:
            break
        product = direction + smooth(weight * smooth(direction))
        step = energy / np.sum(direction * product)
        solution = solution + step * direction
        residual = residual - step * product
        previous, energy = energy, np.sum(residual**2)
        direction = residual + (energy / previous) * direction
    return smooth(solution)
