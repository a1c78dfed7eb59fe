"""The compiled loop of the proximal gradient methods."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_seismic.backend import compiled
from keras_seismic.sparse.operators import Operator
from keras_seismic.types import Tensor

#: Why a loop ended: not yet, a tolerance was met, or the step is too long.
RUNNING, CHANGE, RESIDUAL, DIVERGED = range(4)

#: Rise of the energy, relative to the first cost, that is attributed to rounding and a step of
#: just about 1/L; a step that is too long exceeds it within a few iterations.
_RISE = 1e-3


class Rules(NamedTuple):
    """What distinguishes the methods; each combination is compiled once."""

    momentum: bool
    restart: bool
    positive: bool
    backtracking: bool
    change: bool  # whether to stop by it: testing for it costs a pass over the model


class State(NamedTuple):
    """Everything that an iteration changes, as tensors of the backend.

    Attributes:
        model: ``x_k``.
        prediction: ``A x_k``.
        point: Where the next gradient is taken: at ``x_k``, or beyond it with momentum.
        point_prediction: ``A`` times that point, at no further product with A.
        t: Nesterov's number.
        step: Step length.
        iteration: k.
        lowest_energy: Smallest value so far of what must not rise.
        ended: One of ``RUNNING``, ``CHANGE``, ``RESIDUAL``, ``DIVERGED``.
        cost: The objective at ``x_0`` to ``x_k``.
    """

    model: Any
    prediction: Any
    point: Any
    point_prediction: Any
    t: Any
    step: Any
    iteration: Any
    lowest_energy: Any
    ended: Any
    cost: Any


class Limits(NamedTuple):
    """When to stop, in the precision of the state."""

    iterations: Any
    change: Any
    residual: Any


def objective(model: Tensor, prediction: Tensor, data: Tensor, weight: Tensor) -> Tensor:
    """``1/2 |A x - y|^2 + |weight x|_1``."""
    return 0.5 * squared_norm(prediction - data) + ops.sum(weight * ops.abs(model))


def squared_norm(x: Tensor) -> Tensor:
    """Sum of squares over all axes."""
    return ops.sum(ops.square(x))


@functools.lru_cache(maxsize=32)
def iteration_loop(
    operator: Operator, rules: Rules, backend: str
) -> Callable[[State, Tensor, Tensor, Limits], State]:
    """A function ``(state, data, weight, limits) -> state``, compiled at its first call.

    Cached by its arguments, so that solving section after section compiles only once.
    """

    def unfinished(state: State, limits: Limits) -> Tensor:
        return ops.logical_and(state.iteration < limits.iterations, state.ended == RUNNING)

    def run(state: State, data: Tensor, weight: Tensor, limits: Limits) -> State:
        (state,) = ops.while_loop(
            lambda state: unfinished(state, limits),
            lambda state: (_iterate(operator, rules, state, data, weight, limits),),
            (state,),
        )
        return state

    return compiled(run, backend)


def _iterate(
    operator: Operator, rules: Rules, state: State, data: Tensor, weight: Tensor, limits: Limits
) -> State:
    gradient = operator.adjoint(state.point_prediction - data)
    attempt = functools.partial(_attempt, operator, rules, state, gradient, weight)
    step = _backtracked(attempt, state) if rules.backtracking else state.step
    model, prediction = attempt(step)
    update, prediction_update = model - state.model, prediction - state.prediction
    t, push = _momentum(rules, state, model, update)
    cost = objective(model, prediction, data, weight)
    moved = squared_norm(update)
    # Without momentum the cost itself falls; with it, the cost plus a kinetic energy does.
    # Both are theorems for steps up to 1/L, so a rise means that the step is longer.
    energy = cost + 0.5 * moved / step if rules.momentum else cost
    iteration = state.iteration + 1
    return State(
        model=model,
        prediction=prediction,
        point=model + push * update if rules.momentum else model,
        point_prediction=prediction + push * prediction_update if rules.momentum else prediction,
        t=t,
        step=step,
        iteration=iteration,
        lowest_energy=ops.minimum(energy, state.lowest_energy),
        ended=_verdict(rules, energy, state, model, moved, squared_norm(prediction - data), limits),
        cost=ops.slice_update(state.cost, (iteration,), ops.reshape(cost, (1,))),
    )


def _attempt(
    operator: Operator, rules: Rules, state: State, gradient: Tensor, weight: Tensor, step: Tensor
) -> tuple[Tensor, Tensor]:
    """Model and prediction after a gradient step of this length and soft thresholding."""
    moved = state.point - step * gradient
    model = ops.relu(moved - step * weight)
    if not rules.positive:
        model = model - ops.relu(-moved - step * weight)
    return model, operator.forward(model)


def _backtracked(attempt: Callable[[Tensor], tuple[Tensor, Tensor]], state: State) -> Tensor:
    """The step halved until ``|A d|^2 <= |d|^2 / step`` for the move d that it makes."""
    epsilon = keras.config.epsilon() ** 2

    def too_long(step: Tensor, model: Tensor, prediction: Tensor) -> Tensor:
        rise = squared_norm(prediction - state.point_prediction)
        allowed = squared_norm(model - state.point) / step
        # The last term is the rounding of the prediction: smaller moves prove nothing.
        return rise > allowed * (1 + 1e-6) + epsilon * squared_norm(prediction)

    def halve(step: Tensor, model: Tensor, prediction: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return (step / 2, *attempt(step / 2))

    return ops.while_loop(
        too_long, halve, (state.step, *attempt(state.step)), maximum_iterations=60
    )[0]


def _momentum(rules: Rules, state: State, model: Tensor, update: Tensor) -> tuple[Tensor, Tensor]:
    """Nesterov's next number, and how far to go beyond the new model."""
    if not rules.momentum:
        return state.t, None
    t = state.t
    if rules.restart:
        # The last move went uphill: drop the momentum.
        against = ops.sum((state.point - model) * update) > 0
        t = ops.where(against, ops.ones_like(t), t)
    following = (1 + ops.sqrt(1 + 4 * t * t)) / 2
    return following, (t - 1) / following


def _verdict(
    rules: Rules,
    energy: Tensor,
    state: State,
    model: Tensor,
    moved: Tensor,
    misfit: Tensor,
    limits: Limits,
) -> Tensor:
    """Which tolerance is met, if any; divergence takes precedence."""
    ended = ops.full((), RUNNING, "int32")
    if rules.change:
        small = moved <= limits.change**2 * squared_norm(model)
        ended = ops.where(small, CHANGE, ended)
    ended = ops.where(misfit <= limits.residual**2, RESIDUAL, ended)
    allowed = state.lowest_energy + _RISE * state.cost[0]
    # Written so that NaN counts as divergence.
    ended = ops.where(energy <= allowed, ended, DIVERGED)
    return ops.cast(ended, "int32")
