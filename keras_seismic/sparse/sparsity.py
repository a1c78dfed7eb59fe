"""Gradient descent, ISTA and FISTA: the classic ways to a sparse model.

All three minimize ``1/2 |A x - y|^2 + weight |x|_1``, gradient descent with zero weight. ``A``
is an ``Operator``; all leading axes of the data are solved together.
"""

from typing import Any

import numpy as np

from keras_seismic.sparse.operators import Operator
from keras_seismic.sparse.solver import Callback, ProximalGradient
from keras_seismic.types import Tensor


class GradientDescent(ProximalGradient):
    """Least squares by gradient descent: ``x <- x - step A^T (A x - y)``.

    The baseline without sparsity.

    Args:
        operator: ``A``.
        step: See ``ISTA``.
        positive: See ``ISTA``.
        tolerance: See ``ISTA``.
        residual_tolerance: See ``ISTA``.
        callback: See ``ISTA``.

    Example:
        >>> from keras_seismic.sparse import MatrixOperator
        >>> solver = GradientDescent(MatrixOperator(np.diag([1.0, 2.0])))
        >>> solution = solver.solve(np.array([3.0, 4.0]), iterations=200)
        >>> [round(float(x), 6) for x in solution.model]
        [3.0, 2.0]
    """

    def __init__(
        self,
        operator: Operator,
        step: float | str | None = None,
        positive: bool = False,
        tolerance: float = 0.0,
        residual_tolerance: float = 0.0,
        callback: Callback | None = None,
    ) -> None:
        super().__init__(
            operator,
            step=step,
            positive=positive,
            tolerance=tolerance,
            residual_tolerance=residual_tolerance,
            callback=callback,
        )


class ISTA(ProximalGradient):
    """Iterative soft thresholding: ``x <- S(x - step A^T (A x - y), step weight)``.

    ``S(v, t) = sign(v) max(|v| - t, 0)``. The cost falls in every iteration, and its
    distance to the minimum falls like 1/k. The loop is compiled (XLA) on TensorFlow and JAX.

    Args:
        operator: ``A``.
        weight: Weight of ``|x|_1``: a number, or an array that broadcasts to the model (one
            weight per trace, or a smaller weight where a reflector is expected).
        step: Step length, at most ``1/L``, where L is the square of A's largest singular value
            (ISTA alone tolerates up to ``2/L``). ``None`` takes 0.98/L, with L from power
            iteration; ``"backtracking"`` starts with a longer step and halves it as needed.
        positive: Keep the model from becoming negative.
        tolerance: Stop once an iteration changes the model by at most this fraction of its norm.
        residual_tolerance: Stop once ``|A x - y|`` is at most this, for instance the norm of the
            noise.
        callback: Called after each iteration with its number, the model and the cost; returning
            a true value stops. Takes the model out of the compiled loop in every iteration.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> from keras_seismic.sparse import MatrixOperator
        >>> solution = ISTA(MatrixOperator(np.eye(3)), weight=1.0, step=1.0).solve(
        ...     np.array([3.0, -0.5, -2.0]), iterations=1
        ... )
        >>> [float(x) for x in solution.model], [float(c) for c in solution.cost]
        ([2.0, 0.0, -1.0], [6.625, 4.125])

    Reference:
        Daubechies, I., Defrise, M. and De Mol, C. (2004), An iterative thresholding algorithm
        for linear inverse problems with a sparsity constraint, Communications on Pure and
        Applied Mathematics 57, 1413-1457.
    """

    def __init__(
        self,
        operator: Operator,
        weight: Any,
        step: float | str | None = None,
        positive: bool = False,
        tolerance: float = 0.0,
        residual_tolerance: float = 0.0,
        callback: Callback | None = None,
    ) -> None:
        super().__init__(
            operator, weight, step, positive, False, tolerance, residual_tolerance, callback
        )


