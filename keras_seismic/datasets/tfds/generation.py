"""Simulated pairs as TFDS examples, in shards that any worker can make."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.datasets.simulated import SimulatedPairs

if TYPE_CHECKING:
    import apache_beam as beam

Example = tuple[int, dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class SimulatedSplit:
    """The pairs of one split, in shards that do not depend on each other.

    Pair ``i`` depends only on the family, the acquisition, the seed, the shape and ``i``, so
    that neither the number of workers nor the order of their work can change it.

    Args:
        pairs: The pairs. Finished shards are kept in their folder: repeating an interrupted
            build continues with what is missing.
    """

    pairs: SimulatedPairs

    def examples(self, shard: int) -> Iterator[Example]:
        """Key and features of each pair of a shard."""
        store = self.pairs.prepared_shard(shard)
        nt, receivers, shots = store.gather_shape
        gathers = np.empty((1, shots, nt, receivers), np.float32)
        for row, number in enumerate(self.pairs.shards[shard]):
            velocity = store.read(np.array([row]), range(shots), gathers)
            assert velocity is not None
            yield (
                number,
                {
                    "index": np.int64(number),
                    "shot_gather": np.ascontiguousarray(np.moveaxis(gathers[0], 0, -1)),
                    "velocity": velocity[0, ..., None],
                },
            )

    def all_examples(self) -> Iterator[Example]:
        """Every pair, one shard after the other, in this process."""
        for shard in range(len(self.pairs.shards)):
            yield from self.examples(shard)

    def collection(self) -> "beam.PTransform":
        """Every pair, as an Apache Beam transform that spreads the shards over workers."""
        import apache_beam as beam

        return (
            "Shards" >> beam.Create(range(len(self.pairs.shards)))
            | "Spread" >> beam.Reshuffle()
            | "Simulate" >> beam.FlatMap(self.examples)
        )
