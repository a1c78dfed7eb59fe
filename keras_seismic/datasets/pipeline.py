"""One pipeline for every kind of training data: as ``tf.data`` or as a Keras ``PyDataset``.

Both make the same batches in the same order and can resume in the middle of an epoch.
"""

import abc
import atexit
import functools
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from keras_seismic.backend import available_cores
from keras_seismic.datasets.order import BatchOrder

if TYPE_CHECKING:
    import tensorflow as tf

#: Batches read at the same time, if they are not too large: disks are fastest with many requests.
_READERS = 8
_MEMORY = 2**29  # bytes
#: Batches that a ``BatchSequence`` makes in advance.
_AHEAD = 2


class Batches:
    """Describes the batches of every epoch, whatever runs them.

    Args:
        order: Which examples make which batch.
        read: From numbers of examples and the number of the epoch to float32 arrays. Called
            from several threads.
        shapes: The shape of one example in each of these arrays.
        compute: From these arrays to the batch, on the Keras backend; by default they are the
            batch.
        start: ``(epoch, batch)`` to begin with.

    Raises:
        ValueError: If there is no such batch.
    """

    def __init__(
        self,
        order: BatchOrder,
        read: Callable[[np.ndarray, int], tuple[np.ndarray, ...]],
        shapes: Sequence[tuple[int, ...]],
        compute: Callable[..., Any] | None = None,
        start: tuple[int, int] = (0, 0),
    ) -> None:
        order.check_start(start)
        self.order, self.read, self.shapes = order, read, tuple(shapes)
        self.compute, self.start = compute, start

    @property
    def batch_bytes(self) -> int:
        """Memory of a batch as it is read."""
        return 4 * self.order.share * sum(int(np.prod(shape)) for shape in self.shapes)

    def first_batch(self, epoch: int) -> int:
        """The number of an epoch's first batch."""
        return self.start[1] if epoch == self.start[0] else 0


def as_dataset(batches: Batches, parallel: int | None = None) -> "tf.data.Dataset":
    """The batches as a ``tf.data.Dataset``; each iteration over it is the next epoch.

    Args:
        batches: The batches to make.
        parallel: Batches read at the same time; by default 8, or fewer if they are large.

    Raises:
        RuntimeError: If Keras runs on another backend.
    """
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"dataset: tf.data needs Keras on TensorFlow, found {keras.backend.backend()}; "
            "pydataset makes the same batches on any backend"
        )
    # Under a distribution strategy, Keras looks at a batch before it begins.
    looked_at = [batches.start[0]] * tf.distribute.has_strategy()
    epochs = itertools.chain(looked_at, itertools.count(batches.start[0]))
    size = batches.order.share

    def next_epoch() -> tuple[np.int64, np.ndarray]:
        # Called for the first batch and not with the iterator: Keras makes iterators that it
        # never uses.
        epoch = next(epochs)
        numbers = batches.order.epoch(epoch, batches.first_batch(epoch))
        return np.int64(epoch), numbers.astype(np.int64)

    next_epoch, read = guarded(next_epoch), guarded(batches.read)

    @tf.autograph.experimental.do_not_convert
    def numbers_of_epoch(_: Any) -> "tf.data.Dataset":
        epoch, numbers = tf.numpy_function(next_epoch, [], (tf.int64, tf.int64))
        numbers.set_shape((None,))
        numbers = tf.data.Dataset.from_tensor_slices(numbers)
        numbers = numbers.batch(size, batches.order.drop_remainder)
        return numbers.map(lambda batch: (batch, epoch))

    @tf.autograph.experimental.do_not_convert
    def read_batch(numbers: Any, epoch: Any) -> Any:
        arrays = tf.numpy_function(read, [numbers, epoch], [tf.float32] * len(batches.shapes))
        for array, shape in zip(arrays, batches.shapes, strict=True):
            array.set_shape((numbers.shape[0], *shape))
        return tuple(arrays) if len(arrays) > 1 else arrays[0]

    parallel = parallel or max(min(_READERS, _MEMORY // batches.batch_bytes), 2)
    computing = min(parallel, available_cores())
    dataset = tf.data.Dataset.range(1).flat_map(numbers_of_epoch)
    dataset = dataset.map(read_batch, num_parallel_calls=parallel, deterministic=True)
    if batches.compute is not None:
        compute = tf.autograph.experimental.do_not_convert(batches.compute)
        dataset = dataset.map(compute, num_parallel_calls=computing, deterministic=True)
    if not batches.start[1]:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches.order)))
    # Threads of its own: training would otherwise lack those that wait for the disk.
    options = tf.data.Options()
    options.threading.private_threadpool_size = parallel + computing
    # There is nothing to tune, and the tuning thread takes up to 0.3 s to end every epoch.
    options.autotune.enabled = False
    return dataset.prefetch(2).with_options(options)


