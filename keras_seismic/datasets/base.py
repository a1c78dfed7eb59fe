"""Pairs of shot gathers and velocity models: what all kinds have in common."""

import abc
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import keras
import numpy as np

from keras_seismic.datasets.augmentation import GatherAugmentation
from keras_seismic.datasets.order import split_numbers
from keras_seismic.datasets.pair_batches import PairBatches
from keras_seismic.datasets.pipeline import BatchSequence, as_dataset, numbers_at
from keras_seismic.layers import OPENFWI_RANGES, GatherNormalization, VelocityScaling
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.geology import openfwi_family

if TYPE_CHECKING:
    import tensorflow as tf

#: Velocity models in memory at a time.
_MODELS = 500


class Pairs(abc.ABC):
    """Shot gathers and the velocity models they come from, read as they are needed.

    The base of ``SimulatedPairs``, ``MixedPairs``, ``OpenFWIPairs``, ``FCNVMBPairs`` and
    ``TFDSPairs``. A subclass states what it holds (``gather_shape``, ``velocity_shape``,
    ``acquisition``, ``family`` and a length) and reads it (``read``); everything else is here.
    """

    #: The experiment, if it is known.
    acquisition: Acquisition | None
    #: The velocity family, which determines the normalization, if it is known.
    family: str | None
    #: How many recorded time samples there are for each one kept, see ``SimulatedPairs``.
    keep_every: int = 1

    @property
    @abc.abstractmethod
    def gather_shape(self) -> tuple[int, int, int]:
        """``(time, receivers, shots)`` of one example."""

    @property
    @abc.abstractmethod
    def velocity_shape(self) -> tuple[int, int] | None:
        """``(depth, width)`` of one velocity model; ``None`` for gathers alone."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def read(
        self, numbers: np.ndarray, shots: Sequence[int], gathers: np.ndarray | None
    ) -> np.ndarray | None:
        """Read several pairs as they are; called from several threads.

        Args:
            numbers: Numbers of the pairs.
            shots: Numbers of the shots to read.
            gathers: Filled with the gathers, C-contiguous float32
                ``(pairs, shots, time, receivers)``; ``None`` to read the velocity only.

        Returns:
            Velocity ``(pairs, depth, width)`` in m/s, float32; ``None`` if there is none.

        Raises:
            ValueError: If what is read is damaged or not finite.
        """

    def prepare(self, progress: bool = True) -> Self:
        """Make what is missing; there is nothing to do unless the pairs are simulated.

        Args:
            progress: Show a progress bar.

        Returns:
            This object.
        """
        del progress
        return self

    @property
    def input_normalization(self) -> GatherNormalization:
        """The published normalization of the OpenFWI family that the family follows.

        Families that follow none, such as ``salt``, have the widest of the published ranges.

        Raises:
            ValueError: If the family is not known.
        """
        if self.family is None:
            raise ValueError(
                f"{self}: the family, which decides the normalization, is not known; pass "
                "family='flatvel_a' (or another), or an input_normalization"
            )
        published = openfwi_family(self.family)
        if published:
            return GatherNormalization.openfwi(published)
        lowest, highest = zip(*OPENFWI_RANGES.values(), strict=True)
        return GatherNormalization(min(lowest), max(highest))

    def __getitem__(
        self, index: slice | Sequence[int] | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Raw gathers and velocity of several pairs.

        Args:
            index: A slice or several numbers.

        Returns:
            Gathers ``(n, time, receivers, shots)`` and velocity ``(n, depth, width, 1)`` in
            m/s, float32; the velocity is empty if there is none.

        Raises:
            ValueError: If what is read is damaged or not finite.
        """
        numbers = numbers_at(len(self), index, type(self).__name__)
        nt, receivers, shots = self.gather_shape
        gathers = np.empty((len(numbers), shots, nt, receivers), np.float32)
        velocity = self.read(numbers, range(shots), gathers)
        if velocity is None:
            velocity = np.empty((len(numbers), 0, 0), np.float32)
        return np.ascontiguousarray(np.moveaxis(gathers, 1, -1)), velocity[..., None]

    def held_out(self, fraction: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of pairs to train on and of pairs held out.

        If the pairs come with a published split, everything but its training part is held out;
        otherwise a fraction of the pairs is, drawn from all of them.

        Args:
            fraction: Fraction of the pairs to hold out if there is no published split; each
                part gets at least one pair.
            seed: Seed of the choice and the order.

        Returns:
            Two arrays of numbers for ``part`` of ``dataset``, each in random order, so that the
            beginning of either is a random sample of it.

        Raises:
            ValueError: If the fraction is not between 0 and 1 or there is only one pair.
        """
        learning, scoring = split_numbers(len(self), fraction, seed)
        training = self._published_training()
        if training is None or training.all() or not training.any():
            return learning, scoring
        order = np.concatenate([scoring, learning])
        return order[training[order]], order[~training[order]]

    def _published_training(self) -> np.ndarray | None:
        """Which pairs belong to the published training split, if there is one."""
        return None

    def mean_velocity(self, part: slice | Sequence[int] | np.ndarray = slice(None)) -> np.ndarray:
        """Mean velocity model, ``(depth, width, 1)`` in m/s: the prediction to beat.

        Args:
            part: Which of the pairs, a slice or numbers.

        Raises:
            ValueError: If there is no velocity, or no pair.
        """
        numbers = numbers_at(len(self), part, type(self).__name__)
        if self.velocity_shape is None or not len(numbers):
            raise ValueError(
                f"mean_velocity: {self}: there is no velocity"
                + ("" if len(numbers) else f", because part={part} chooses no pair")
            )
        total = np.zeros(self.velocity_shape)
        for start in range(0, len(numbers), _MODELS):
            velocity = self.read(numbers[start : start + _MODELS], (), None)
            assert velocity is not None
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

        Each iteration over it is an epoch in a new order: a permutation of all pairs that
        depends only on the seed and the number of the epoch. To continue where training
        stopped, pass ``start``; the first iteration is then the rest of that epoch. With Keras,
        whose epochs all have the same length, repeat it:
        ``fit(pairs.dataset(start=(3, 17)).repeat(), steps_per_epoch=..., initial_epoch=3)``.

        Args:
            input_normalization: Applied to the gathers; by default the ``GatherNormalization``
                of the family. Of a ``GatherPreparation``, a decimation that the pairs have
                already been through is left out.
            output_scaling: Its inverse is applied to the velocity; by default 1500-4500 m/s.
            batch_size: Pairs per batch, of all workers together; the last one may be smaller.
            shuffle: Use a new order in every epoch.
            seed: One number or several, for the order and the augmentation.
            part: Which of the pairs, a slice or numbers; all by default.
            sample_ratio: Keep every ``sample_ratio``-th time sample, starting with the first.
            shots: Numbers of the shots to use; all by default.
            augmentation: Random changes of the gathers.
            shard: ``(index, count)``: of ``count`` workers, this one takes the ``index``-th part
                of every batch, so that together they have the batches of one worker.
            drop_remainder: Leave out a smaller last batch; all workers then have the same
                number of batches, which synchronous training needs.
            start: ``(epoch, batch)`` to begin with.
            parallel: Batches read at the same time; by default 8, or fewer if they are large.

        Returns:
            Batches of gathers ``(batch, time, receivers, shots)`` and velocity
            ``(batch, depth, width, 1)``; of gathers alone where there is no velocity.

        Raises:
            FileNotFoundError: If the pairs are still to be simulated.
            RuntimeError: If Keras does not run on TensorFlow.
            ValueError: If an argument is out of range, the family is needed but not known,
                or the augmentation flips shots that are not symmetric.
        """
        batches = PairBatches(
            self, input_normalization, output_scaling, batch_size, shuffle, seed, part,
            sample_ratio, shots, augmentation, shard, drop_remainder, start,
        )  # fmt: skip
        return as_dataset(batches, parallel)

    def pydataset(
        self, *arguments: Any, parallel: int | None = None, **options: Any
    ) -> BatchSequence:
        """The batches of ``dataset`` on any Keras backend, without TensorFlow.

        Values and order are those of ``dataset``. Pass ``shuffle=False`` to ``fit``.

        Args:
            *arguments: As for ``dataset``.
            parallel: Batches made in advance, by default 2.
            **options: As for ``dataset``.

        Returns:
            A ``keras.utils.PyDataset`` of NumPy arrays.
        """
        given = inspect.signature(self.dataset).bind(*arguments, parallel=parallel, **options)
        given.apply_defaults()
        del given.arguments["parallel"]
        return BatchSequence(PairBatches(self, **given.arguments), parallel)

    def __str__(self) -> str:
        return type(self).__name__
