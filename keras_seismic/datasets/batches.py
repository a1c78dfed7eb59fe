"""Pairs that are read by number, as normalized batches of a ``tf.data.Dataset``."""

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.datasets.exiting import guarded
from keras_seismic.datasets.order import BatchOrder
from keras_seismic.layers import GatherNormalization, GatherPreparation, VelocityScaling

if TYPE_CHECKING:
    import tensorflow as tf


def normalized_batches(
    read: Callable[[Any], tuple[np.ndarray, np.ndarray]],
    order: BatchOrder,
    gather_shape: tuple[int, ...],
    velocity_shape: tuple[int, ...],
    input_normalization: GatherNormalization | GatherPreparation,
    output_scaling: VelocityScaling,
    start: tuple[int, int] = (0, 0),
) -> "tf.data.Dataset":
    """Batches of normalized pairs; no more than a few of them are in memory.

    Args:
        read: From pair numbers to float32 gathers ``(n, *gather_shape)`` and velocity
            ``(n, *velocity_shape)`` in m/s.
        order: Which pairs make which batch.
        gather_shape: ``(time, receivers, shots)``.
        velocity_shape: ``(depth, width, 1)``.
        input_normalization: Applied to the gathers.
        output_scaling: Its inverse is applied to the velocity.
        start: Epoch and batch to begin with, to go on with an interrupted training; the
            first iteration is the rest of that epoch.

    Returns:
        Batches of gathers ``(batch, time, receivers, shots)`` and velocity
        ``(batch, depth, width, 1)``; each iteration is the next epoch.

    Raises:
        ValueError: If there is no batch to begin with.
    """
    import tensorflow as tf

    order.check_start(start)
    epochs = itertools.count(start[0])

    def numbers_of_epoch():
        # Called for the first batch, not with the iterator: Keras makes some it never uses.
        epoch = next(epochs)
        return order.epoch(epoch, start[1] if epoch == start[0] else 0).astype(np.int64)

    numbers_of_epoch, read = guarded(numbers_of_epoch), guarded(read)

    @tf.autograph.experimental.do_not_convert
    def batches_of_epoch(_):
        numbers = tf.numpy_function(numbers_of_epoch, [], tf.int64)
        numbers.set_shape((None,))
        return tf.data.Dataset.from_tensor_slices(numbers).batch(order.batch_size)

    @tf.autograph.experimental.do_not_convert
    def read_batch(numbers):
        gathers, velocity = tf.numpy_function(
            read, [numbers], (tf.float32, tf.float32), stateful=False
        )
        gathers.set_shape((None, *gather_shape))
        velocity.set_shape((None, *velocity_shape))
        return input_normalization(gathers), output_scaling.inverse(velocity)

    dataset = tf.data.Dataset.range(1).flat_map(batches_of_epoch)
    dataset = dataset.map(read_batch, num_parallel_calls=2, deterministic=True)
    if not start[1]:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(order)))
    return dataset.prefetch(2)