class BatchSequence(keras.utils.PyDataset):
    """The batches as a ``keras.utils.PyDataset`` of NumPy arrays, on any Keras backend.

    Batches are made in threads while the network trains, a few of them in advance. **Pass**
    ``shuffle=False`` **to** ``fit``, which would otherwise shuffle the batches again, out of the
    order in which they are read ahead. If it begins in the middle of an epoch, its first epoch is
    shorter, and ``fit`` would assume that length for all: fit that epoch by itself.

    Args:
        batches: The batches to make.
        parallel: Batches made in advance, by default 2.
    """

    def __init__(self, batches: Batches, parallel: int | None = None) -> None:
        super().__init__()
        self.batches = batches
        #: Number of the epoch being read; ``on_epoch_end`` advances it.
        self.epoch = batches.start[0]
        self._ahead = _AHEAD if parallel is None else parallel
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(max(self._ahead, 1), thread_name_prefix="batches")
        self._coming: dict[tuple[int, int], Future[Any]] = {}
        self._numbers: tuple[int, np.ndarray] | None = None
        self._finished = False

    def __len__(self) -> int:
        """Batches of the epoch, or those left of an epoch begun elsewhere."""
        return len(self.batches.order) - self.batches.first_batch(self.epoch)

    def __getitem__(self, index: int) -> Any:
        """A batch of NumPy arrays."""
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        with self._lock:
            count, epoch = len(self.batches.order), self.epoch
            number = self.batches.first_batch(epoch) + index
            self._finished |= number == count - 1
            future = self._coming.pop((epoch, number), None)
            wanted = range(number + 1, min(number + 1 + self._ahead, count))
            for key in [key for key in self._coming if key[0] != epoch or key[1] not in wanted]:
                self._coming.pop(key).cancel()
            for following in wanted:
                if (epoch, following) not in self._coming:
                    submitted = self._threads.submit(self._make, epoch, following)
                    self._coming[epoch, following] = submitted
        return future.result() if future is not None else self._make(epoch, number)

    def on_epoch_begin(self) -> None:
        self._finished = False

    def on_epoch_end(self) -> None:
        """Go to the next epoch if the last batch of this one was read.

        Keras also calls this before the first epoch, and after reading a batch to build a
        model.
        """
        with self._lock:
            if self._finished:
                self.epoch, self._finished = self.epoch + 1, False

    def _make(self, epoch: int, number: int) -> Any:
        order, cached = self.batches.order, self._numbers
        if cached is None or cached[0] != epoch:
            cached = self._numbers = epoch, order.epoch(epoch)
        numbers = cached[1][number * order.share : (number + 1) * order.share]
        made: Any = self.batches.read(numbers, epoch)
        if self.batches.compute is not None:
            made = self.batches.compute(*made)
        return keras.tree.map_structure(ops.convert_to_numpy, made)


