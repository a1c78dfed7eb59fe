"""What a pipeline does, whatever runs it: order, reading, changes, normalization."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from keras_seismic.datasets.openfwi.augmentation import GatherAugmentation
from keras_seismic.datasets.openfwi.buffers import BufferPool
from keras_seismic.datasets.order import BatchOrder
from keras_seismic.layers import GatherNormalization, VelocityScaling

if TYPE_CHECKING:
    from keras_seismic.datasets.openfwi.pairs import OpenFWIPairs


class Batches:
    """Normalized batches of pairs; see ``OpenFWIPairs.dataset`` for the arguments.

    ``read`` is NumPy and system calls, ``filter`` and ``normalize`` run on the Keras backend.
    """

    def __init__(
        self,
        pairs: "OpenFWIPairs",
        order: BatchOrder,
        input_normalization: keras.layers.Layer,
        output_scaling: VelocityScaling,
        sample_ratio: int,
        shots: tuple[int, ...],
        augmentation: GatherAugmentation | None,
        start: tuple[int, int],
    ) -> None:
        self.pairs, self.order, self.shots = pairs, order, shots
        self.input_normalization, self.output_scaling = input_normalization, output_scaling
        self.sample_ratio, self.augmentation, self.start = sample_ratio, augmentation, start
        nt, receivers, count = pairs.gather_shape
        if not 1 <= sample_ratio <= nt:
            raise ValueError(
                f"sample_ratio must be between 1 and the {nt} time samples, received {sample_ratio}"
            )
        if not shots or not set(shots) <= set(range(count)) or len(set(shots)) < len(shots):
            raise ValueError(
                f"shots must be different numbers from 0 to {count - 1}, received {shots}"
            )
        order.check_start(start)
        if augmentation is not None:
            shape = pairs.velocity_shape
            augmentation.check(pairs.acquisition, shots, shape[1] if shape else None)
        #: ``(time, receivers, shots)`` of one example.
        self.gather_shape = (-(-nt // sample_ratio), receivers, len(shots))
        self._buffers = BufferPool(limit=16)

    @property
    def compiles(self) -> bool:
        """Whether ``normalize`` may be compiled by XLA, which not every layer can be."""
        return isinstance(self.input_normalization, GatherNormalization)

    @property
    def batch_bytes(self) -> int:
        """Memory of a batch of raw gathers."""
        nt, receivers, _ = self.pairs.gather_shape
        return 4 * self.order.batch_size * nt * receivers * len(self.shots)

    def read(self, numbers: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Raw gathers and velocity as the files have them, changed by the augmentation.

        Returns:
            Gathers ``(batch, shots, time, receivers)``, velocity ``(batch, depth, width)`` (an
            empty array where there is none) and which of the pairs to filter.
        """
        nt, receivers, _ = self.pairs.gather_shape
        gathers = self._buffers.empty((len(numbers), len(self.shots), nt, receivers))
        self.pairs.store.gathers(numbers, self.shots, gathers)
        velocity = self.pairs.store.velocity(numbers)
        filtered = np.zeros(len(numbers), bool)
        if self.augmentation is not None:
            seed, changed = self.order.seeds, velocity if velocity.size else None
            self.augmentation.apply(
                gathers, changed, numbers, seed, epoch, self.pairs.acquisition, self.shots
            )
            if self.augmentation.low_cut is not None:
                filtered = self.augmentation.filtered(numbers, seed, epoch)
        return gathers, velocity, filtered

    def filter(self, gathers: Any, filtered: Any) -> Any:
        """Send the chosen pairs through the low-cut filter, at the files' sample interval."""
        if self.augmentation is None or self.augmentation.low_cut is None:
            return gathers
        changed = self.augmentation.low_cut(ops.transpose(gathers, (0, 2, 3, 1)))
        changed = ops.transpose(ops.cast(changed, "float32"), (0, 3, 1, 2))
        return ops.where(ops.reshape(filtered, (-1, 1, 1, 1)), changed, gathers)

    def normalize(self, gathers: Any) -> Any:
        """Channels-last, every ``sample_ratio``-th sample, in the network's units."""
        x = ops.transpose(gathers[:, :, :: self.sample_ratio], (0, 2, 3, 1))
        return self.input_normalization(x)

    def with_velocity(self, gathers: Any, velocity: Any) -> Any:
        """Normalized gathers with their velocity in the network's units, if there is one."""
        if self.pairs.velocity_shape is None:
            return gathers
        return gathers, self.output_scaling.inverse(ops.expand_dims(velocity, -1))
