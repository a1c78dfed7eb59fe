"""Pairs of shot gathers and velocity models in files as OpenFWI publishes them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_seismic.datasets.openfwi.annotation import read_annotation
from keras_seismic.datasets.openfwi.augmentation import GatherAugmentation
from keras_seismic.datasets.openfwi.batches import Batches
from keras_seismic.datasets.openfwi.description import read_description
from keras_seismic.datasets.openfwi.layout import (
    family_of_files,
    find_pairs,
    published_splits,
    select_split,
)
from keras_seismic.datasets.openfwi.pipeline import build_dataset
from keras_seismic.datasets.openfwi.sequence import OpenFWISequence
from keras_seismic.datasets.openfwi.store import PairStore
from keras_seismic.datasets.order import BatchOrder, split_numbers
from keras_seismic.layers import GatherNormalization, VelocityScaling
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.geology import family_name

if TYPE_CHECKING:
    import tensorflow as tf


class OpenFWIPairs:
    """Shot gathers and velocity models in OpenFWI's files, read as they are needed.

    The header of every file is checked now; the data, which may be larger than memory by any
    factor, is read row by row while it is used, with few files open at a time.

    Args:
        source: The folder of a family (``data/data1.npy`` and ``model/model1.npy``, or
            ``seis2_1_0.npy`` and ``vel2_1_0.npy``), or an annotation file that lists pairs
            (see ``read_annotation``).
        family: The family, which decides the normalization. By default what the folder's name
            says (``FlatVel_A``).
        split: ``"train"`` or ``"validation"``, the published splits by file numbers; all files
            by default. For folders only.
        root: For annotations, the folder that the files must be in.
        listed_root: For annotations, the beginning of the listed paths that ``root`` replaces.
        acquisition: The experiment. By default what ``write_openfwi`` noted, or OpenFWI's if
            gathers and models have its shape.
        max_open_files: Files kept open at the same time.

    Raises:
        FileNotFoundError: If the source, a file or its partner is missing.
        ValueError: If a file is not float32 in C order with the axes and the size it should
            have, counts or shapes do not agree, the velocity is not in m/s, or an argument
            does not fit.

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
        source: str | os.PathLike,
        family: str | None = None,
        split: str | None = None,
        root: str | os.PathLike | None = None,
        listed_root: str | os.PathLike | None = None,
        acquisition: Acquisition | None = None,
        max_open_files: int = 64,
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
        self.store = PairStore(self.files, max_open_files)
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
        """``(depth, width)`` of the velocity models; ``None`` for gathers alone."""
        return self.store.velocity_shape

    @property
    def input_normalization(self) -> GatherNormalization:
        """The published normalization of the family.

        Raises:
            ValueError: If the family is not known.
        """
        if self.family is None:
            raise ValueError(
                f"{self.source}: the normalization needs the family, which the folder's name does "
                "not tell; pass family='flatvel_a' or the like, or a normalization of your own"
            )
        return GatherNormalization.openfwi(self.family)

    def __getitem__(
        self, index: slice | Sequence[int] | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Raw gathers and velocity of several pairs.

        Args:
            index: A slice, or pair numbers.

        Returns:
            Gathers ``(n, time, receivers, shots)`` and velocity ``(n, depth, width, 1)`` in m/s,
            float32; for gathers alone the velocity is empty, ``(n, 0, 0, 1)``.
        """
        numbers = self._numbers(index)
        nt, receivers, shots = self.gather_shape
        raw = np.empty((len(numbers), shots, nt, receivers), np.float32)
        self.store.gathers(numbers, range(shots), raw)
        gathers = np.ascontiguousarray(np.moveaxis(raw, 1, -1))
        shape = (len(numbers), *(self.velocity_shape or (0, 0)), 1)
        return gathers, self.store.velocity(numbers).reshape(shape)

    def _numbers(self, index: slice | Sequence[int] | np.ndarray) -> np.ndarray:
        numbers = np.arange(len(self))[index]
        if numbers.ndim != 1:
            raise TypeError(f"OpenFWIPairs: index by a slice or pair numbers, received {index}")
        return numbers

    def held_out(self, fraction: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of pairs to train on and of pairs held out.

        Held out is the published validation split, if the files' names belong to it and to the
        training split; else a fraction of the pairs, drawn from all files.

        Args:
            fraction: Fraction of the pairs that is held out where there is no published split; at
                least one is, and one is not.
            seed: Decides which, and the order.

        Returns:
            Two arrays of pair numbers for ``part`` of ``dataset``, each in random order, so that
            the beginning of either is a fair sample of it.

        Raises:
            ValueError: If the fraction is not between 0 and 1 or there is one pair only.
        """
        learning, scoring = split_numbers(len(self), fraction, seed)
        splits = published_splits(self.files, self.family)
        if set(splits) == {"train", "validation"}:
            order = np.concatenate([scoring, learning])
            training = np.repeat(np.array(splits) == "train", self.store.counts)[order]
            return order[training], order[~training]
        return learning, scoring

    def mean_velocity(self, part: slice | Sequence[int] | np.ndarray = slice(None)) -> np.ndarray:
        """Mean velocity model, ``(depth, width, 1)`` in m/s: the prediction to beat."""
        if self.velocity_shape is None:
            raise ValueError(f"{self.source}: lists gathers alone, there is no velocity")
        numbers, total = self._numbers(part), np.zeros(self.velocity_shape)
        for start in range(0, len(numbers), 500):
            velocity = self.store.velocity(numbers[start : start + 500])
            total += velocity.sum(axis=0, dtype=np.float64)
        return (total / len(numbers))[..., None].astype(np.float32)

    def dataset(
        self,
        input_normalization: keras.layers.Layer | None = None,
        output_scaling: VelocityScaling | None = None,
        batch_size: int = 16,
        shuffle: bool = True,
        seed: int | Sequence[int] = 0,
        part: slice | Sequence[int] | np.ndarray = slice(None),
        *,
        sample_ratio: int = 1,
        shots: Sequence[int] | None = None,
        augmentation: GatherAugmentation | None = None,
        shard: tuple[int, int] = (0, 1),
        drop_remainder: bool = False,
        start: tuple[int, int] = (0, 0),
        parallel: int | None = None,
    ) -> "tf.data.Dataset":
        """Normalized batches as a ``tf.data.Dataset``.

        Each iteration over it is an epoch, in another order: a permutation of all pairs of all
        files that depends on the seed and the epoch's number alone. To go on where a training
        stopped, pass ``start``; the first iteration is then the rest of that epoch. With Keras,
        whose epochs are all of one length, repeat it:
        ``fit(pairs.dataset(start=(3, 17)).repeat(), steps_per_epoch=..., initial_epoch=3)``.

        Args:
            input_normalization: Applied to the gathers; by default the family's
                ``GatherNormalization``.
            output_scaling: Its inverse is applied to the velocity; by default 1500-4500 m/s.
            batch_size: Pairs a batch; the last one may be smaller.
            shuffle: Another order in every epoch.
            seed: A number or several; decides order and augmentation.
            part: Which of the pairs, a slice or numbers; all by default.
            sample_ratio: Keep every so manieth time sample, from the first on.
            shots: Numbers of the shots to use; all by default.
            augmentation: Random changes of the gathers.
            shard: ``(index, count)``: of so many workers this one takes every ``count``-th pair
                of ``part``, the same ones in every epoch.
            drop_remainder: Leave out the last, smaller batch; all workers then have the same
                number of batches, which synchronous training needs.
            start: ``(epoch, batch)`` to begin with.
            parallel: Batches read at the same time; by default 8, and fewer large ones.

        Returns:
            Batches of gathers ``(batch, time, receivers, shots)`` and velocity
            ``(batch, depth, width, 1)``; of gathers alone where there is no velocity.

        Raises:
            ValueError: If an argument is out of its range, the family is needed and not known,
                or the augmentation flips shots that are not symmetric.
        """
        batches = self._batches(
            input_normalization, output_scaling, batch_size, shuffle, seed, part,
            sample_ratio, shots, augmentation, shard, drop_remainder, start,
        )  # fmt: skip
        return build_dataset(batches, parallel)

    def sequence(self, *arguments: Any, ahead: int = 2, **options: Any) -> OpenFWISequence:
        """The batches of ``dataset`` as a ``keras.utils.PyDataset``, without TensorFlow.

        Values and order are those of ``dataset``, on whatever Keras backend is in use.

        Args:
            *arguments: As for ``dataset``, and so are ``options``, without ``parallel``.
            ahead: Batches made in advance, in threads.
            **options: See there.
        """
        return OpenFWISequence(self._batches(*arguments, **options), ahead)

    def _batches(
        self,
        input_normalization: keras.layers.Layer | None = None,
        output_scaling: VelocityScaling | None = None,
        batch_size: int = 16,
        shuffle: bool = True,
        seed: int | Sequence[int] = 0,
        part: slice | Sequence[int] | np.ndarray = slice(None),
        sample_ratio: int = 1,
        shots: Sequence[int] | None = None,
        augmentation: GatherAugmentation | None = None,
        shard: tuple[int, int] = (0, 1),
        drop_remainder: bool = False,
        start: tuple[int, int] = (0, 0),
    ) -> Batches:
        order = BatchOrder(self._numbers(part), batch_size, shuffle, seed, shard, drop_remainder)
        if input_normalization is None:
            input_normalization = self.input_normalization
        return Batches(
            self,
            order,
            input_normalization,
            output_scaling or VelocityScaling(1500.0, 4500.0),
            sample_ratio,
            tuple(range(self.gather_shape[2])) if shots is None else tuple(shots),
            augmentation,
            start,
        )
