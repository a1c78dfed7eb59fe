"""Batches as a ``tf.data.Dataset``."""

import itertools
import os
from typing import TYPE_CHECKING

import numpy as np

from keras_seismic.datasets.exiting import guarded
from keras_seismic.datasets.openfwi.batches import Batches

if TYPE_CHECKING:
    import tensorflow as tf

#: Batches read at the same time, if they are not too large: disks answer many best.
_READERS = 8
_MEMORY = 2**29  # bytes


def build_dataset(batches: Batches, parallel: int | None = None) -> "tf.data.Dataset":
    """Each iteration over it is an epoch, the first one from ``batches.start`` on.

    Reading, of ``parallel`` batches at a time, releases Python's lock, and the normalization is one
    compiled loop over a batch, for which one batch a core is enough.
    """
    import tensorflow as tf

    first_epoch, first_batch = batches.start
    epochs = itertools.count(first_epoch)
    nt, receivers, _ = batches.pairs.gather_shape
    velocity_shape = batches.pairs.velocity_shape or (0,)
    # Of the gathers alone: a function that also returns the velocity is compiled to slower code.
    normalize = tf.function(batches.normalize, jit_compile=batches.compiles, autograph=False)

    def next_epoch():
        # Called when the first batch is asked for, not when an iterator is made: Keras makes
        # iterators that it never uses.
        epoch = next(epochs)
        first = first_batch if epoch == first_epoch else 0
        return np.int64(epoch), batches.order.epoch(epoch, first).astype(np.int64)

    next_epoch, read = guarded(next_epoch), guarded(batches.read)

    @tf.autograph.experimental.do_not_convert
    def numbers_of_epoch(_):
        epoch, numbers = tf.numpy_function(next_epoch, [], (tf.int64, tf.int64))
        numbers.set_shape((None,))
        numbers = tf.data.Dataset.from_tensor_slices(numbers).batch(
            batches.order.batch_size, batches.order.drop_remainder
        )
        return numbers.map(lambda batch: (batch, epoch))

    @tf.autograph.experimental.do_not_convert
    def read_batch(numbers, epoch):
        types = tf.float32, tf.float32, tf.bool
        gathers, velocity, filtered = tf.numpy_function(read, [numbers, epoch], types)
        size = numbers.shape[0]
        gathers.set_shape((size, len(batches.shots), nt, receivers))
        velocity.set_shape((size, *velocity_shape))
        filtered.set_shape((size,))
        return gathers, velocity, filtered

    @tf.autograph.experimental.do_not_convert
    def finish(gathers, velocity, filtered):
        return batches.with_velocity(normalize(batches.filter(gathers, filtered)), velocity)

    parallel = parallel or max(min(_READERS, _MEMORY // batches.batch_bytes), 2)
    computing = min(parallel, _cores())
    dataset = tf.data.Dataset.range(1).flat_map(numbers_of_epoch)
    dataset = dataset.map(read_batch, num_parallel_calls=parallel, deterministic=True)
    dataset = dataset.map(finish, num_parallel_calls=computing, deterministic=True)
    if not first_batch:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches.order)))
    # Threads of its own: those that wait for the disk would be missing in the training.
    options = tf.data.Options()
    options.threading.private_threadpool_size = parallel + computing
    # Everything is decided above; and its thread takes up to 0.3 s to end with every epoch.
    options.autotune.enabled = False
    return dataset.prefetch(2).with_options(options)


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
