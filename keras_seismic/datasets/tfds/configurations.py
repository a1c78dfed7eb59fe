"""What can be built: families, acquisitions and sizes."""

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.geology import OPENFWI_FAMILIES, family_name

#: Increment, with the builder's version, when a change to the simulation changes the data.
_FORMAT = 2

#: What each split adds to the seed. Training pairs are those of ``SimulatedPairs`` with the same
#: seed.
_SPLIT_SEEDS: dict[str, tuple[int, ...]] = {"train": (), "validation": (1,), "test": (2,)}

#: Training and validation pairs of OpenFWI's families.
_PUBLISHED_SIZES = {"vel": (24000, 6000), "fault": (48000, 6000), "style": (60000, 7000)}
_SMALLER_SIZES = {"_1k": (1000, 200), "_10k": (10000, 1000)}
_BOUNDARIES = {"openfwi": "OpenFWI's exact scheme", "cpml": "absorbing layers, three times quicker"}


@dataclasses.dataclass(eq=False, kw_only=True)
class SimulatedVelocityConfig(tfds.core.BuilderConfig):
    """One data set: a family, an experiment, the sizes of the splits and the seed.

    Args:
        name: Part of the path on disk.
        family: Velocity family, see ``keras_seismic.simulation.sample_velocity``.
        acquisition: The experiment.
        splits: Number of pairs of ``"train"``, ``"validation"`` and ``"test"``, of which
            any may be missing. No pair is in two of them, whatever their sizes, and a
            smaller split is the beginning of a larger one with the same seed.
        seed: A non-negative integer.
        shape: ``(depth, width)`` of the velocity models in cells.

    Raises:
        ValueError: If the family or a split is unknown, a number is out of range, or a
            source or receiver is outside the model.

    Example:
        >>> mine = SimulatedVelocityConfig(
        ...     name="flatvel_a_900",
        ...     family="FlatVel-A",
        ...     acquisition=Acquisition.openfwi(boundary="cpml"),
        ...     splits={"train": 900, "test": 100},
        ... )
        >>> mine.family, mine.split_seed("train"), mine.split_seed("test")
        ('flatvel_a', 0, (0, 2))
    """

    family: str
    description: str | None = None
    acquisition: Acquisition
    splits: dict[str, int]
    seed: int = 0
    shape: tuple[int, int] = (70, 70)

    def __post_init__(self) -> None:
        self.family = family_name(self.family)
        self.shape = (int(self.shape[0]), int(self.shape[1]))
        if not self.splits or not self.splits.keys() <= _SPLIT_SEEDS.keys():
            raise ValueError(
                f"SimulatedVelocityConfig: splits must be some of {', '.join(_SPLIT_SEEDS)}, "
                f"received {sorted(self.splits)}"
            )
        if min(self.splits.values()) < 1 or self.seed < 0:
            raise ValueError(
                "SimulatedVelocityConfig: the seed must not be negative and every split needs a "
                f"pair, received seed={self.seed}, splits={self.splits}"
            )
        for kind in ("sources", "receivers"):
            self.acquisition.grid_indices(kind, self.shape)
        if self.description is None:
            sizes = ", ".join(f"{count:,} {name}" for name, count in self.splits.items())
            scheme = _BOUNDARIES[self.acquisition.boundary]
            self.description = (
                f"{self.family}, {sizes} pairs, {scheme}; about "
                f"{self.pair_bytes * sum(self.splits.values()) / 1e9:.2g} GB."
            )

    @property
    def parameters(self) -> dict[str, Any]:
        """What determines pair ``i`` of each split."""
        return {
            "format": _FORMAT,
            "family": self.family,
            "seed": self.seed,
            "shape": list(self.shape),
            "acquisition": self.acquisition.get_config(),
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the parameters and the sizes: a data set of another one is another one."""
        text = json.dumps({**self.parameters, "splits": self.splits}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def pair_bytes(self) -> int:
        """Bytes of one pair."""
        return 4 * int(np.prod(self.acquisition.gather_shape) + np.prod(self.shape))

    def split_seed(self, split: str) -> int | tuple[int, ...]:
        """The seed of a split's models, as ``sample_velocity`` takes it."""
        extra = _SPLIT_SEEDS[split]
        return (self.seed, *extra) if extra else self.seed


def _tiny() -> SimulatedVelocityConfig:
    acquisition = Acquisition.surface(
        width=32, dx=10.0, dt=0.001, nt=64, peak_frequency=15.0,
        shots=2, receiver_step=4, boundary="cpml",
    )  # fmt: skip
    splits = {"train": 12, "validation": 4}
    return SimulatedVelocityConfig(
        name="tiny", family="flatvel_a", acquisition=acquisition, splits=splits, shape=(32, 32)
    )


def _of_family(family: str, boundary: str, suffix: str) -> SimulatedVelocityConfig:
    kind = next(kind for kind in _PUBLISHED_SIZES if kind in family)
    sizes = _SMALLER_SIZES.get(suffix, _PUBLISHED_SIZES[kind])
    return SimulatedVelocityConfig(
        name=f"{family}_{boundary}{suffix}",
        family=family,
        acquisition=Acquisition.openfwi(boundary=boundary),
        splits=dict(zip(("train", "validation"), sizes, strict=True)),
    )


#: ``tiny`` to try things out, then ``<family>_<boundary>`` in three sizes, smallest first.
CONFIGURATIONS = [
    _tiny(),
    *(
        _of_family(family, boundary, suffix)
        for suffix in (*_SMALLER_SIZES, "")
        for boundary in _BOUNDARIES
        for family in OPENFWI_FAMILIES
    ),
]
