"""The training and test steps of VelocityGAN on JAX, where state goes in and comes out."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
from keras import ops

from keras_seismic.models.velocity_gan import VelocityGAN
from keras_seismic.models.velocity_gan_metrics import evaluate_batch, update_metrics
from keras_seismic.models.wasserstein import Batch, critic_loss, generator_loss, mixing_fractions
from keras_seismic.types import Tensor

State = tuple[list[Tensor], ...]


class _Values(dict[int, Tensor]):
    """Values of variables by variable."""

    def of(self, variables: Iterable[Any]) -> list[Tensor]:
        return [self[id(variable)] for variable in variables]

    def set(self, variables: Iterable[Any], values: Iterable[Tensor]) -> None:
        self.update((id(v), value) for v, value in zip(variables, values, strict=True))

    def within(self, variables: Iterable[Any], function: Callable[[], Any]) -> Any:
        """What a function returns for which these variables have these values, and may change."""
        variables = list(variables)
        pairs = [(variable, self[id(variable)]) for variable in variables]
        with keras.StatelessScope(state_mapping=pairs) as scope:
            result = function()
        current = [scope.get_current_value(variable) for variable in variables]
        old = self.of(variables)
        self.set(variables, [o if c is None else c for c, o in zip(current, old, strict=True)])
        return result


def train_step(gan: VelocityGAN, state: State, data: Any) -> tuple[dict[str, Tensor], State]:
    """One batch: the critic learns, and when it is its turn, the generator.

    Args:
        gan: A compiled ``VelocityGAN``.
        state: Values of the trainable, the other, the optimizer's and the metrics' variables.
        data: ``(x, y)`` or ``(x, y, sample_weight)``.

    Returns:
        The running means of the metrics by name, and the new state.
    """
    groups = _groups(gan, len(state))
    values = _Values()
    for variables, group in zip(groups, state, strict=True):
        values.set(variables, group)
    batch = _batch(gan, data)
    clock = (gan.batches_seen, gan.batch_in_epoch)
    count, position = (value + 1 for value in values.of(clock))
    values.set(clock, (count, position))
    fake, others = gan.generator.stateless_call(
        values.of(gan.generator.trainable_variables),
        values.of(gan.generator.non_trainable_variables),
        batch.x,
        training=True,
    )
    values.set(gan.generator.non_trainable_variables, others)
    alpha = mixing_fractions(gan.seed, count, ops.arange(batch.y.shape[0]))
    terms = _update_critic(gan, values, batch, fake, ops.cast(alpha, batch.y.dtype))

    parts = _generator_state(gan)
    (length,) = values.of([gan.batches_in_epoch])
    due = (position % gan.generator_every == 0) | (position == length)
    updated = ops.cond(
        due, lambda: _updated_generator(gan, values, batch), lambda: values.of(parts)
    )
    values.set(parts, updated)
    logs = values.within(gan.metrics_variables, lambda: update_metrics(gan, batch, fake, terms))
    return logs, tuple(values.of(variables) for variables in groups)


def test_step(gan: VelocityGAN, state: State, data: Any) -> tuple[dict[str, Tensor], State]:
    """Metrics of one batch, and the new state."""
    groups = _groups(gan, len(state))
    values = _Values()
    for variables, group in zip(groups, state, strict=True):
        values.set(variables, group)
    variables = [variable for group in groups for variable in group]
    logs = values.within(variables, lambda: evaluate_batch(gan, data))
    return logs, tuple(values.of(variables) for variables in groups)


def gradient(function: Callable[[Any], tuple[Tensor, Any]], values: Any) -> tuple[Any, Any]:
    """Derivative of the first result with respect to the values, and the second result."""
    import jax

    result: tuple[Any, Any] = jax.grad(function, has_aux=True)(values)
    return result


def _groups(gan: VelocityGAN, count: int) -> list[list[Any]]:
    """The variables of a training state, in Keras' order, or of a test state."""
    groups = [gan.trainable_variables, gan.non_trainable_variables]
    if count == 4:
        groups.append(gan.optimizer.variables)
    return [*groups, gan.metrics_variables]


def _batch(gan: VelocityGAN, data: Any) -> Batch:
    x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
    y = ops.cast(y, gan.compute_dtype)
    samples = y.shape[0]
    return Batch(x, y, weight, 0, samples, samples if weight is None else ops.sum(weight))


def _update_critic(
    gan: VelocityGAN, values: _Values, batch: Batch, fake: Tensor, alpha: Tensor
) -> dict[str, Tensor]:
    critic, optimizer = gan.critic, gan.critic_optimizer
    trainable, others = critic.trainable_variables, critic.non_trainable_variables

    def scaled_loss(weights: Any) -> tuple[Tensor, Any]:
        loss, results = critic_loss(gan, weights, values.of(others), batch, fake, alpha, gradient)
        return _scaled(optimizer, values, loss), results

    weights = values.of(trainable)
    slopes, (updated, terms) = gradient(scaled_loss, weights)
    values.set(others, updated)
    weights, state = optimizer.stateless_apply(values.of(optimizer.variables), slopes, weights)
    values.set(trainable, weights)
    values.set(optimizer.variables, state)
    return terms


def _generator_state(gan: VelocityGAN) -> list[Any]:
    """The variables that an update of the generator changes."""
    generator = gan.generator
    return [
        *generator.trainable_variables,
        *generator.non_trainable_variables,
        *gan.critic.non_trainable_variables,
        *gan.generator_optimizer.variables,
    ]


def _updated_generator(gan: VelocityGAN, values: _Values, batch: Batch) -> list[Tensor]:
    generator, critic, optimizer = gan.generator, gan.critic, gan.generator_optimizer
    values = _Values(values)
    trainable, others = generator.trainable_variables, generator.non_trainable_variables

    def scaled_loss(weights: Any) -> tuple[Tensor, Any]:
        loss, results = generator_loss(
            gan,
            weights,
            values.of(others),
            values.of(critic.trainable_variables),
            values.of(critic.non_trainable_variables),
            batch,
        )
        return _scaled(optimizer, values, loss), results

    weights = values.of(trainable)
    slopes, (updated, critic_updated) = gradient(scaled_loss, weights)
    weights, state = optimizer.stateless_apply(values.of(optimizer.variables), slopes, weights)
    values.set(trainable, weights)
    values.set(others, updated)
    values.set(critic.non_trainable_variables, critic_updated)
    values.set(optimizer.variables, state)
    return values.of(_generator_state(gan))


def _scaled(optimizer: Any, values: _Values, loss: Tensor) -> Tensor:
    pairs = list(zip(optimizer.variables, values.of(optimizer.variables), strict=True))
    with keras.StatelessScope(state_mapping=pairs):
        return optimizer.scale_loss(loss)
