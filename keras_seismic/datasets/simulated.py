"""Simulated pairs of shot gathers and velocity models, cached on disk in shards."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.datasets.batches import normalized_batches
from keras_seismic.datasets.order import BatchOrder
from keras_seismic.files import check_room, write_text
from keras_seismic.io.arrays import read_array, write_array
from keras_seismic.layers import GatherNormalization, GatherPreparation, VelocityScaling
from keras_seismic.progress import progress_bar
from keras_seismic.simulation import Acquisition, sample_velocity, simulate
from keras_seismic.simulation.geology import family_name

if TYPE_CHECKING:
    import tensorflow as tf

#: To be raised when a change of the simulation makes older shards wrong.
_FORMAT = 1
_SHARD_SIZE = 50


@dataclasses.dataclass(frozen=True)
class SimulatedPairs:
    """Pairs of one velocity family, simulated once and kept on disk.

    Pairs live in ``cache_dir/<family>-<digest>/`` in shards of 50, two .npy files each
    (gathers ``(n, time, receivers, shots)`` as recorded, velocity ``(n, depth, width)``
    in m/s). The digest covers whatever decides the data; ``parameters.json`` tells it to
    people. Finished shards are reused, also by a larger ``count``, so that an interrupted
    simulation goes on where it stopped.

    Args:
        family: Velocity family, see ``keras_seismic.simulation.sample_velocity``.
        count: Number of pairs.
        acquisition: The experiment.
        seed: A non-negative integer, or several; the same seed gives the same pairs.
        cache_dir: Where to keep them.
        shape: ``(depth, width)`` of the velocity models in cells.

    Example:
        >>> acquisition = Acquisition.surface(
        ...     width=70, dx=10.0, dt=0.001, nt=60, peak_frequency=15.0, boundary="cpml"
        ... )
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pairs = SimulatedPairs("flatvel_a", 2, acquisition, cache_dir=folder)
        ...     gathers, velocity = pairs.generate(progress=False)[0:2]
        >>> gathers.shape, velocity.shape
        ((2, 60, 70, 5), (2, 70, 70, 1))
    """

    family: str
    count: int
    acquisition: Acquisition
    seed: int | tuple[int, ...] = 0
    cache_dir: str | os.PathLike = "cache"
    shape: tuple[int, int] = (70, 70)

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", family_name(self.family))
        object.__setattr__(self, "cache_dir", Path(self.cache_dir))
        if self.count < 1:
            raise ValueError(f"SimulatedPairs: count must be positive, received {self.count}")
        for kind in ("sources", "receivers"):
            self.acquisition.grid_indices(kind, self.shape)

    @property
    def parameters(self) -> dict[str, Any]:
        """What decides the data, except for the number of pairs."""
        return {
            "format": _FORMAT,
            "family": self.family,
            "seed": self.seed,
            "shape": list(self.shape),
            "shard_size": _SHARD_SIZE,
            "acquisition": self.acquisition.get_config(),
        }

    @cached_property
    def folder(self) -> Path:
        """The folder of these pairs' shards."""
        text = json.dumps(self.parameters, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return Path(self.cache_dir) / f"{self.family}-{digest}"

    def __len__(self) -> int:
        return self.count

    def generate(self, batch_size: int = 1, progress: bool = True) -> "SimulatedPairs":
        """Simulate whatever is not on disk yet.

        Args:
            batch_size: Models propagated together, see ``simulate``.
            progress: Show a progress bar.

        Returns:
            This object.

        Raises:
            OSError: If the disk has too little room for what is missing.
            ValueError: If the acquisition cannot simulate the family.
        """
        missing = [i for i in range(self._shards) if not self._is_finished(i)]
        if not missing:
            return self
        self._check_disk(sum(self._size(i) for i in missing))
        self.folder.mkdir(parents=True, exist_ok=True)
        parameters = json.dumps(self.parameters, indent=2) + "\n"
        write_text(self.folder / "parameters.json", parameters)
        total = sum(self._size(i) for i in missing)
        title = f"simulating {self.family}"
        with progress_bar(total, title, "pair", progress) as bar:
            for i in missing:
                velocity = self._sampled(i)
                gathers = []
                # In small steps, so that the bar moves.
                for part in np.array_split(velocity, -(-len(velocity) // max(10, batch_size))):
                    gathers.append(simulate(part, self.acquisition, batch_size, progress=False))
                    bar.update(len(part))
                write_array(self._path("velocity", i), velocity)
                # Last, and so the sign that the shard is whole.
                write_array(self._path("gathers", i), np.concatenate(gathers))
        return self

    def __getitem__(self, index: slice | Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Raw gathers and velocity of several pairs, read from disk.

        Args:
            index: A slice, or pair numbers.

        Returns:
            Gathers ``(n, time, receivers, shots)`` and velocity ``(n, depth, width, 1)`` in
            m/s, float32.
        """
        numbers = np.arange(self.count)[index]
        if numbers.ndim != 1:
            raise TypeError(f"SimulatedPairs: index by a slice or pair numbers, received {index}")
        gathers = np.empty((len(numbers), *self.acquisition.gather_shape), np.float32)
        velocity = np.empty((len(numbers), *self.shape, 1), np.float32)
        shards = self._open_shards
        for k, number in enumerate(numbers):
            shard, row = divmod(int(number), _SHARD_SIZE)
            gathers[k] = shards[shard][0][row]
            velocity[k, ..., 0] = shards[shard][1][row]
        return gathers, velocity

    def mean_velocity(self) -> np.ndarray:
        """Mean velocity model, ``(depth, width, 1)`` in m/s: the prediction to beat."""
        total = sum(self._sampled(i).sum(axis=0, dtype=np.float64) for i in range(self._shards))
        return (total / self.count)[..., None].astype(np.float32)

    def dataset(
        self,
        input_normalization: GatherNormalization | GatherPreparation,
        output_scaling: VelocityScaling,
        batch_size: int = 16,
        shuffle: bool = True,
        seed: int = 0,
        part: slice = slice(None),
        drop_remainder: bool = False,
        start: tuple[int, int] = (0, 0),
    ) -> "tf.data.Dataset":
        """Normalized batches as a ``tf.data.Dataset``.

        Args:
            input_normalization: Applied to the gathers.
            output_scaling: Its inverse is applied to the velocity.
            batch_size: Pairs a batch; the last one may be smaller.
            shuffle: Another order in every epoch.
            seed: Decides the order.
            part: Which of the pairs, all by default.
            drop_remainder: Leave out a smaller last batch.
            start: ``(epoch, batch)`` to begin with, to go on with an interrupted training: what
                follows is what the uninterrupted one would have seen.

        Returns:
            Batches of gathers ``(batch, time, receivers, shots)``, as ``input_normalization``
            makes them, and velocity ``(batch, depth, width, 1)``.

        Raises:
            ValueError: If an argument is out of its range.
        """
        self._open_shards  # noqa: B018 - missing shards are reported here, not by a worker
        numbers = np.arange(self.count)[part]
        order = BatchOrder(numbers, batch_size, shuffle, seed, drop_remainder=drop_remainder)
        return normalized_batches(
            self.__getitem__,
            order,
            self.acquisition.gather_shape,
            (*self.shape, 1),
            input_normalization,
            output_scaling,
            start,
        )

    @property
    def _shards(self) -> int:
        return -(-self.count // _SHARD_SIZE)

    def _size(self, shard: int) -> int:
        return min(_SHARD_SIZE, self.count - shard * _SHARD_SIZE)

    def _path(self, kind: str, shard: int) -> Path:
        return self.folder / f"{kind}-{shard:05d}.npy"

    def _sampled(self, shard: int) -> np.ndarray:
        start = shard * _SHARD_SIZE
        return sample_velocity(self.family, self._size(shard), self.seed, self.shape, start)

    def _opened(self, shard: int) -> tuple[np.ndarray, np.ndarray]:
        gathers = read_array(self._path("gathers", shard), mmap=True)
        velocity = read_array(self._path("velocity", shard), mmap=True)
        size = self._size(shard)
        expected = (self.acquisition.gather_shape, self.shape)
        for array, shape, kind in zip(
            (gathers, velocity), expected, ("gathers", "velocity"), strict=True
        ):
            if len(array) < size or array.shape[1:] != tuple(shape):
                raise ValueError(
                    f"{self._path(kind, shard)}: expected {size} or more of shape {tuple(shape)}, "
                    f"received {array.shape}"
                )
        return gathers, velocity

    def _is_finished(self, shard: int) -> bool:
        try:
            self._opened(shard)
        except (OSError, ValueError):
            return False
        return True

    @cached_property
    def _open_shards(self) -> list[tuple[np.ndarray, np.ndarray]]:
        for shard in range(self._shards):
            if not self._path("gathers", shard).exists():
                raise FileNotFoundError(
                    f"{self._path('gathers', shard)}: not simulated yet; call generate() first"
                )
        return [self._opened(shard) for shard in range(self._shards)]

    def _check_disk(self, pairs: int) -> None:
        cells = np.prod(self.acquisition.gather_shape) + np.prod(self.shape)
        check_room(self.cache_dir, int(pairs * cells * 4), f"{pairs} pairs")
