"""The order of pairs in every epoch, computed rather than stored."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class BatchOrder:
    """Which pairs make which batch of which epoch.

    An epoch's order, a uniformly random permutation of all numbers, depends only on the seed and
    the epoch's number. So any batch of any epoch is available at once, as needed to resume in
    mid-epoch.

    Args:
        numbers: The pairs to be used.
        batch_size: Pairs per batch, of all workers together.
        shuffle: Permute in every epoch; otherwise the order is that of ``numbers``.
        seed: A non-negative integer, or several.
        shard: ``(index, count)``: of ``count`` workers, this one takes the ``index``-th part of
            every batch; together they have the batches of one worker.
        drop_remainder: Leave out a smaller last batch, so that all workers have the same number of
            batches.

    Raises:
        ValueError: If an argument is out of range, or no batch is left.
    """

    numbers: np.ndarray
    batch_size: int
    shuffle: bool = True
    seed: int | Sequence[int] = 0
    shard: tuple[int, int] = (0, 1)
    drop_remainder: bool = False

    def __post_init__(self) -> None:
        index, count = self.shard
        if not 0 <= index < count:
            raise ValueError(
                f"shard must be (index, count) with 0 <= index < count, received ({index}, {count})"
            )
        if self.batch_size < 1 or self.batch_size % count:
            raise ValueError(
                f"batch_size must be positive and a multiple of {count} workers, received "
                f"{self.batch_size}"
            )
        if min(self.seeds) < 0:
            raise ValueError(f"seed must not be negative, received {self.seed}")
        if len(self) < 1:
            raise ValueError(
                f"{len(self.numbers)} pairs make no whole batch of {self.batch_size}"
                + ("; allow a smaller last one" if self.drop_remainder else "")
            )

    @property
    def seeds(self) -> list[int]:
        """The seed as a list."""
        return [self.seed] if isinstance(self.seed, int | np.integer) else list(self.seed)

    @property
    def share(self) -> int:
        """Pairs of each batch that are this worker's."""
        return self.batch_size // self.shard[1]

    def __len__(self) -> int:
        """Batches per epoch."""
        whole, rest = divmod(len(self.numbers), self.batch_size)
        return whole + (rest > self.shard[0] * self.share and not self.drop_remainder)

    def check_start(self, start: tuple[int, int]) -> None:
        """Refuse to begin at a batch that does not exist.

        Args:
            start: Numbers of an epoch and of a batch in it, from 0.

        Raises:
            ValueError: If there is no such batch.
        """
        if start[0] < 0 or not 0 <= start[1] < len(self):
            raise ValueError(
                f"start must be (epoch, batch) with a batch from 0 to {len(self) - 1}, received "
                f"{start}"
            )

    def epoch(self, epoch: int, first: int = 0) -> np.ndarray:
        """The pairs of an epoch in their order, from batch ``first`` on.

        Args:
            epoch: Its number, from 0.
            first: Number of a batch.
        """
        numbers = self.numbers
        if self.shuffle:
            numbers = np.random.default_rng([*self.seeds, epoch]).permutation(numbers)
        numbers = numbers[first * self.batch_size : len(self) * self.batch_size]
        worker = np.arange(len(numbers)) % self.batch_size // self.share
        return numbers[worker == self.shard[0]]


def split_numbers(
    count: int, fraction: float = 0.1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers to learn from and numbers held out, each in random order.

    Args:
        count: How many pairs there are.
        fraction: Fraction of them to hold out; each part gets at least one.
        seed: Seed of the choice and the order.

    Raises:
        ValueError: If the fraction is not between 0 and 1 or there is only one pair.

    Example:
        >>> [len(part) for part in split_numbers(30)]
        [27, 3]
    """
    if not 0 < fraction < 1 or count < 2:
        raise ValueError(
            f"held_out: expected a fraction between 0 and 1 of two pairs or more, received "
            f"{fraction} of {count}"
        )
    order = np.random.default_rng(seed).permutation(count)
    held_out = min(max(round(fraction * count), 1), count - 1)
    return order[held_out:], order[:held_out]
