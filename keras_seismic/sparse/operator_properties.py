"""The dot-product test of an operator, and its norm."""

from collections.abc import Sequence

import numpy as np
from keras import ops

from keras_seismic.sparse.operators import Operator

#: Largest relative difference that rounding can explain.
_DOT_TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def dot_product_test(
    operator: Operator,
    shape: Sequence[int] | None = None,
    dtype: str = "float64",
    tolerance: float | None = None,
    seed: int = 0,
) -> float:
    """Check the adjoint: ``<A x, y> = <x, A^T y>`` for random x and y.

    Args:
        operator: The operator.
        shape: Shape of ``x``, leading axes included; by default the operator's model shape.
        dtype: ``"float32"`` or ``"float64"``.
        tolerance: Largest difference allowed, by default 1e-5 in float32 and 1e-12 in float64.
        seed: Seed of x and y.

    Returns:
        ``|<A x, y> - <x, A^T y>| / (|A x| |y|)``.

    Raises:
        ValueError: If the difference exceeds the tolerance, or the operator leaves its shape
            open and none is given.

    Example:
        >>> from keras_seismic.sparse import MatrixOperator
        >>> dot_product_test(MatrixOperator(np.arange(6.0).reshape(2, 3))) < 1e-12
        True
    """
    random = np.random.default_rng(seed)
    x = random.standard_normal(_shape_of(operator, shape)).astype(dtype)
    forward = ops.convert_to_numpy(operator.forward(x)).astype(np.float64)
    y = random.standard_normal(forward.shape).astype(dtype)
    adjoint = ops.convert_to_numpy(operator.adjoint(y)).astype(np.float64)
    scale = np.linalg.norm(forward) * np.linalg.norm(y)
    difference = float(abs(np.vdot(forward, y) - np.vdot(x, adjoint)) / (scale or 1.0))
    allowed = _DOT_TOLERANCE[dtype] if tolerance is None else tolerance
    if not difference <= allowed:
        raise ValueError(
            f"dot_product_test: {type(operator).__name__} fails: <Ax, y> and <x, A^T y> differ by "
            f"{difference:.2g} |Ax| |y|, more than {allowed:.2g}: its adjoint is not the adjoint "
            "of its forward"
        )
    return difference


def largest_singular_value(
    operator: Operator,
    shape: Sequence[int] | None = None,
    iterations: int = 100,
    tolerance: float = 1e-8,
    seed: int = 0,
) -> float:
    """Norm of an operator by power iteration on ``A^T A``.

    The estimate approaches from below. After 100 iterations it is within one percent even where
    the largest singular values are close together, as they are for a convolution.

    Args:
        operator: The operator.
        shape: Shape of the model; by default the operator's model shape.
        iterations: Maximum number of iterations.
        tolerance: Relative change of the estimate at which to stop.
        seed: Seed of the first vector.

    Returns:
        The largest singular value; 0 for the zero operator.

    Raises:
        ValueError: If the operator leaves its shape open and none is given.

    Example:
        >>> from keras_seismic.sparse import MatrixOperator
        >>> round(largest_singular_value(MatrixOperator(np.diag([3.0, -4.0]))), 5)
        4.0
    """
    x = np.random.default_rng(seed).standard_normal(_shape_of(operator, shape))
    x = (x / np.linalg.norm(x)).astype(np.float32)
    largest = 0.0
    for _ in range(iterations):
        image = operator.adjoint(operator.forward(x))
        before, largest = largest, float(ops.norm(ops.reshape(image, (-1,))))
        if largest == 0 or abs(largest - before) <= tolerance * largest:
            break
        x = image / largest
    return largest**0.5


def _shape_of(operator: Operator, shape: Sequence[int] | None) -> tuple[int, ...]:
    wanted = operator.model_shape if shape is None else tuple(shape)
    if any(n is None for n in wanted):
        raise ValueError(
            f"{type(operator).__name__} takes models of any length ({wanted}); say which with "
            "shape="
        )
    return tuple(int(n) for n in wanted if n is not None)
