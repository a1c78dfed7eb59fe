"""Pairs of several families, or from several places, as one."""

import itertools
from collections.abc import Sequence
from typing import Self

import numpy as np

from keras_seismic.datasets.base import Pairs
from keras_seismic.layers import GatherNormalization


class MixedPairs(Pairs):
    """Pairs of several families, or from several places, as one.

    They are numbered one part after the other; batches mix them in a new order in every epoch.

    Args:
        parts: Pairs of any kind, of one geometry.

    Raises:
        ValueError: If there are none, or they differ in shape, acquisition or samples kept.

    Example:
        >>> import tempfile
        >>> from keras_seismic.datasets import SimulatedPairs
        >>> from keras_seismic.simulation import Acquisition
        >>> acquisition = Acquisition.surface(
        ...     width=70, dx=10.0, dt=0.001, nt=60, peak_frequency=15.0, boundary="cpml"
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pairs = MixedPairs([
        ...         SimulatedPairs(family, 2, acquisition, cache_dir=folder, keep_every=4)
        ...         for family in ("flatvel_a", "style_b")
        ...     ]).prepare(progress=False)
        ...     gathers, velocity = pairs[1:3]
        >>> len(pairs), gathers.shape, [pairs.family_of(number) for number in (1, 2)]
        (4, (2, 15, 70, 5), ['flatvel_a', 'style_b'])
    """

    def __init__(self, parts: Sequence[Pairs]) -> None:
        if not parts:
            raise ValueError("MixedPairs: expected pairs, received none")
        self.parts = tuple(parts)
        for name in ("gather_shape", "velocity_shape", "acquisition", "keep_every"):
            first, *others = (getattr(part, name) for part in self.parts)
            for part, other in zip(self.parts[1:], others, strict=True):
                if other != first:
                    raise ValueError(
                        f"MixedPairs: expected pairs of one {name}, received {first} in "
                        f"{self.parts[0]} and {other} in {part}"
                    )
        self.acquisition = self.parts[0].acquisition
        self.keep_every = self.parts[0].keep_every
        families = {part.family for part in self.parts}
        self.family = families.pop() if len(families) == 1 else None
        self._starts = list(itertools.accumulate(map(len, self.parts), initial=0))

    @property
    def gather_shape(self) -> tuple[int, int, int]:
        """``(time, receivers, shots)`` of one example."""
        return self.parts[0].gather_shape

    @property
    def velocity_shape(self) -> tuple[int, int] | None:
        """``(depth, width)`` of one velocity model; ``None`` for gathers alone."""
        return self.parts[0].velocity_shape

    @property
    def input_normalization(self) -> GatherNormalization:
        """The widest range of the parts' normalizations.

        Raises:
            ValueError: If the family of a part is not known.
        """
        ranges = [(n.data_min, n.data_max) for n in (p.input_normalization for p in self.parts)]
        lowest, highest = zip(*ranges, strict=True)
        return GatherNormalization(min(lowest), max(highest))

    def __len__(self) -> int:
        return self._starts[-1]

    def family_of(self, number: int) -> str | None:
        """The velocity family of a pair, if it is known."""
        return self.parts[self._parts_of(np.array([number]))[0]].family

    def prepare(self, progress: bool = True) -> Self:
        """See ``Pairs.prepare``: one part after the other."""
        for part in self.parts:
            part.prepare(progress)
        return self

    def read(
        self, numbers: np.ndarray, shots: Sequence[int], gathers: np.ndarray | None
    ) -> np.ndarray | None:
        """See ``Pairs.read``."""
        velocity = None
        if self.velocity_shape is not None:
            velocity = np.empty((len(numbers), *self.velocity_shape), np.float32)
        owners = self._parts_of(numbers)
        for part in np.unique(owners):
            places = np.flatnonzero(owners == part)
            own = None
            if gathers is not None:
                own = np.empty((len(places), *gathers.shape[1:]), np.float32)
            found = self.parts[part].read(numbers[places] - self._starts[part], shots, own)
            if gathers is not None:
                gathers[places] = own
            if velocity is not None:
                velocity[places] = found
        return velocity

    def _parts_of(self, numbers: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._starts, numbers, side="right") - 1

    def _published_training(self) -> np.ndarray | None:
        """Which pairs belong to the published training split, if every part has one."""
        splits = [part._published_training() for part in self.parts]
        found = [split for split in splits if split is not None]
        return np.concatenate(found) if len(found) == len(splits) else None

    def __str__(self) -> str:
        return " + ".join(map(str, self.parts))
