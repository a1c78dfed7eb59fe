"""Patches of sections, clean and noisy, to train denoisers on."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_seismic.datasets.exiting import guarded
from keras_seismic.datasets.order import BatchOrder
from keras_seismic.layers import SectionNormalization
from keras_seismic.noise import NoiseLike, add_noise, as_noises, check_noise, noise_level

if TYPE_CHECKING:
    import tensorflow as tf

#: Fraction of the samples of a patch that must not be zero, so that dead traces teach nothing.
_LIVE_FRACTION = 0.5


def normalize_section(section: np.ndarray, percentile: float = 99.0) -> np.ndarray:
    """Clip to plus and minus a percentile of the nonzero amplitudes and divide by it.

    What clean data goes through before noise is added, in training and in scoring.

    Args:
        section: ``(time, traces)``, raw amplitudes.
        percentile: Percentile of the absolute amplitudes that are not zero; 100 clips
            nothing.

    Returns:
        float32 ``(time, traces)`` in [-1, 1].
    """
    layer = SectionNormalization("percentile", percentile)
    return keras.ops.convert_to_numpy(layer(section[None, ..., None]))[0, ..., 0]


def patch_positions(
    section: np.ndarray, patch_size: int, count: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Random places of square patches in a section, away from its dead parts.

    Args:
        section: ``(time, traces)``.
        patch_size: Samples and traces of a patch.
        count: Number of patches; places can repeat.
        seed: The same seed gives the same places.

    Returns:
        Row and column of the upper left corner of each patch.

    Raises:
        ValueError: If the section is smaller than a patch, or nowhere live enough.
    """
    if min(section.shape) < patch_size:
        raise ValueError(
            f"patch_positions: a section of {section.shape[0]} x {section.shape[1]} is smaller "
            f"than a patch of {patch_size} x {patch_size}"
        )
    # Live samples of every window from a running sum, not window by window.
    total = np.pad(np.cumsum(np.cumsum(section != 0, axis=0), axis=1), ((1, 0), (1, 0)))
    n = patch_size
    live = total[n:, n:] - total[:-n, n:] - total[n:, :-n] + total[:-n, :-n]
    candidates = np.flatnonzero(live >= _LIVE_FRACTION * n * n)
    if not candidates.size:
        raise ValueError(
            f"patch_positions: no {n} x {n} patch of this section is at least "
            f"{_LIVE_FRACTION:.0%} live (not zero)"
        )
    chosen = np.random.default_rng(seed).choice(candidates, count)
    rows, columns = np.unravel_index(chosen, live.shape)
    return rows, columns


def patch_places(
    sections: Sequence[np.ndarray],
    patch_size: int,
    count: int,
    seed: int = 0,
    weights: Sequence[float] | None = None,
) -> np.ndarray:
    """Random places of patches in several sections.

    Args:
        sections: ``(time, traces)`` each.
        patch_size: Samples and traces of a patch.
        count: Number of patches in all.
        seed: The same seed gives the same places.
        weights: How many patches a section gives, relative to the others; by default all
            give the same number.

    Returns:
        Integers ``(count, 3)``: section, and row and column of the upper left corner.

    Raises:
        ValueError: If there is no section, a section is too small, nowhere live enough or
            gives no patch, or the weights are not one positive number a section.
    """
    if not len(sections):
        raise ValueError("patch_places: at least one section is needed, received none")
    if patch_size < 1 or count < len(sections):
        raise ValueError(
            f"patch_places: patch_size must be positive and count at least {len(sections)}, "
            f"one a section, received patch_size={patch_size}, count={count}"
        )
    ends = np.linspace(0, count, len(sections) + 1)
    if weights is not None:
        if len(weights) != len(sections) or not all(0 < w < np.inf for w in weights):
            raise ValueError(
                f"patch_places: expected {len(sections)} positive weights, one a section, "
                f"received {list(weights)}"
            )
        ends = count * np.concatenate([[0], np.cumsum(weights) / np.sum(weights)])
        ends[-1] = count
    fractions = np.diff(ends.astype(int))
    if not fractions.all():
        raise ValueError(
            f"patch_places: of {count} patches section {int(fractions.argmin())} gets none; choose "
            "more patches or other weights"
        )
    places = []
    for i, (section, fraction) in enumerate(zip(sections, fractions, strict=True)):
        rows, columns = patch_positions(section, patch_size, fraction, seed=seed + i)
        places.append(np.stack([np.full(fraction, i), rows, columns], axis=1))
    return np.concatenate(places)


