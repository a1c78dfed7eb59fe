"""The losses of Wasserstein training as pure functions, its optimizers, and its precision.

Networks are called statelessly: weights and other variables go in as lists of tensors, updated
variables come out. So the same functions serve TensorFlow's tapes and JAX's transformations, and
only ``gradient`` is a backend's own.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from keras import ops

from keras_seismic.models.network import compute_dtypes
from keras_seismic.optimizers import AdamW
from keras_seismic.types import Tensor

if TYPE_CHECKING:
    from keras_seismic.models.velocity_gan import VelocityGAN

Tensors = Sequence[Tensor]
#: ``gradient(function, values)``: the derivative of the first result of ``function(values)`` with
#: respect to the values, and the second result.
Gradient = Callable[[Callable[[Any], tuple[Tensor, Any]], Any], tuple[Any, Any]]


class Batch(NamedTuple):
    """What one device gets of a batch.

    Attributes:
        x: Normalized gathers.
        y: Normalized velocity.
        weight: Sample weights ``(batch,)`` or ``None``; zero where there is no velocity.
        first: Position of the first sample in the whole batch, of all devices.
        samples: Number of samples in the whole batch.
        labeled: Sum of the weights in the whole batch.
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None
    first: Tensor
    samples: Tensor
    labeled: Tensor


def wgan_adamw(learning_rate: Any = 1e-4, weight_decay: float = 1e-4) -> keras.optimizers.AdamW:
    """AdamW as used by OpenFWI for generator and critic: betas (0, 0.9), PyTorch's epsilon.

    Args:
        learning_rate: A number or a schedule.
        weight_decay: Decoupled weight decay.
    """
    return AdamW(learning_rate, weight_decay=weight_decay, beta_1=0.0, beta_2=0.9, epsilon=1e-8)


def critic_loss(
    gan: "VelocityGAN",
    weights: Tensors,
    others: Tensors,
    batch: Batch,
    fake: Tensor,
    alpha: Tensor,
    gradient: Gradient,
) -> tuple[Tensor, tuple[Tensors, dict[str, Tensor]]]:
    """The critic's loss: this device's part of the mean over the whole batch.

    Args:
        gan: A compiled ``VelocityGAN``.
        weights: Values of the critic's trainable variables.
        others: Values of its other variables.
        batch: Gathers and real velocity.
        fake: Generated velocity.
        alpha: Fraction of the real velocity in each mixture, ``(batch, 1, 1, 1)``.
        gradient: The backend's.

    Returns:
        The loss, and the other variables' values with the loss's parts by name.
    """

    def scores(velocity: Tensor, others: Tensors) -> tuple[Tensor, Tensors]:
        score, others = gan.critic.stateless_call(weights, others, velocity, training=True)
        return ops.mean(score, axis=1), others

    def total(mixture: Tensor) -> tuple[Tensor, Tensors]:
        score, updated = gan.exact_critic(weights, others, mixture)
        # The mean over patches first: the penalty must not grow with their number.
        return ops.sum(ops.mean(score, axis=1)), updated

    real = batch.y
    real_scores, others = scores(real, others)
    fake_scores, others = scores(fake, others)
    difference = labeled_mean(real_scores, batch.labeled, batch.weight) - labeled_mean(
        fake_scores, batch.samples
    )
    mixture = alpha * real + (1 - alpha) * ops.cast(fake, real.dtype)
    slope, others = gradient(total, mixture)
    # The derivative of a square root is not finite at zero.
    norm = ops.sqrt(ops.sum(ops.square(slope), axis=(1, 2, 3)) + 1e-12)
    penalty = labeled_mean(ops.square(norm - 1), batch.labeled, batch.weight)
    loss = gan.penalty_weight * penalty - difference
    if batch.weight is not None:
        # Without a real model in the batch, nothing would bound the critic.
        loss = loss * ops.cast(batch.labeled > 0, loss.dtype)
    terms = {"critic_loss": loss, "score_difference": difference, "gradient_penalty": penalty}
    return loss, (others, terms)


def generator_loss(
    gan: "VelocityGAN",
    weights: Tensors,
    others: Tensors,
    critic_weights: Tensors,
    critic_others: Tensors,
    batch: Batch,
) -> tuple[Tensor, tuple[Tensors, Tensors]]:
    """The generator's loss: this device's part of the mean over the whole batch.

    Args:
        gan: A compiled ``VelocityGAN``.
        weights: Values of the generator's trainable variables.
        others: Values of its other variables.
        critic_weights: Values of the critic's trainable variables.
        critic_others: Values of its other variables.
        batch: Gathers and real velocity.

    Returns:
        The loss, and the values of the other variables of generator and critic.
    """
    fake, others = gan.generator.stateless_call(weights, others, batch.x, training=True)
    l1, l2 = pixel_losses(batch.y, fake, batch.labeled, batch.weight)
    score, critic_others = gan.critic.stateless_call(
        critic_weights, critic_others, fake, training=True
    )
    opinion = labeled_mean(ops.mean(score, axis=1), batch.samples)
    return gan.l1 * l1 + gan.l2 * l2 - gan.adversarial * opinion, (others, critic_others)


