"""Pairs of shot gathers and velocity models in files as OpenFWI publishes them."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_seismic.datasets.base import Pairs
from keras_seismic.datasets.openfwi.annotation import read_annotation
from keras_seismic.datasets.openfwi.description import read_description
from keras_seismic.datasets.openfwi.layout import (
    family_of_files,
    find_pairs,
    published_splits,
    select_split,
)
from keras_seismic.datasets.store import PairStore
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.geology import family_name


class OpenFWIPairs(Pairs):
    """Shot gathers and velocity models in OpenFWI's files, read as they are needed.

    The header of every file is checked now. The data may be much larger than memory: every
    pair is read only when used.

    Args:
        source: The folder of a family (``data/data1.npy`` and ``model/model1.npy``, or
            ``seis2_1_0.npy`` and ``vel2_1_0.npy``), or an annotation file that lists pairs
            (see ``read_annotation``).
        family: The family, which determines the normalization; by default the one the folder
            is named after (``FlatVel_A``).
        split: ``"train"`` or ``"validation"``, the published splits by file numbers; all files
            by default. For folders only.
        root: For annotations, the folder that the files must be in.
        listed_root: For annotations, the beginning of the listed paths that ``root`` replaces.
        acquisition: The experiment. By default what ``write_openfwi`` recorded, or OpenFWI's if
            gathers and models have its shape.

    Raises:
        FileNotFoundError: If the source, a file or its partner is missing.
        ValueError: If a file is not float32 in C order with the expected axes and size, counts
            or shapes do not agree, the velocity is not in m/s, or an argument does not fit.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/data1.npy", np.zeros((3, 5, 100, 70), "float32"))
        ...     np.save(f"{folder}/model1.npy", np.full((3, 1, 70, 70), 2000, "float32"))
        ...     pairs = OpenFWIPairs(folder, family="flatvel_a")
        ...     gathers, velocity = pairs[1:]
        >>> gathers.shape, velocity.shape
        ((2, 100, 70, 5), (2, 70, 70, 1))

    Reference:
        Deng, C. et al. (2022), OpenFWI: large-scale multi-structural benchmark
        datasets for full waveform inversion, NeurIPS datasets and benchmarks.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        family: str | None = None,
        split: str | None = None,
        root: str | os.PathLike[str] | None = None,
        listed_root: str | os.PathLike[str] | None = None,
        acquisition: Acquisition | None = None,
    ) -> None:
        self.source = Path(source)
        family = family_name(family) if family else None
        if self.source.is_dir():
            if root is not None or listed_root is not None:
                raise ValueError(f"{source}: root is for annotation files, received a folder")
            self.files = find_pairs(self.source)
            noted_family, noted = read_description(self.source)
            family, acquisition = family or noted_family, acquisition or noted
        elif split is not None:
            raise ValueError(f"{source}: split is for folders; an annotation lists its own files")
        else:
            self.files = read_annotation(self.source, root, listed_root)
        self.family = family or family_of_files(self.files)
        if split is not None:
            self.files = select_split(self.files, split, self.family)
        self.store = PairStore(self.files)
        openfwi = Acquisition.openfwi()
        if acquisition is None and self.gather_shape == openfwi.gather_shape:
            acquisition = openfwi if self.velocity_shape in ((70, 70), None) else None
        self.acquisition = acquisition
        if acquisition is not None and acquisition.gather_shape != self.gather_shape:
            raise ValueError(
                f"{source}: its gathers are {self.gather_shape} (time, receivers, shots), but the "
                f"acquisition records {acquisition.gather_shape}"
            )

    def __len__(self) -> int:
        return len(self.store)

    @property
    def gather_shape(self) -> tuple[int, int, int]:
        """``(time, receivers, shots)`` of one example."""
        return self.store.gather_shape

    @property
    def velocity_shape(self) -> tuple[int, int] | None:
        """``(depth, width)`` of one velocity model; ``None`` for gathers alone."""
        return self.store.velocity_shape

    def read(
        self, numbers: np.ndarray, shots: Sequence[int], gathers: np.ndarray | None
    ) -> np.ndarray | None:
        """See ``Pairs.read``."""
        return self.store.read(numbers, shots, gathers)

    def _published_training(self) -> np.ndarray | None:
        splits = published_splits(self.files, self.family)
        if set(splits) != {"train", "validation"}:
            return None
        return np.repeat(np.array(splits) == "train", self.store.counts)

    def __str__(self) -> str:
        return str(self.source)