class NoisyPatches:
    """Pairs of noisy and clean patches from one or several sections.

    Every section is clipped and scaled (``normalize_section``), and gives the same number of
    patches unless weighted. In every epoch the whole section gets new noise and is then
    normalized as the served network will do it; the patches are cut from that. So training
    sees what serving sees, at one noise level over a section, as on real data.

    Args:
        sections: Clean sections ``(time, traces)``, raw amplitudes.
        patch_size: Samples and traces of a patch.
        count: Number of patches in all.
        snr_db: Signal-to-noise ratio over a section, dB.
        normalization: What the network will be served behind; by default
            ``SectionNormalization("percentile")``.
        seed: Decides the places and the noise.
        noise: What is added, as of ``add_noise``: a kind by name, or several.
        dt: Sample interval, s, of all sections, or one for each; needed by noise with
            frequencies.
        weights: How many patches a section gives, relative to the others.

    Raises:
        ValueError: If there is no section, one is too small, dead or constant, or the noise
            does not fit.

    Example:
        >>> section = np.sin(np.arange(4096, dtype="float32")).reshape(64, 64)
        >>> patches = NoisyPatches([section], patch_size=28, count=10)
        >>> noisy, clean = next(patches.batches(batch_size=4))
        >>> noisy.shape, clean.shape
        ((4, 28, 28, 1), (4, 28, 28, 1))
    """

    def __init__(
        self,
        sections: Sequence[np.ndarray],
        patch_size: int = 28,
        count: int = 10_000,
        snr_db: float = 0.0,
        normalization: SectionNormalization | None = None,
        seed: int = 0,
        noise: NoiseLike = "white",
        dt: float | Sequence[float | None] | None = None,
        weights: Sequence[float] | None = None,
    ) -> None:
        self.noise = as_noises(noise)
        self.normalization = normalization or SectionNormalization("percentile")
        self.patch_size, self.snr_db, self.seed = patch_size, float(snr_db), seed
        self._sections = [normalize_section(section) for section in sections]
        self._places = patch_places(self._sections, patch_size, count, seed, weights)
        self._dt = list(dt) if isinstance(dt, Sequence | np.ndarray) else [dt] * len(sections)
        if len(self._dt) != len(sections):
            raise ValueError(
                f"NoisyPatches: expected one dt or {len(sections)}, one a section, received "
                f"{len(self._dt)}"
            )
        for section in self._sections:
            noise_level(section, self.snr_db)  # raises for a constant section
        for interval in set(self._dt):
            check_noise(self.noise, interval)

    def __len__(self) -> int:
        return len(self._places)

    def _noisy_sections(self, epoch: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Windows of every section, noisy and clean, both as the network sees them."""
        size = (self.patch_size, self.patch_size)
        pairs = []
        for i, clean in enumerate(self._sections):
            seed = (self.seed, epoch, i)
            noisy = add_noise(clean, self.noise, self.snr_db, self._dt[i], seed)[None, ..., None]
            offset, scale = (
                keras.ops.convert_to_numpy(s).item() for s in self.normalization.statistics(noisy)
            )
            normalized = keras.ops.convert_to_numpy(self.normalization(noisy))[0, ..., 0]
            target = (clean - np.float32(offset)) / np.float32(scale)
            view = np.lib.stride_tricks.sliding_window_view
            pairs.append((view(normalized, size), view(target, size)))
        return pairs

    def batches(
        self, batch_size: int = 64, epoch: int = 0, shuffle: bool = False, first: int = 0
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The noisy and clean patches of one epoch, ``(batch, size, size, 1)`` float32.

        Args:
            batch_size: Patches a batch; the last one may be smaller.
            epoch: Decides the noise, and the order if shuffled.
            shuffle: Mix the patches of all sections.
            first: Number of the batch to begin with.
        """
        pairs = self._noisy_sections(epoch)
        order = np.arange(len(self))
        if shuffle:
            order = np.random.default_rng((self.seed, epoch)).permutation(order)
        for start in range(first * batch_size, len(order), batch_size):
            places = self._places[order[start : start + batch_size]]
            noisy, clean = (
                np.stack([pairs[i][side][row, column] for i, row, column in places])[..., None]
                for side in (0, 1)
            )
            yield noisy, clean

    def dataset(
        self, batch_size: int = 64, shuffle: bool = True, start: tuple[int, int] = (0, 0)
    ) -> "tf.data.Dataset":
        """The patches as a ``tf.data.Dataset`` of batches.

        Args:
            batch_size: Patches a batch.
            shuffle: New noise and another order in every epoch; without it every epoch is
                the first, for validation.
            start: ``(epoch, batch)`` to begin with, to go on with an interrupted training; the
                first iteration is the rest of that epoch.

        Raises:
            ValueError: If there is no such batch.
        """
        return batch_dataset(
            self.batches, len(self), self.patch_size, 2, batch_size, shuffle, start
        )


def batch_dataset(
    batches: Callable[[int, int, bool, int], Iterator[tuple[np.ndarray, ...]]],
    count: int,
    patch_size: int,
    parts: int,
    batch_size: int,
    shuffle: bool,
    start: tuple[int, int] = (0, 0),
) -> "tf.data.Dataset":
    """Batches of patches as a ``tf.data.Dataset``.

    Args:
        batches: ``batches(batch_size, epoch, shuffle, first)``, an epoch from a batch on.
        count: Patches an epoch.
        patch_size: Samples and traces of a patch.
        parts: Arrays in a batch, ``(batch, patch_size, patch_size, 1)`` float32 each.
        batch_size: Patches a batch.
        shuffle: Another epoch at every pass; without it always the first.
        start: Epoch and batch to begin with.

    Raises:
        ValueError: If there is no batch to begin with.
    """
    import tensorflow as tf

    order = BatchOrder(np.arange(count), batch_size)
    order.check_start(start)
    epochs = itertools.count(start[0])

    def one_epoch() -> Iterator[tuple[np.ndarray, ...]]:
        # The epoch is counted with its first batch: Keras makes iterators it never uses.
        epoch = next(epochs)
        first = start[1] if epoch == start[0] else 0
        made = batches(batch_size, epoch if shuffle else 0, shuffle, first)
        following = guarded(next)
        while (batch := following(made, None)) is not None:
            yield batch

    spec = tf.TensorSpec((None, patch_size, patch_size, 1), tf.float32)
    dataset = tf.data.Dataset.from_generator(one_epoch, output_signature=(spec,) * parts)
    if not start[1]:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(order)))
    return dataset.prefetch(tf.data.AUTOTUNE)
