"""The training step of VelocityGAN on TensorFlow."""

from typing import Any

import keras
import tensorflow as tf

from keras_seismic.models.velocity_gan import VelocityGAN
from keras_seismic.models.wasserstein import labeled_mean
from keras_seismic.types import Tensor


def train_step(gan: VelocityGAN, data: Any) -> dict[str, Tensor]:
    """One batch: the critic learns, and when it is its turn, the generator.

    Args:
        gan: A compiled ``VelocityGAN``.
        data: ``(x, y)`` or ``(x, y, sample_weight)``.

    Returns:
        The running means of the metrics by name.
    """
    x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
    y = tf.cast(y, tf.float32)
    with tf.control_dependencies([y]):  # counted only if there is a batch
        count, batch = (v.value + 1 for v in (gan.batches_seen, gan.batch_in_epoch))
        gan.batches_seen.assign(count)
        gan.batch_in_epoch.assign(batch)
    fake = gan.generator(x, training=True)
    alpha = tf.random.stateless_uniform((tf.shape(y)[0], 1, 1, 1), (gan.seed, count))

    variables = gan.critic.trainable_variables
    with tf.GradientTape() as tape:
        difference, penalty = critic_terms(gan, y, fake, alpha, weight)
        critic_loss = gan.penalty_weight * penalty - difference
        if weight is not None:
            # Without a real model in the batch, nothing would bound the critic.
            critic_loss *= tf.cast(tf.reduce_any(weight > 0), critic_loss.dtype)
        scaled = gan.critic_optimizer.scale_loss(critic_loss)
    gan.critic_optimizer.apply(tape.gradient(scaled, variables), variables)

    due = (batch % gan.generator_every == 0) | (batch == gan.batches_in_epoch.value)
    tf.cond(due, lambda: _update_generator(gan, x, y, weight), lambda: tf.constant(0.0))

    terms = {"critic_loss": critic_loss, "score_difference": difference}
    tracked = gan.update_trackers(tf.shape(y)[0], gradient_penalty=penalty, **terms)
    return gan.update_pixel_metrics(x, y, fake, weight) | tracked


def critic_terms(
    gan: VelocityGAN, real: Tensor, fake: Tensor, alpha: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The two terms of the critic's loss.

    Args:
        gan: A compiled ``VelocityGAN``.
        real: Velocity models from the data, ``(batch, depth, width, 1)``.
        fake: Velocity models from the generator, of the same shape.
        alpha: Fraction of the real one in each mixture, ``(batch, 1, 1, 1)``.
        weight: Sample weights; zero where there is no real model.

    Returns:
        ``E D(real) - E D(fake)`` and the gradient penalty.
    """
    scores_real = tf.reduce_mean(gan.critic(real, training=True), axis=1)
    scores_fake = tf.reduce_mean(gan.critic(fake, training=True), axis=1)
    difference = labeled_mean(scores_real, weight) - tf.reduce_mean(scores_fake)
    mixture = alpha * real + (1 - alpha) * tf.cast(fake, real.dtype)
    with tf.GradientTape() as tape:
        tape.watch(mixture)
        # The mean over patches first: the penalty must not grow with their number.
        total = tf.reduce_sum(tf.reduce_mean(gan._score_in_float32(mixture), axis=1))
    slope = tape.gradient(total, mixture)
    # The derivative of a square root is not finite at zero.
    norm = tf.sqrt(tf.reduce_sum(tf.square(slope), axis=(1, 2, 3)) + 1e-12)
    return difference, labeled_mean(tf.square(norm - 1), weight)


def generator_loss(gan: VelocityGAN, x: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
    """The generator's loss for a batch, critic and generator in training mode."""
    fake = gan.generator(x, training=True)
    l1, l2 = gan.pixel_losses(y, fake, weight)
    opinion = tf.reduce_mean(gan.critic(fake, training=True))
    return gan.l1 * l1 + gan.l2 * l2 - gan.adversarial * opinion


def _update_generator(gan: VelocityGAN, x: Tensor, y: Tensor, weight: Tensor | None) -> Tensor:
    variables = gan.generator.trainable_variables
    with tf.GradientTape() as tape:
        loss = generator_loss(gan, x, y, weight)
        scaled = gan.generator_optimizer.scale_loss(loss)
    gan.generator_optimizer.apply(tape.gradient(scaled, variables), variables)
    return loss
