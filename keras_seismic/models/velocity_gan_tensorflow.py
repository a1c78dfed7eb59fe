"""The training step of VelocityGAN on TensorFlow, on one device or several."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import tensorflow as tf

from keras_seismic.models.velocity_gan import VelocityGAN
from keras_seismic.models.velocity_gan_metrics import evaluate_batch, update_metrics
from keras_seismic.models.wasserstein import Batch, critic_loss, generator_loss, mixing_fractions
from keras_seismic.types import Tensor


def train_step(gan: VelocityGAN, data: Any) -> dict[str, Tensor]:
    """One batch: the critic learns, and when it is its turn, the generator.

    Args:
        gan: A compiled ``VelocityGAN``.
        data: ``(x, y)`` or ``(x, y, sample_weight)``.

    Returns:
        The running means of the metrics by name.
    """
    batch = _batch(gan, data)
    with tf.control_dependencies([batch.y]):  # counted only if there is a batch
        count, position = (v.value + 1 for v in (gan.batches_seen, gan.batch_in_epoch))
        gan.batches_seen.assign(count)
        gan.batch_in_epoch.assign(position)
    generator, critic = gan.generator, gan.critic
    weights, others = (
        _values(v) for v in (generator.trainable_variables, generator.non_trainable_variables)
    )
    fake, updated = generator.stateless_call(weights, others, batch.x, training=True)
    _assign(generator.non_trainable_variables, others, updated)
    alpha = mixing_fractions(gan.seed, count, batch.first + tf.range(tf.shape(batch.y)[0]))
    alpha = tf.cast(alpha, batch.y.dtype)

    others = _values(critic.non_trainable_variables)

    def scaled_loss(weights: Any) -> tuple[Tensor, Any]:
        loss, results = critic_loss(gan, weights, others, batch, fake, alpha, gradient)
        return gan.critic_optimizer.scale_loss(loss), results

    slopes, (updated, terms) = gradient(scaled_loss, _values(critic.trainable_variables))
    _assign(critic.non_trainable_variables, others, updated)
    gan.critic_optimizer.apply(_agreed(slopes), critic.trainable_variables)

    due = (position % gan.generator_every == 0) | (position == gan.batches_in_epoch.value)
    _in_all_replicas_if(due, lambda *parts: _update_generator(gan, Batch(*parts)), *batch)
    devices = tf.distribute.get_strategy().num_replicas_in_sync
    return update_metrics(gan, batch, fake, terms, devices)


def test_step(gan: VelocityGAN, data: Any) -> dict[str, Tensor]:
    """The running means of the metrics with one batch more."""
    return evaluate_batch(gan, data)


def gradient(function: Callable[[Any], tuple[Tensor, Any]], values: Any) -> tuple[Any, Any]:
    """Derivative of the first result with respect to the values, and the second result."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        result, more = function(values)
    return tape.gradient(result, values, unconnected_gradients="zero"), more


def _batch(gan: VelocityGAN, data: Any) -> Batch:
    """The part of a batch that this replica has, with its place in the whole."""
    x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
    y = tf.cast(y, gan.compute_dtype)
    samples = tf.shape(y)[0]
    labeled = tf.cast(samples if weight is None else tf.reduce_sum(weight), y.dtype)
    first = tf.zeros_like(samples)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas > 1:
        context = tf.distribute.get_replica_context()
        here = tf.one_hot(context.replica_id_in_sync_group, replicas, dtype=samples.dtype)
        counts = context.all_reduce(tf.distribute.ReduceOp.SUM, here * samples)
        first = tf.reduce_sum(tf.cumsum(counts, exclusive=True) * here)
        samples = tf.reduce_sum(counts)
        labeled = context.all_reduce(tf.distribute.ReduceOp.SUM, labeled)
    return Batch(x, y, weight, first, samples, labeled)


def _update_generator(gan: VelocityGAN, batch: Batch) -> None:
    generator, critic = gan.generator, gan.critic

    networks = (generator, critic)
    others = [_values(network.non_trainable_variables) for network in networks]
    critic_weights = _values(critic.trainable_variables)

    def scaled_loss(weights: Any) -> tuple[Tensor, Any]:
        loss, results = generator_loss(gan, weights, others[0], critic_weights, others[1], batch)
        return gan.generator_optimizer.scale_loss(loss), results

    slopes, updated = gradient(scaled_loss, _values(generator.trainable_variables))
    for network, old, new in zip(networks, others, updated, strict=True):
        _assign(network.non_trainable_variables, old, new)
    gan.generator_optimizer.apply(_agreed(slopes), generator.trainable_variables)


def _agreed(slopes: list[Tensor]) -> list[Tensor]:
    """The same, but infinite in all replicas if they are in one.

    Keras' ``LossScaleOptimizer`` asks the first replica only whether a step must be skipped.
    """
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return slopes
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(slope)) for slope in slopes])
    lost = tf.cast(tf.logical_not(finite), tf.float32)
    context = tf.distribute.get_replica_context()
    lost = context.all_reduce(tf.distribute.ReduceOp.SUM, lost) > 0
    return [tf.where(lost, tf.constant(float("inf"), slope.dtype), slope) for slope in slopes]


def _in_all_replicas_if(due: Tensor, function: Callable[..., None], *arguments: Any) -> None:
    """Call a function that updates variables in every replica, or in none.

    Such updates meet across the replicas, which they cannot do inside of a replica's condition:
    the condition has to stand outside of all replicas, and be the same for all.
    """

    def across(strategy: Any, due: Any, *arguments: Any) -> None:
        (due, *_) = strategy.experimental_local_results(due)

        def run() -> Tensor:
            strategy.extended.call_for_each_replica(function, args=arguments)
            return tf.constant(0.0)

        tf.cond(due, run, lambda: tf.constant(0.0))

    tf.distribute.get_replica_context().merge_call(across, args=(due, *arguments))


def _values(variables: Iterable[Any]) -> list[Tensor]:
    return [tf.convert_to_tensor(variable.value) for variable in variables]


def _assign(variables: Iterable[Any], old: Iterable[Tensor], new: Iterable[Tensor]) -> None:
    """Assign what has changed: frozen weights have not."""
    for variable, before, value in zip(variables, old, new, strict=True):
        if value is not before:
            variable.assign(value)