class GeneratedExamples(abc.ABC):
    """Training data that is made on demand; the base of patches and the like.

    A subclass has a length, sets ``seed`` and ``shapes``, and makes examples in ``read``.
    """

    #: Determines the order and, with the number of the epoch, the examples.
    seed: int
    #: The shape of one example in each array of a batch.
    shapes: tuple[tuple[int, ...], ...]

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def read(self, numbers: np.ndarray, epoch: int = 0) -> tuple[np.ndarray, ...]:
        """Some examples of an epoch: float32 arrays with an entry for each example.

        Args:
            numbers: Which examples, from 0.
            epoch: Number of the epoch.
        """

    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> tuple[np.ndarray, ...]:
        """Some examples of the first epoch."""
        return self.read(numbers_at(len(self), index, type(self).__name__))

    def dataset(
        self,
        batch_size: int = 64,
        shuffle: bool = True,
        *,
        shard: tuple[int, int] = (0, 1),
        drop_remainder: bool = False,
        start: tuple[int, int] = (0, 0),
        parallel: int | None = None,
    ) -> "tf.data.Dataset":
        """Batches as a ``tf.data.Dataset``; each iteration over it is the next epoch.

        Args:
            batch_size: Examples per batch; the last one may be smaller.
            shuffle: New examples in a new order in every epoch; otherwise every epoch is the
                first one, in order, as for validation.
            shard: ``(index, count)``: of ``count`` workers, this one takes the ``index``-th part
                of every batch.
            drop_remainder: Leave out a smaller last batch.
            start: ``(epoch, batch)`` to begin with, to resume an interrupted training; the
                first iteration is the rest of that epoch.
            parallel: Batches made at the same time.

        Raises:
            ValueError: If an argument is out of range.
        """
        batches = self._batches(batch_size, shuffle, shard, drop_remainder, start)
        return as_dataset(batches, parallel)

    def pydataset(
        self, *arguments: Any, parallel: int | None = None, **options: Any
    ) -> BatchSequence:
        """The batches of ``dataset`` on any Keras backend, without TensorFlow.

        Args:
            *arguments: As for ``dataset``.
            parallel: Batches made in advance, by default 2.
            **options: As for ``dataset``.
        """
        return BatchSequence(self._batches(*arguments, **options), parallel)

    def _batches(
        self,
        batch_size: int = 64,
        shuffle: bool = True,
        shard: tuple[int, int] = (0, 1),
        drop_remainder: bool = False,
        start: tuple[int, int] = (0, 0),
    ) -> Batches:
        numbers = np.arange(len(self))
        order = BatchOrder(numbers, batch_size, shuffle, self.seed, shard, drop_remainder)

        def read(numbers: np.ndarray, epoch: int) -> tuple[np.ndarray, ...]:
            return self.read(numbers, int(epoch) if shuffle else 0)

        return Batches(order, read, self.shapes, start=start)


def numbers_at(count: int, index: slice | Sequence[int] | np.ndarray, owner: str) -> np.ndarray:
    """The numbers that an index chooses from ``count`` examples.

    Raises:
        TypeError: If it is neither a slice nor several numbers.
        IndexError: If there is no such example.
    """
    numbers = np.arange(count)[index]
    if numbers.ndim != 1:
        raise TypeError(f"{owner}: index by a slice or several numbers, received {index}")
    return numbers


# A tf.data pipeline reads ahead. When a program ends in the middle of an epoch (an error,
# Ctrl-C, or simply enough batches), its threads wait for an interpreter that no longer runs
# Python, and the interpreter waits for them: the program would never end. So at exit, the
# pipelines are drained first, which takes a twentieth of a second.

_QUIET = 0.05  # s without a call, after which no pipeline makes one
_LONGEST_WAIT = 10.0  # s


class _Calls:
    """Counts the calls of all guarded functions, and ends them when Python ends."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begun = self.running = 0
        self.ending = False

    def __enter__(self) -> None:
        with self.lock:
            self.begun += 1
            self.running += 1

    def __exit__(self, *_: Any) -> None:
        with self.lock:
            self.running -= 1

    def end(self) -> None:
        """Let running calls finish and later ones fail at once, until there are no more."""
        self.ending = True
        start = quiet_since = time.monotonic()
        begun = self.begun
        while (now := time.monotonic()) - quiet_since < _QUIET and now - start < _LONGEST_WAIT:
            time.sleep(_QUIET / 10)
            if self.running or self.begun != begun:
                begun, quiet_since = self.begun, time.monotonic()


_calls = _Calls()


@functools.cache
def _register() -> None:
    # Not when this module is imported: what TensorFlow registers must run later.
    atexit.register(_calls.end)


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, made safe to be called by a pipeline while the program ends."""
    _register()

    def call(*arguments: Any) -> Any:
        with _calls:
            if _calls.ending:
                raise RuntimeError("the program is ending")
            return function(*arguments)

    return call
