"""Pairs that are read by number, as normalised batches of a ``tf.data.Dataset``."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.layers import GatherNormalization, VelocityScaling

if TYPE_CHECKING:
    import tensorflow as tf


def normalized_batches(
    read: Callable[[Any], tuple[np.ndarray, np.ndarray]],
    numbers: np.ndarray,
    gather_shape: tuple[int, ...],
    velocity_shape: tuple[int, ...],
    input_normalization: GatherNormalization,
    output_scaling: VelocityScaling,
    batch_size: int,
    shuffle: bool,
    seed: int,
) -> "tf.data.Dataset":
    """Batches of normalised pairs; no more than a few of them are in memory.

    Args:
        read: From pair numbers to float32 gathers ``(n, *gather_shape)`` and velocity
            ``(n, *velocity_shape)`` in m/s.
        numbers: The pairs to read, in this order unless shuffled.
        gather_shape: ``(time, receivers, shots)``.
        velocity_shape: ``(depth, width, 1)``.
        input_normalization: Applied to the gathers.
        output_scaling: Its inverse is applied to the velocity.
        batch_size: Pairs a batch; the last one may be smaller.
        shuffle: Another order in every epoch.
        seed: Decides the order.

    Returns:
        Batches of gathers ``(batch, time, receivers, shots)`` and velocity
        ``(batch, depth, width, 1)``.
    """
    import tensorflow as tf

    @tf.autograph.experimental.do_not_convert
    def read_batch(batch):
        gathers, velocity = tf.numpy_function(
            read, [batch], (tf.float32, tf.float32), stateful=False
        )
        gathers.set_shape((None, *gather_shape))
        velocity.set_shape((None, *velocity_shape))
        return input_normalization(gathers), output_scaling.inverse(velocity)

    dataset = tf.data.Dataset.from_tensor_slices(numbers)
    if shuffle:
        dataset = dataset.shuffle(len(numbers), seed=seed, reshuffle_each_iteration=True)
    dataset = dataset.batch(batch_size).map(read_batch, num_parallel_calls=2, deterministic=True)
    return dataset.prefetch(2)
