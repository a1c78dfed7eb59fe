"""What the proximal gradient solvers share: setup, step, run, finalize, solve."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_seismic.checks import check_finite
from keras_seismic.sparse import iteration
from keras_seismic.sparse.operator_properties import largest_singular_value
from keras_seismic.sparse.operators import Operator, as_float_tensor
from keras_seismic.types import Tensor

#: Fraction of 1/L taken as the automatic step: power iteration underestimates L by up to 1 %.
_SAFETY = 0.98

Callback = Callable[[int, np.ndarray, float], Any]


def automatic_step(operator: Operator, model_shape: tuple[int, ...]) -> float:
    """A step just below ``1/L``, L the square of the operator's norm, by power iteration.

    Estimated once for each operator and shape.

    Args:
        operator: The operator.
        model_shape: Shape of the model. Leading axes do not change the norm.
    """
    return _step_of_shape(operator, model_shape[-len(operator.model_shape) :])


@functools.lru_cache(maxsize=32)
def _step_of_shape(operator: Operator, shape: tuple[int, ...]) -> float:
    norm = largest_singular_value(operator, shape)
    return _SAFETY / norm**2 if norm else 1.0


class DivergenceError(ValueError):
    """The step is too long: the cost rises instead of falling."""


@dataclasses.dataclass(frozen=True)
class Solution:
    """What a solver found.

    Attributes:
        model: ``x``, ``(..., *model_shape)``.
        cost: The objective at the start and after each iteration, ``(iterations + 1,)``,
            summed over leading axes.
        iterations: Number of iterations done.
        step: Length of the last step.
        stopped_by: ``"change"`` or ``"residual"`` (a tolerance was met), ``"callback"`` or
            ``"iterations"``.
    """

    model: np.ndarray
    cost: np.ndarray
    iterations: int
    step: float
    stopped_by: str

    @property
    def converged(self) -> bool:
        """Whether a tolerance was met before the iterations ran out."""
        return self.stopped_by in ("change", "residual")


class ProximalGradient:
    """Base of the three methods; ``ISTA`` documents the arguments."""

    momentum = False

    def __init__(
        self,
        operator: Operator,
        weight: Any = 0.0,
        step: float | str | None = None,
        positive: bool = False,
        restart: bool = False,
        tolerance: float = 0.0,
        residual_tolerance: float = 0.0,
        callback: Callback | None = None,
    ) -> None:
        name = type(self).__name__
        if not isinstance(operator, Operator):
            raise ValueError(
                f"{name}: operator must be an Operator, such as MatrixOperator(matrix), received "
                f"{type(operator).__name__}"
            )
        self.weight = np.asarray(weight, np.float64)
        if not (np.isfinite(self.weight).all() and (self.weight >= 0).all()):
            raise ValueError(f"{name}: weight must be finite and not negative, received {weight}")
        if isinstance(step, str):
            valid = step == "backtracking"
        else:
            valid = step is None or 0 < step < np.inf
        if not valid:
            raise ValueError(
                f"{name}: step must be a positive number, None (automatic) or 'backtracking', "
                f"received {step!r}"
            )
        tolerances = {"tolerance": tolerance, "residual_tolerance": residual_tolerance}
        for key, value in tolerances.items():
            if not 0 <= value < np.inf:
                raise ValueError(f"{name}: {key} must not be negative, received {value}")
        self.operator, self.step_length, self.callback = operator, step, callback
        self.tolerance, self.residual_tolerance = float(tolerance), float(residual_tolerance)
        self.rules = iteration.Rules(
            self.momentum, restart, positive, step == "backtracking", self.tolerance > 0
        )
        self._stopped_by_callback = False

    def setup(self, data: Tensor, iterations: int = 100, initial: Tensor | None = None) -> None:
        """Check the data, choose the step and start from the first model.

        Args:
            data: ``y``, ``(..., *data_shape)``. float64 data are solved in float64, all others
                in float32.
            iterations: Maximum number of iterations.
            initial: ``x_0``, by default zero.

        Raises:
            ValueError: If the data are not finite, or do not match the operator, the weight or
                the initial model.
        """
        name = type(self).__name__
        if iterations != int(iterations) or iterations < 1:
            raise ValueError(
                f"{name}: iterations must be a positive integer, received {iterations}"
            )
        self.data = as_float_tensor(data)
        check_finite(ops.convert_to_numpy(self.data), f"{name}: data")
        self.dtype = np.dtype(keras.backend.standardize_dtype(self.data.dtype))
        gradient = self.operator.adjoint(self.data)
        shape = tuple(gradient.shape)
        model = self._initial(initial, shape)
        try:
            fits = np.broadcast_shapes(self.weight.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"{name}: weight must be a number or an array that broadcasts to the model's "
                f"shape {shape}, received shape {self.weight.shape}"
            )
        prediction = ops.zeros_like(self.data) if initial is None else self.operator.forward(model)
        self._weight = self.weight.astype(self.dtype)
        first = iteration.objective(model, prediction, self.data, self._weight)
        # Rounded up to thousands: any other length would be compiled again.
        cost = np.full(-(-int(iterations) // 1000) * 1000 + 1, np.nan, self.dtype)
        cost[0] = float(first)
        self.state = iteration.State(
            model=model,
            prediction=prediction,
            point=model,
            point_prediction=prediction,
            t=self.dtype.type(1),
            step=self.dtype.type(self._first_step(gradient)),
            iteration=np.int32(0),
            lowest_energy=cost[0],
            ended=np.int32(iteration.RUNNING),
            cost=cost,
        )
        self.iterations = int(iterations)
        self._stopped_by_callback = False

    def _initial(self, initial: Tensor | None, shape: tuple[int, ...]) -> Tensor:
        if initial is None:
            return ops.zeros(shape, self.dtype.name)
        model = as_float_tensor(initial, self.dtype.name)
        if tuple(model.shape) != shape:
            raise ValueError(
                f"{type(self).__name__}: initial must have the model's shape {shape}, received "
                f"{tuple(model.shape)}"
            )
        check_finite(ops.convert_to_numpy(model), f"{type(self).__name__}: initial")
        return model

    def _first_step(self, gradient: Tensor) -> float:
        if isinstance(self.step_length, float | int):
            return float(self.step_length)
        if self.step_length == "backtracking":
            # The best step along the first gradient: never below 1/L.
            image = float(iteration.squared_norm(self.operator.forward(gradient)))
            return float(iteration.squared_norm(gradient)) / image if image else 1.0
        return automatic_step(self.operator, tuple(gradient.shape))

    def step(self) -> None:
        """One iteration, or none once a tolerance is met.

        Raises:
            DivergenceError: If the cost rises, as it does with steps longer than 2/L.
        """
        self._advance(int(self.state.iteration) + 1)

    def run(self) -> None:
        """Iterate until a tolerance is met, in one compiled loop if there is no callback.

        Raises:
            DivergenceError: As ``step``.
        """
        if self.callback is None:
            self._advance(self.iterations)
            return
        while int(self.state.iteration) < self.iterations and not int(self.state.ended):
            self.step()
            k = int(self.state.iteration)
            model = ops.convert_to_numpy(self.state.model)
            if self.callback(k, model, float(self.state.cost[k])):
                self._stopped_by_callback = True
                return

    def _advance(self, until: int) -> None:
        if until > self.iterations:
            raise ValueError(
                f"{type(self).__name__}: set up for {self.iterations} iterations, all done; "
                "call setup with more"
            )
        loop = iteration.iteration_loop(self.operator, self.rules, keras.backend.backend())
        number = self.dtype.type
        limits = iteration.Limits(
            np.int32(until), number(self.tolerance), number(self.residual_tolerance)
        )
        self.state = loop(self.state, self.data, self._weight, limits)
        self._refuse_divergence()

    def _refuse_divergence(self) -> None:
        if int(self.state.ended) != iteration.DIVERGED:
            return
        k, cost = int(self.state.iteration), ops.convert_to_numpy(self.state.cost)
        stable = automatic_step(self.operator, tuple(self.state.model.shape))
        raise DivergenceError(
            f"{type(self).__name__}: diverges: step={float(self.state.step):.4g} is too long; the "
            f"cost rose from {cost[0]:.4g} to {cost[k]:.4g} in {k} iterations; use a step of at "
            f"most {stable:.4g}, or step=None to have it chosen"
        )

    def finalize(self) -> Solution:
        """The solution so far.

        Raises:
            DivergenceError: If the iterations diverged.
        """
        self._refuse_divergence()
        k, ended = int(self.state.iteration), int(self.state.ended)
        reasons = {iteration.CHANGE: "change", iteration.RESIDUAL: "residual"}
        by_itself = "callback" if self._stopped_by_callback else "iterations"
        return Solution(
            model=ops.convert_to_numpy(self.state.model),
            cost=ops.convert_to_numpy(self.state.cost)[: k + 1],
            iterations=k,
            step=float(self.state.step),
            stopped_by=reasons.get(ended, by_itself),
        )

    def solve(self, data: Tensor, iterations: int = 100, initial: Tensor | None = None) -> Solution:
        """``setup``, ``run`` and ``finalize`` in one call, with the arguments of ``setup``.

        Raises:
            DivergenceError: If the step is too long.
            ValueError: As ``setup``.
        """
        self.setup(data, iterations, initial)
        self.run()
        return self.finalize()

    @property
    def memory_use(self) -> int:
        """Bytes held by an iteration, once ``setup`` has seen the data.

        The data, the state before and after, the gradient and the residual.
        """
        before = (self.state.model, self.state.prediction)
        model, data = (int(np.prod(x.shape)) * self.dtype.itemsize for x in before)
        copies = 2 if self.momentum else 1
        return (2 * copies + 1) * model + (2 * copies + 2) * data
