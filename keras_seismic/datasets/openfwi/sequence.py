"""Batches as a ``keras.utils.PyDataset``, for backends without TensorFlow."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_seismic.backend import compiled
from keras_seismic.datasets.openfwi.batches import Batches

_THREADS = 2


class OpenFWISequence(keras.utils.PyDataset):
    """The batches of ``OpenFWIPairs.dataset``, in the same order, on any Keras backend.

    Batches are made in threads while the network trains, the next ``ahead`` of them before they
    are asked for. Keras' own ``workers`` are not needed. **Pass** ``shuffle=False`` **to**
    ``fit``: it would shuffle the batches once more, and away from the order that is read ahead.
    Begun in mid-epoch (``start``), its first epoch is shorter, which ``fit`` takes for the length
    of all: fit that epoch by itself.

    Args:
        batches: What to do, from ``OpenFWIPairs.sequence``.
        ahead: Batches made in advance.
        **kwargs: Of ``keras.utils.PyDataset``.
    """

    def __init__(self, batches: Batches, ahead: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batches = batches
        #: Number of the epoch that is being read; it moves on with ``on_epoch_end``.
        self.epoch, self._first = batches.start
        # With workers of Keras' there is no telling which batch comes next.
        self._ahead = ahead if self.workers <= 1 else 0
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="openfwi")
        self._coming: dict[tuple[int, int], Future] = {}
        self._numbers: tuple[int, np.ndarray] | None = None
        self._finished = False
        self._normalize = self.batches.normalize
        backend = keras.backend.backend()
        if self.batches.compiles or backend == "jax":
            self._normalize = compiled(self.batches.normalize, backend)

    def __len__(self) -> int:
        """Batches that the epoch has, or still has if it was begun elsewhere."""
        return len(self.batches.order) - self._first

    def __getitem__(self, index: int) -> Any:
        """Normalized gathers and velocity, NumPy arrays; gathers alone where there is no more."""
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        with self._lock:
            epoch, number = self.epoch, self._first + index
            self._finished |= number == len(self.batches.order) - 1
            future = self._coming.pop((epoch, number), None)
            wanted = range(number + 1, min(number + 1 + self._ahead, len(self.batches.order)))
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
        """Go on to the next epoch, if the last batch of this one was read.

        Keras also calls this before the first epoch, and after looking at a batch to build a
        model.
        """
        with self._lock:
            if self._finished:
                self.epoch, self._first, self._finished = self.epoch + 1, 0, False

    def _make(self, epoch: int, number: int) -> Any:
        order = self.batches.order
        cached = self._numbers
        if cached is None or cached[0] != epoch:
            cached = self._numbers = epoch, order.epoch(epoch)
        numbers = cached[1][number * order.batch_size : (number + 1) * order.batch_size]
        gathers, velocity, filtered = self.batches.read(numbers, epoch)
        gathers = self._normalize(self.batches.filter(gathers, filtered))
        made = self.batches.with_velocity(gathers, velocity)
        return keras.tree.map_structure(ops.convert_to_numpy, made)

    def __getstate__(self) -> dict[str, Any]:
        """Without threads, for Keras' worker processes."""
        private = ("_lock", "_threads", "_coming", "_numbers", "_normalize")
        return {key: value for key, value in self.__dict__.items() if key not in private}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()
