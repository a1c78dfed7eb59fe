"""What the proximal-gradient solvers share: setup, step, run, finalize, solve."""

import dataclasses
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

#: The automatic step in parts of 1 / largest singular value^2, which power iteration
#: underestimates by up to a percent.
_SAFETY = 0.98

Callback = Callable[[int, np.ndarray, float], Any]


def automatic_step(operator: Operator, model_shape: tuple[int, ...]) -> float:
    """A step just below ``1/L``, L the square of the operator's norm, by power iteration.

    Args:
        operator: The operator.
        model_shape: Of the model. Axes that the operator leaves alone have no part in the norm.
    """
    norm = largest_singular_value(operator, model_shape[-len(operator.model_shape) :])
    return _SAFETY / norm**2 if norm else 1.0


class DivergenceError(ValueError):
    """The step is too large: the cost rises instead of falling."""


@dataclasses.dataclass(frozen=True)
class Solution:
    """What a solver found.

    Attributes:
        model: ``x``, ``(..., *model_shape)``.
        cost: The function that is minimized, at the start and after each iteration,
            ``(iterations + 1,)``; summed over leading axes.
        iterations: Iterations done.
        step: Step length of the last one.
        stopped_by: ``"change"``, ``"residual"``, ``"callback"`` or ``"iterations"``.
    """

    model: np.ndarray
    cost: np.ndarray
    iterations: int
    step: float
    stopped_by: str

    @property
    def converged(self) -> bool:
        """Whether a criterion was met, rather than the iterations used up."""
        return self.stopped_by in ("change", "residual")


class ProximalGradient:
    """The common course of the three methods; ``ISTA`` documents its arguments."""

    momentum = False

    def __init__(
        self,
        operator: Operator,
        weight: Any = 0.0,
        step: float | str | None = None,
        positive: bool = False,
        restart: bool = False,
        change: float = 0.0,
        residual: float = 0.0,
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
        for key, value in (("change", change), ("residual", residual)):
            if not 0 <= value < np.inf:
                raise ValueError(f"{name}: {key} must not be negative, received {value}")
        self.operator, self.step_length, self.callback = operator, step, callback
        self.change, self.residual = float(change), float(residual)
        self.rules = iteration.Rules(
            self.momentum, restart, positive, step == "backtracking", self.change > 0
        )
        self._stopped_by_callback = False

    def setup(self, data: Tensor, iterations: int = 100, initial: Tensor | None = None) -> None:
        """Check the data, choose the step and stand at the first model.

        Args:
            data: ``y``, ``(..., *data_shape)``; float64 is solved in float64, anything else
                in float32.
            iterations: The largest number that will be run.
            initial: ``x_0``, by default zero.

        Raises:
            ValueError: If the data are not finite or do not fit the operator, the weight or
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
        # In whole thousands, or each number of iterations would be compiled anew.
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
        """One iteration; none once a criterion is met.

        Raises:
            DivergenceError: If the cost rises, which a step longer than 2/L makes it do.
        """
        self._advance(int(self.state.iteration) + 1)

    def run(self) -> None:
        """Iterate until a criterion is met, in one compiled loop where there is no callback.

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
                f"{type(self).__name__}: set up for {self.iterations} iterations, which are done; "
                "call setup with more"
            )
        loop = iteration.iteration_loop(self.operator, self.rules, keras.backend.backend())
        number = self.dtype.type
        limits = iteration.Limits(np.int32(until), number(self.change), number(self.residual))
        self.state = loop(self.state, self.data, self._weight, limits)
        self._refuse_divergence()

    def _refuse_divergence(self) -> None:
        if int(self.state.ended) != iteration.DIVERGED:
            return
        k, cost = int(self.state.iteration), ops.convert_to_numpy(self.state.cost)
        stable = automatic_step(self.operator, tuple(self.state.model.shape))
        raise DivergenceError(
            f"{type(self).__name__}: diverges: step={float(self.state.step):.4g} is too large; the "
            f"cost was {cost[0]:.4g} at first and is {cost[k]:.4g} at iteration {k}; use a step of "
            f"at most {stable:.4g}, or step=None to have it chosen"
        )

    def finalize(self) -> Solution:
        """The solution as it stands.

        Raises:
            DivergenceError: If the iterations diverged: there is no solution.
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
        """``setup``, ``run`` and ``finalize``; the arguments are those of ``setup``.

        Raises:
            DivergenceError: If the step is too large.
            ValueError: As ``setup``.
        """
        self.setup(data, iterations, initial)
        self.run()
        return self.finalize()

    @property
    def memory_use(self) -> int:
        """Bytes of the arrays that an iteration holds, once ``setup`` has seen the data.

        The data, the state before and after, the gradient and the residual.
        """
        before = (self.state.model, self.state.prediction)
        model, data = (int(np.prod(x.shape)) * self.dtype.itemsize for x in before)
        copies = 2 if self.momentum else 1
        return (2 * copies + 1) * model + (2 * copies + 2) * data
