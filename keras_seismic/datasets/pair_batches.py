"""Pairs as batches: reading into reused buffers, augmentation, normalization."""

import ctypes
import dataclasses
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from keras_seismic.backend import compiled
from keras_seismic.datasets.augmentation import GatherAugmentation
from keras_seismic.datasets.order import BatchOrder
from keras_seismic.datasets.pipeline import Batches, numbers_at
from keras_seismic.layers import GatherNormalization, GatherPreparation, VelocityScaling

if TYPE_CHECKING:
    from keras_seismic.datasets.base import Pairs

#: TensorFlow takes an array without copying if its address is a multiple of this.
_ALIGNMENT = 64


class PairBatches(Batches):
    """Normalized batches of pairs; see ``Pairs.dataset`` for the arguments."""

    def __init__(
        self,
        pairs: "Pairs",
        input_normalization: keras.layers.Layer | None,
        output_scaling: VelocityScaling | None,
        batch_size: int,
        shuffle: bool,
        seed: int | Sequence[int],
        part: slice | Sequence[int] | np.ndarray,
        sample_ratio: int,
        shots: Sequence[int] | None,
        augmentation: GatherAugmentation | None,
        shard: tuple[int, int],
        drop_remainder: bool,
        start: tuple[int, int],
    ) -> None:
        nt, receivers, count = pairs.gather_shape
        shots = tuple(range(count) if shots is None else shots)
        if not 1 <= sample_ratio <= nt:
            raise ValueError(
                f"sample_ratio must be between 1 and the {nt} time samples, received {sample_ratio}"
            )
        if not shots or not set(shots) <= set(range(count)) or len(set(shots)) < len(shots):
            raise ValueError(
                f"shots must be different numbers from 0 to {count - 1}, received {shots}"
            )
        if augmentation is not None:
            width = pairs.velocity_shape[1] if pairs.velocity_shape else None
            augmentation.check(pairs.acquisition, shots, width)
            shift = augmentation.time_shift / pairs.keep_every  # counted in samples of the record
            augmentation = dataclasses.replace(augmentation, time_shift=shift)
        numbers = numbers_at(len(pairs), part, type(pairs).__name__)
        order = BatchOrder(numbers, batch_size, shuffle, seed, shard, drop_remainder)
        shapes = [(len(shots), nt, receivers), *filter(None, [pairs.velocity_shape])]
        self._low_cut = augmentation.low_cut if augmentation else None
        super().__init__(
            order,
            self._read,
            [*shapes, ()] if self._low_cut else shapes,
            self._compute,
            start,
        )
        pairs[:0]  # missing data is reported here, not by a worker
        self.pairs, self.shots, self.augmentation = pairs, shots, augmentation
        self.sample_ratio = sample_ratio
        normalization = input_normalization or pairs.input_normalization
        if pairs.keep_every > 1 and isinstance(normalization, GatherPreparation):
            normalization = normalization.after_decimation(pairs.keep_every)
        self.input_normalization = normalization
        self.output_scaling = output_scaling or VelocityScaling(1500.0, 4500.0)
        self._buffers = BufferPool(limit=16)
        self._compiled: Callable[[Any], Any] = self._normalize
        backend = keras.backend.backend()
        # Gathers only: a function that also returns the velocity is compiled to slower
        # code. TensorFlow's XLA cannot compile every layer.
        if backend == "jax" or isinstance(self.input_normalization, GatherNormalization):
            self._compiled = compiled(self._normalize, backend)

    def _read(self, numbers: np.ndarray, epoch: int) -> tuple[np.ndarray, ...]:
        """Raw gathers ``(batch, shots, time, receivers)``, velocity ``(batch, depth, width)`` if
        there is one, and which of the pairs to filter if any are.
        """
        nt, receivers, _ = self.pairs.gather_shape
        gathers = self._buffers.empty((len(numbers), len(self.shots), nt, receivers))
        velocity = self.pairs.read(numbers, self.shots, gathers)
        arrays = [gathers] if velocity is None else [gathers, velocity]
        if self.augmentation is not None:
            seeds = self.order.seeds
            self.augmentation.apply(
                gathers, velocity, numbers, seeds, epoch, self.pairs.acquisition, self.shots
            )
            if self._low_cut is not None:
                filtered = self.augmentation.filtered(numbers, seeds, epoch)
                arrays.append(filtered.astype(np.float32))
        return tuple(arrays)

    def _compute(self, gathers: Any, *others: Any) -> Any:
        """What the network takes: normalized gathers, and velocity if there is one."""
        if self._low_cut is not None:
            filtered, others = others[-1], others[:-1]
            changed = self._low_cut(ops.transpose(gathers, (0, 2, 3, 1)))
            changed = ops.transpose(ops.cast(changed, "float32"), (0, 3, 1, 2))
            gathers = ops.where(ops.reshape(filtered, (-1, 1, 1, 1)) > 0, changed, gathers)
        gathers = self._compiled(gathers)
        if not others:
            return gathers
        return gathers, self.output_scaling.inverse(ops.expand_dims(others[0], -1))

    def _normalize(self, gathers: Any) -> Any:
        """Channels-last, every ``sample_ratio``-th sample, in the network's units."""
        x = ops.transpose(gathers[:, :, :: self.sample_ratio], (0, 2, 3, 1))
        return self.input_normalization(x)


class BufferPool:
    """Lends arrays whose memory comes back once nothing refers to them anymore.

    A batch of raw gathers is tens of megabytes. Fresh memory of that size has to be mapped and
    zeroed by the system, page by page, which takes as long as reading the data.

    Args:
        limit: Most unused buffers to keep.

    Example:
        >>> pool = BufferPool(limit=2)
        >>> address = pool.empty((3, 4)).ctypes.data
        >>> pool.empty((3, 4)).ctypes.data == address, address % 64
        (True, 0)
    """

    def __init__(self, limit: int) -> None:
        self._free: deque[np.ndarray] = deque(maxlen=limit)

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """A float32 array of that shape, with whatever was in its memory."""
        size = 4 * int(np.prod(shape, dtype=np.int64))
        try:
            memory = self._free.pop()
        except IndexError:
            memory = None
        if memory is None or memory.size < size + _ALIGNMENT:
            memory = np.empty(size + _ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % _ALIGNMENT
        # Views of an array refer to the array that owns the memory, not to each other; this
        # holder in between is released with the last of them.
        holder = (ctypes.c_char * size).from_buffer(memory.data, start)
        weakref.finalize(holder, self._free.append, memory).atexit = False
        return np.frombuffer(memoryview(holder), np.float32).reshape(shape)
