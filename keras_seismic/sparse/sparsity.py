"""Gradient descent, ISTA and FISTA: the classic ways to a sparse model.

All three minimize ``1/2 |A x - y|^2 + weight |x|_1``; gradient descent with a weight of
zero. A is an ``Operator``, and whatever leading axes the data have are solved together.
"""

from typing import Any

import numpy as np

from keras_seismic.sparse.operators import Operator
from keras_seismic.sparse.solver import Callback, ProximalGradient
from keras_seismic.types import Tensor


class GradientDescent(ProximalGradient):
    """Least squares by gradient descent: ``x <- x - step A^T (A x - y)``.

    The baseline that makes nothing sparse.

    Args:
        operator: ``A``.
        step: As of ``ISTA``.
        positive: As of ``ISTA``.
        change: As of ``ISTA``.
        residual: As of ``ISTA``.
        callback: As of ``ISTA``.

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
        change: float = 0.0,
        residual: float = 0.0,
        callback: Callback | None = None,
    ) -> None:
        super().__init__(
            operator,
            step=step,
            positive=positive,
            change=change,
            residual=residual,
            callback=callback,
        )


class ISTA(ProximalGradient):
    """Iterative soft thresholding: ``x <- S(x - step A^T (A x - y), step weight)``.

    ``S(v, t) = sign(v) max(|v| - t, 0)``. The cost falls in every iteration, its distance
    to the minimum like 1/k. The loop is compiled (XLA) on TensorFlow and on JAX.

    Args:
        operator: ``A``.
        weight: Of ``|x|_1``: a number, or an array that broadcasts to the model (weighted
            l1: one weight a trace, or less weight where a reflector is expected).
        step: Step length, at most ``1/L`` with L the square of A's largest singular value
            (ISTA alone bears up to ``2/L``). ``None`` takes 0.98/L, L by power iteration;
            ``"backtracking"`` starts longer and halves it where it must.
        positive: Keep the model from being negative.
        change: Stop when an iteration changes the model by at most this part of its norm.
        residual: Stop when ``|A x - y|`` is at most this, such as the noise's norm.
        callback: Called after each iteration with its number, the model and the cost; a
            true value stops. Brings the model out of the compiled loop each time.

    Raises:
        ValueError: If an argument is out of its range.

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
        change: float = 0.0,
        residual: float = 0.0,
        callback: Callback | None = None,
    ) -> None:
        super().__init__(operator, weight, step, positive, False, change, residual, callback)


class FISTA(ProximalGradient):
    """ISTA with Nesterov's momentum: its distance to the minimum falls like 1/k^2.

    The gradient is taken beyond the last model, at
    ``x_k + (t_k - 1) / t_{k+1} (x_k - x_{k-1})`` with
    ``t_{k+1} = (1 + sqrt(1 + 4 t_k^2)) / 2``. The cost may rise a little now and then.
    A takes part once forward and once adjoint in an iteration, as in ISTA.

    Args:
        operator: As of ``ISTA``.
        weight: As of ``ISTA``.
        step: As of ``ISTA``.
        positive: As of ``ISTA``.
        restart: Forget the momentum whenever it goes against the gradient, which ends the
            ripples near the minimum. One decision for all leading axes.
        change: As of ``ISTA``.
        residual: As of ``ISTA``.
        callback: As of ``ISTA``.

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
        change: float = 0.0,
        residual: float = 0.0,
        callback: Callback | None = None,
    ) -> None:
        super().__init__(operator, weight, step, positive, restart, change, residual, callback)


def gradient_descent(
    operator: Operator,
    data: Tensor,
    iterations: int = 100,
    weight: float = 0.0,
    step: float | str | None = None,
    **options: Any,
) -> np.ndarray:
    """The model after gradient descent; ``GradientDescent`` returns more.

    Args:
        operator: ``A``.
        data: ``y``, ``(..., *data_shape)``.
        iterations: Number of iterations.
        weight: Must be 0, for which alone this is the method.
        step: As of ``ISTA``.
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
    """The model after ISTA; the class ``ISTA`` returns the cost and more.

    Args:
        operator: ``A``.
        data: ``y``, ``(..., *data_shape)``.
        iterations: Number of iterations.
        weight: Of ``|x|_1``.
        step: Step length; see ``ISTA``.
        **options: Further arguments of ``ISTA``.

    Returns:
        ``x``, ``(..., *model_shape)``, in the data's precision.

    Raises:
        DivergenceError: If the step is too large.
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
    """The model after FISTA; the class ``FISTA`` returns the cost and more.

    Args:
        operator: ``A``.
        data: ``y``, ``(..., *data_shape)``.
        iterations: Number of iterations.
        weight: Of ``|x|_1``.
        step: Step length; see ``ISTA``.
        **options: Further arguments of ``FISTA``.

    Returns:
        ``x``, ``(..., *model_shape)``, in the data's precision.

    Raises:
        DivergenceError: If the step is too large.
        ValueError: As ``FISTA.solve``.
    """
    return FISTA(operator, weight, step, **options).solve(data, iterations).model