def pixel_losses(
    y: Tensor, predicted: Tensor, labeled: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Mean absolute and mean squared error of the samples with a velocity model."""
    error = at_least_float32(predicted)
    error = error - ops.cast(y, error.dtype)
    axes = (1, 2, 3)
    return (
        labeled_mean(ops.mean(ops.abs(error), axis=axes), labeled, weight),
        labeled_mean(ops.mean(ops.square(error), axis=axes), labeled, weight),
    )


def labeled_mean(values: Tensor, labeled: Tensor, weight: Tensor | None = None) -> Tensor:
    """Sum of values ``(batch,)`` by their weights over ``labeled``; 0 where that is 0."""
    values = at_least_float32(values)
    if weight is not None:
        values = values * ops.reshape(ops.cast(weight, values.dtype), (-1,))
    return ops.divide_no_nan(ops.sum(values), ops.cast(labeled, values.dtype))


def mixing_fractions(seed: int, step: Tensor, samples: Tensor) -> Tensor:
    """Random numbers in [0, 1), one for each sample, the same on every backend and device.

    A sample's number depends on nothing but its position, the step and the seed, as backends' own
    generators do not ensure.

    Args:
        seed: Seed of the series.
        step: Number of the batch.
        samples: Positions of the samples in the whole batch ``(batch,)``.

    Returns:
        Of shape ``(batch, 1, 1, 1)``, float32.
    """

    def number(value: int) -> Tensor:
        return ops.convert_to_tensor(value, "uint32")

    def scrambled(x: Tensor) -> Tensor:
        # The last stage of MurmurHash3 (A. Appleby, public domain): every bit changes all others.
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
            x = ops.bitwise_xor(x, ops.right_shift(x, number(shift))) * number(factor)
        return ops.bitwise_xor(x, ops.right_shift(x, number(16)))

    x = number(seed & 0xFFFFFFFF)
    for value in (step, samples):
        x = scrambled(ops.cast(value, "uint32") + scrambled(x + number(0x9E3779B9)))
    leading = ops.cast(ops.right_shift(x, number(8)), "float32")  # 24 bits, which float32 holds
    return ops.reshape(leading / 2.0**24, (-1, 1, 1, 1))


def at_least_float32(values: Tensor) -> Tensor:
    """A half-precision tensor in float32, others as they are."""
    values = ops.convert_to_tensor(values)
    return ops.cast(values, keras.backend.result_type(values.dtype, "float32"))


def with_loss_scaling(
    optimizer: keras.optimizers.Optimizer, network: keras.Model, weights: float
) -> keras.optimizers.Optimizer:
    """The optimizer, scaling its loss if the network computes in float16."""
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if scaled or "float16" not in compute_dtypes(network):
        return optimizer
    # Keras' usual 2^15 suits losses around one. These are larger: the first steps would
    # overflow and be skipped.
    scale = 2.0**15
    while scale * weights > 2.0**15:
        scale /= 2
    return keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=scale)


def float32_scores(critic: keras.Model) -> Callable[..., tuple[Tensor, Tensors]]:
    """The critic as a function that computes in float32, for derivatives of derivatives.

    It takes the values of the critic's trainable variables, those of its others, and velocity.
    """
    exact = critic
    if compute_dtypes(critic) & {"float16", "bfloat16"}:
        exact = type(critic).from_config(critic.get_config() | {"dtype": "float32"})
        if compute_dtypes(exact) & {"float16", "bfloat16"}:
            raise ValueError(
                "VelocityGAN: a critic in mixed precision must have a dtype among its arguments, "
                "as VelocityCritic does, to compute its penalty in float32; received "
                f"{critic}"
            )
        for layer, other in zip(exact.layers, critic.layers, strict=True):
            layer.trainable = other.trainable

    def scores(weights: Tensors, others: Tensors, velocity: Tensor) -> tuple[Tensor, Tensors]:
        result: tuple[Tensor, Tensors] = exact.stateless_call(
            weights, others, velocity, training=True
        )
        return result

    return scores


class EpochClock(keras.callbacks.Callback):
    """Tells a ``VelocityGAN`` its position in the epoch and the epoch's length."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.params.get("steps"):  # otherwise resumed training has it already
            self.model.batches_in_epoch.assign(self.params["steps"])

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.batch_in_epoch.assign(0)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.batches_in_epoch.assign(self.model.batch_in_epoch)