class FISTA(ProximalGradient):
    """ISTA with Nesterov's momentum: the distance to the minimum falls like 1/k^2.

    The gradient is taken beyond the last model, at
    ``x_k + (t_k - 1) / t_{k+1} (x_k - x_{k-1})`` with
    ``t_{k+1} = (1 + sqrt(1 + 4 t_k^2)) / 2``. The cost may rise slightly now and then.
    Each iteration applies A and its adjoint once, as in ISTA.

    Args:
        operator: See ``ISTA``.
        weight: See ``ISTA``.
        step: See ``ISTA``.
        positive: See ``ISTA``.
        restart: Drop the momentum whenever it points against the gradient, which removes the
            ripples near the minimum. Decided once for all leading axes.
        tolerance: See ``ISTA``.
        residual_tolerance: See ``ISTA``.
        callback: See ``ISTA``.

    Example:
        >>> from keras_seismic.sparse import WaveletConvolution
        >>> spikes = np.zeros(61)
        >>> spikes[[15, 25, 50]] = -0.4, 1.0, 0.5
        >>> operator = WaveletConvolution([-0.4, 1.0, -0.4])
        >>> traces = np.asarray(operator.forward(spikes))
        >>> solution = FISTA(operator, weight=0.01).solve(traces, iterations=200)
        >>> [int(i) for i in np.flatnonzero(abs(solution.model) > 0.1)]
        [15, 25, 50]

    Reference:
        Beck, A. and Teboulle, M. (2009), A fast iterative shrinkage-thresholding algorithm
        for linear inverse problems, SIAM Journal on Imaging Sciences 2, 183-202.
        O'Donoghue, B. and Candes, E. (2015), Adaptive restart for accelerated gradient
        schemes, Foundations of Computational Mathematics 15, 715-732.
    """

    momentum = True

    def __init__(
        self,
        operator: Operator,
        weight: Any,
        step: float | str | None = None,
        positive: bool = False,
        restart: bool = False,
        tolerance: float = 0.0,
        residual_tolerance: float = 0.0,
        callback: Callback | None = None,
    ) -> None:
        super().__init__(
            operator, weight, step, positive, restart, tolerance, residual_tolerance, callback
        )


def gradient_descent(
    operator: Operator,
    data: Tensor,
    iterations: int = 100,
    weight: float = 0.0,
    step: float | str | None = None,
    **options: Any,
) -> np.ndarray:
    """Least squares by gradient descent; the class ``GradientDescent`` returns more.

    Args:
        operator: ``A``.
        data: ``y``, ``(..., *data_shape)``.
        iterations: Number of iterations.
        weight: Must be 0; accepted so that the three functions take the same arguments.
        step: See ``ISTA``.
        **options: Further arguments of ``GradientDescent``.

    Returns:
        ``x``, ``(..., *model_shape)``, in the data's precision.

    Raises:
        ValueError: As ``GradientDescent.solve``, or if the weight is not zero.
    """
    if np.any(weight):
        raise ValueError(
            f"gradient_descent: |x|_1 has no gradient, so weight must be 0, received {weight}; "
            "use ista or fista"
        )
    return GradientDescent(operator, step, **options).solve(data, iterations).model


def ista(
    operator: Operator,
    data: Tensor,
    iterations: int = 100,
    *,
    weight: Any,
    step: float | str | None = None,
    **options: Any,
) -> np.ndarray:
    """Sparse model by ISTA; the class ``ISTA`` also returns the cost.

    Args:
        operator: ``A``.
        data: ``y``, ``(..., *data_shape)``.
        iterations: Number of iterations.
        weight: Weight of ``|x|_1``.
        step: Step length; see ``ISTA``.
        **options: Further arguments of ``ISTA``.

    Returns:
        ``x``, ``(..., *model_shape)``, in the data's precision.

    Raises:
        DivergenceError: If the step is too long.
        ValueError: As ``ISTA.solve``.
    """
    return ISTA(operator, weight, step, **options).solve(data, iterations).model


def fista(
    operator: Operator,
    data: Tensor,
    iterations: int = 100,
    *,
    weight: Any,
    step: float | str | None = None,
    **options: Any,
) -> np.ndarray:
    """Sparse model by FISTA; arguments, result and errors are those of ``ista``.

    The class ``FISTA`` also returns the cost, and has further ``options``.
    """
    return FISTA(operator, weight, step, **options).solve(data, iterations).model
