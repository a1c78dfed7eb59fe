"""Pieces of Wasserstein training: optimizers, means over labeled samples, precision."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_seismic.models.network import compute_dtypes
from keras_seismic.optimizers import AdamW
from keras_seismic.types import Tensor


def wgan_adamw(learning_rate: Any = 1e-4, weight_decay: float = 1e-4) -> keras.optimizers.AdamW:
    """AdamW as used by OpenFWI for generator and critic: betas (0, 0.9), PyTorch's epsilon.

    Args:
        learning_rate: A number or a schedule.
        weight_decay: Decoupled weight decay.
    """
    return AdamW(learning_rate, weight_decay=weight_decay, beta_1=0.0, beta_2=0.9, epsilon=1e-8)


def labeled_mean(values: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean of values ``(batch,)`` weighted by sample; 0 where no sample has a weight."""
    values = at_least_float32(values)
    if weight is None:
        return ops.mean(values)
    weight = ops.reshape(ops.cast(weight, values.dtype), (-1,))
    return ops.divide_no_nan(ops.sum(values * weight), ops.sum(weight))


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


def float32_scores(critic: keras.Model) -> Callable[[Tensor], Tensor]:
    """The critic as a function that computes in float32, for derivatives of derivatives."""
    if not compute_dtypes(critic) & {"float16", "bfloat16"}:
        return lambda velocity: critic(velocity, training=True)
    exact = type(critic).from_config(critic.get_config() | {"dtype": "float32"})
    if compute_dtypes(exact) & {"float16", "bfloat16"}:
        raise ValueError(
            "VelocityGAN: a critic in mixed precision must have a dtype among its arguments, as "
            f"VelocityCritic does, to compute its penalty in float32; received {critic}"
        )
    for layer, other in zip(exact.layers, critic.layers, strict=True):
        layer.trainable = other.trainable

    def scores(velocity: Tensor) -> Tensor:
        trainable, others = (
            [ops.convert_to_tensor(variable) for variable in variables]
            for variables in (critic.trainable_variables, critic.non_trainable_variables)
        )
        result, updates = exact.stateless_call(trainable, others, velocity, training=True)
        for variable, update in zip(critic.non_trainable_variables, updates, strict=True):
            variable.assign(update)
        return result

    return scores
