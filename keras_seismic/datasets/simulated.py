"""Simulated pairs of shot gathers and velocity models, kept on disk in shards."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from tqdm import tqdm

from keras_seismic.checks import check_finite, checked_size
from keras_seismic.datasets.base import Pairs
from keras_seismic.datasets.store import FilePair, PairStore
from keras_seismic.file_checks import check_file, read_json
from keras_seismic.files import check_room, write_text
from keras_seismic.io.arrays import read_header, write_array
from keras_seismic.layers import TimeDecimation
from keras_seismic.progress import progress_bar
from keras_seismic.simulation import Acquisition, sample_velocity, simulate
from keras_seismic.simulation.geology import family_name

#: Increment when a change to the simulation or the files makes older shards wrong.
_FORMAT = 3
#: Pairs per shard; fewer if they are large.
_SHARD_PAIRS, _SHARD_BYTES = 50, 2**28
_PARAMETERS = "parameters.json"


@dataclasses.dataclass(frozen=True)
class SimulatedPairs(Pairs):
    """Pairs of one velocity family, simulated once and kept on disk.

    The pairs are in ``cache_dir/<family>-<digest>/``, in shards of up to 50 and with the axes
    of OpenFWI's files: gathers ``(n, shots, time, receivers)`` as recorded, velocity
    ``(n, 1, depth, width)`` in m/s. The digest covers everything that determines the data;
    ``parameters.json`` states it in plain text. Finished shards are reused, also for a larger
    ``count``, so that an interrupted simulation continues where it stopped.

    Args:
        family: Velocity family, see ``keras_seismic.simulation.sample_velocity``.
        count: Number of pairs.
        acquisition: The experiment.
        seed: A non-negative integer, or several; the same seed gives the same pairs.
        cache_dir: Where to keep them.
        shape: ``(depth, width)`` of the velocity models in cells.
        keep_every: Keep one of every so many time samples, those of ``TimeDecimation``, and these
            in half precision: an eighth of the size for 4. Batches leave that step of a
            ``GatherPreparation`` out.

    Raises:
        ValueError: If the family is unknown, the count or ``keep_every`` is not positive, or a
            source or receiver is outside the model.

    Example:
        >>> acquisition = Acquisition.surface(
        ...     width=70, dx=10.0, dt=0.001, nt=60, peak_frequency=15.0, boundary="cpml"
        ... )
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pairs = SimulatedPairs("flatvel_a", 2, acquisition, cache_dir=folder)
        ...     gathers, velocity = pairs.prepare(progress=False)[0:2]
        >>> gathers.shape, velocity.shape
        ((2, 60, 70, 5), (2, 70, 70, 1))
    """

    family: str
    count: int
    acquisition: Acquisition
    seed: int | tuple[int, ...] = 0
    cache_dir: str | os.PathLike[str] = "cache"
    shape: tuple[int, int] = (70, 70)
    keep_every: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", family_name(self.family))
        shape = checked_size(self.shape, 2, "SimulatedPairs: shape")
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "cache_dir", Path(self.cache_dir))
        if self.count < 1:
            raise ValueError(f"SimulatedPairs: count must be positive, received {self.count}")
        TimeDecimation(self.keep_every)  # raises unless it is a positive integer
        for kind in ("sources", "receivers"):
            self.acquisition.grid_indices(kind, self.shape)

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Self:
        """The pairs that are finished in a folder of simulated pairs.

        Args:
            folder: Where ``parameters.json`` is.

        Raises:
            FileNotFoundError: If there is no ``parameters.json``, or no finished shard.
            ValueError: If it does not describe simulated pairs of this version.
        """
        folder = Path(folder)
        path = folder / _PARAMETERS
        check_file(path, "file; expected a folder of simulated pairs")
        try:
            noted = read_json(path)
            seed = noted["seed"]
            pairs = cls(
                noted["family"],
                1,
                Acquisition.from_config(noted["acquisition"]),
                tuple(seed) if isinstance(seed, list) else seed,
                folder.parent,
                tuple(noted["shape"]),
                noted.get("keep_every", 1),
            )
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(
                f"{path}: expected the parameters of simulated pairs, but {error}"
            ) from error
        if noted != json.loads(json.dumps(pairs.parameters)):
            raise ValueError(
                f"{path}: describes pairs of another version (format {noted.get('format')}, "
                f"expected {_FORMAT}); simulate them again"
            )
        count = 0
        while size := pairs._finished(count // pairs.shard_size, folder):
            count += size
            if size < pairs.shard_size:
                break
        if not count:
            raise FileNotFoundError(f"{folder}: holds no finished shard of simulated pairs")
        pairs = dataclasses.replace(pairs, count=count)
        pairs.__dict__["folder"] = folder  # whatever its name is by now
        return pairs

    @property
    def gather_shape(self) -> tuple[int, int, int]:
        """``(time, receivers, shots)`` of one example, as it is kept."""
        nt, receivers, shots = self.acquisition.gather_shape
        return len(range(nt)[self._kept]), receivers, shots

    @property
    def _kept(self) -> slice:
        """Which time samples are kept."""
        return slice(TimeDecimation(self.keep_every).first, None, self.keep_every)

    @property
    def velocity_shape(self) -> tuple[int, int]:
        """``(depth, width)`` of one velocity model."""
        return self.shape

    @property
    def pair_bytes(self) -> int:
        """Bytes of one pair."""
        size = 4 if self.keep_every == 1 else 2
        return size * int(np.prod(self.gather_shape)) + 4 * int(np.prod(self.shape))

    @property
    def shard_size(self) -> int:
        """Pairs per shard."""
        return max(min(_SHARD_PAIRS, _SHARD_BYTES // self.pair_bytes), 1)

    @property
    def shards(self) -> list[range]:
        """The numbers of the pairs of each shard."""
        numbers, size = range(self.count), self.shard_size
        return [numbers[start : start + size] for start in range(0, self.count, size)]

    @property
    def parameters(self) -> dict[str, Any]:
        """What determines the data, except for the number of pairs."""
        # The last only where it matters, so that pairs of earlier versions are found.
        return {
            "format": _FORMAT,
            "family": self.family,
            "seed": self.seed,
            "shape": list(self.shape),
            "shard_size": self.shard_size,
            "acquisition": self.acquisition.get_config(),
        } | ({} if self.keep_every == 1 else {"keep_every": self.keep_every})

    @cached_property
    def folder(self) -> Path:
        """The folder of these pairs' shards."""
        text = json.dumps(self.parameters, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return Path(self.cache_dir) / f"{self.family}-{digest}"

    def __len__(self) -> int:
        return self.count

    def prepare(self, progress: bool = True, batch_size: int = 1) -> Self:
        """Simulate whatever is not on disk yet.

        Args:
            progress: Show a progress bar.
            batch_size: Models propagated together, see ``simulate``.

        Returns:
            This object.

        Raises:
            OSError: If the disk has too little room for what is missing.
            ValueError: If the acquisition cannot simulate the family.
        """
        missing = [i for i, numbers in enumerate(self.shards) if self._finished(i) < len(numbers)]
        if not missing:
            return self
        total = sum(len(self.shards[i]) for i in missing)
        check_room(self.folder, total * self.pair_bytes, f"{total} pairs")
        with progress_bar(total, f"simulating {self.family}", "pair", progress) as bar:
            for i in missing:
                self._simulate(i, bar, batch_size)
        return self

    def prepared_shard(self, shard: int) -> PairStore:
        """One shard, simulated unless it is on disk; the others may be missing.

        By one thread: who asks for single shards, as the workers of Apache Beam do, runs several
        of them at a time.

        Args:
            shard: Its number.
        """
        if self._finished(shard) < len(self.shards[shard]):
            self._simulate(shard, threads=1)
        return PairStore([FilePair(*self._files(shard))], self.keep_every > 1)

    def _simulate(
        self,
        shard: int,
        bar: "tqdm[Any] | None" = None,
        batch_size: int = 1,
        threads: int | None = None,
    ) -> None:
        numbers = self.shards[shard]
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / _PARAMETERS, json.dumps(self.parameters, indent=2) + "\n")
        velocity = sample_velocity(self.family, len(numbers), self.seed, self.shape, numbers.start)
        nt, receivers, shots = self.gather_shape
        dtype = np.float32 if self.keep_every == 1 else np.float16
        gathers = np.empty((len(numbers), shots, nt, receivers), dtype)
        step = max(10, batch_size)  # small, so that the bar moves
        for start in range(0, len(numbers), step):
            part = velocity[start : start + step]
            simulated = simulate(
                part, self.acquisition, batch_size, progress=False, threads=threads
            )
            with np.errstate(over="ignore"):  # reported as infinity
                gathers[start : start + step] = np.moveaxis(simulated[:, self._kept], -1, 1)
            check_finite(gathers[start : start + step], f"{self.folder}: gathers, {dtype.__name__}")
            if bar is not None:
                bar.update(len(part))
        gather_file, velocity_file = self._files(shard)
        write_array(velocity_file, velocity[:, None])
        # Written last, as the sign that the shard is complete.
        write_array(gather_file, gathers)

    def read(
        self, numbers: np.ndarray, shots: Sequence[int], gathers: np.ndarray | None
    ) -> np.ndarray | None:
        """See ``Pairs.read``."""
        return self._store.read(numbers, shots, gathers)

    def _files(self, shard: int, folder: Path | None = None) -> tuple[Path, Path]:
        folder = folder or self.folder
        return folder / f"gathers-{shard:05d}.npy", folder / f"velocity-{shard:05d}.npy"

    def _finished(self, shard: int, folder: Path | None = None) -> int:
        """How many pairs of a shard are on disk, by the headers of its files."""
        nt, receivers, shots = self.gather_shape
        expected = (shots, nt, receivers), (1, *self.shape)
        counts = []
        for path, shape in zip(self._files(shard, folder), expected, strict=True):
            try:
                header = read_header(path)
            except (OSError, ValueError):
                return 0
            counts.append(header.shape[0] if header.shape[1:] == shape else 0)
        return min(counts)

    @cached_property
    def _store(self) -> PairStore:
        files = [FilePair(*self._files(shard)) for shard in range(len(self.shards))]
        for pair in files:
            if not pair.gathers.exists():
                raise FileNotFoundError(f"{pair.gathers}: not simulated yet; call prepare() first")
        store = PairStore(files, self.keep_every > 1)
        if len(store) < self.count or (store.gather_shape, store.velocity_shape) != (
            self.gather_shape,
            self.velocity_shape,
        ):
            raise ValueError(
                f"{self.folder}: expected {self.count} pairs of {self.gather_shape} and "
                f"{self.velocity_shape}, found {len(store)} of {store.gather_shape} and "
                f"{store.velocity_shape}; call prepare()"
            )
        return store

    def __str__(self) -> str:
        return str(self.folder)
