"""Simulated pairs in blocks, each of which any worker can make by itself."""

import dataclasses
import io
import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.simulation import Acquisition, sample_velocity, simulate

if TYPE_CHECKING:
    import apache_beam as beam

_BLOCK_PAIRS = 10
_BLOCK_BYTES = 2**26

Example = tuple[int, dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class SimulatedSplit:
    """The pairs of one split, in blocks that do not depend on each other.

    Pair ``i`` is decided by the family, the acquisition, the seed, the shape and ``i``, so
    that neither the number of workers nor the order of their work can change it. A finished
    block is kept in ``folder``: repeating an interrupted build goes on with what is missing.

    Args:
        name: Of the split, part of its files' names.
        count: Number of pairs.
        family: Velocity family, see ``keras_seismic.simulation.sample_velocity``.
        acquisition: The experiment.
        seed: A non-negative integer, or several.
        shape: ``(depth, width)`` of the velocity models in cells.
        folder: Where finished blocks are kept; a local path or one that TFDS can write to,
            such as ``gs://bucket/folder``.
    """

    name: str
    count: int
    family: str
    acquisition: Acquisition
    seed: int | tuple[int, ...]
    shape: tuple[int, int]
    folder: str | os.PathLike

    @property
    def blocks(self) -> list[range]:
        """The numbers of the pairs of each block."""
        pair_bytes = 4 * int(np.prod(self.acquisition.gather_shape))
        size = max(min(_BLOCK_PAIRS, _BLOCK_BYTES // pair_bytes), 1)
        numbers = range(self.count)
        return [numbers[start : start + size] for start in range(0, self.count, size)]

    def examples(self, block: range) -> Iterator[Example]:
        """Key and features of each pair of a block."""
        velocity = sample_velocity(self.family, len(block), self.seed, self.shape, block.start)
        gathers = self._finished(block)
        if gathers is None:
            gathers = simulate(velocity, self.acquisition, progress=False)
            self._keep(block, gathers)
        for k, number in enumerate(block):
            yield (
                number,
                {
                    "index": np.int64(number),
                    "shot_gather": gathers[k],
                    "velocity": velocity[k, ..., None],
                },
            )

    def all_examples(self) -> Iterator[Example]:
        """Every pair, one block after the other, in this process."""
        for block in self.blocks:
            yield from self.examples(block)

    def collection(self) -> "beam.PTransform":
        """Every pair, as an Apache Beam transform that spreads the blocks over workers."""
        import apache_beam as beam

        return (
            "Blocks" >> beam.Create(self.blocks)
            | "Spread" >> beam.Reshuffle()
            | "Simulate" >> beam.FlatMap(self.examples)
        )

    def _path(self, block: range):
        from etils import epath

        return epath.Path(self.folder) / f"{self.name}-{block.start:07d}-{block.stop:07d}.npy"

    def _finished(self, block: range) -> np.ndarray | None:
        path = self._path(block)
        if not path.exists():
            return None
        try:
            gathers = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
        except (ValueError, EOFError):
            return None
        expected = (len(block), *self.acquisition.gather_shape)
        return gathers if (gathers.shape, gathers.dtype) == (expected, np.float32) else None

    def _keep(self, block: range, gathers: np.ndarray) -> None:
        path = self._path(block)
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.save(buffer, gathers, allow_pickle=False)
        # Two workers may have been given the same block, on two machines with the same ids.
        temporary = path.parent / f".{path.name}.{uuid.uuid4().hex}.partial"
        temporary.write_bytes(buffer.getvalue())
        temporary.replace(path)
