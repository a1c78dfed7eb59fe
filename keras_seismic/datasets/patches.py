"""Patches of sections, clean and noisy, to train denoisers on."""

import threading
from collections.abc import Sequence

import keras
import numpy as np

from keras_seismic.datasets.pipeline import GeneratedExamples
from keras_seismic.layers import SectionNormalization
from keras_seismic.noise import NoiseLike, add_noise, as_noises, check_noise, noise_level

#: Fraction of a patch's samples that must be nonzero, so that dead traces teach nothing.
_LIVE_FRACTION = 0.5


def normalize_section(section: np.ndarray, percentile: float = 99.0) -> np.ndarray:
    """Clip to plus and minus a percentile of the nonzero amplitudes and divide by it.

    Prepares clean data before noise is added, in training and in scoring.

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
        ValueError: If the section is smaller than a patch, or no part of it is live enough.
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
        weights: Relative number of patches from each section; by default all give the same
            number.

    Returns:
        Integers ``(count, 3)``: section, and row and column of the upper left corner.

    Raises:
        ValueError: If there is no section, a section is too small, nowhere live enough or
            gives no patch, or the weights are not one positive number per section.
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


class NoisyPatches(GeneratedExamples):
    """Pairs of noisy and clean patches from one or several sections.

    Every section is clipped and scaled (``normalize_section``), and gives the same number of
    patches unless weighted. In every epoch, the whole section gets new noise and is then
    normalized as for the served network; the patches are cut from the result. So training
    sees what serving sees, with one noise level over a section, as in real data.

    Args:
        sections: Clean sections ``(time, traces)``, raw amplitudes.
        patch_size: Samples and traces of a patch.
        count: Number of patches in all.
        snr_db: Signal-to-noise ratio over a section, dB.
        normalization: The network's normalization when it is served; by default
            ``SectionNormalization("percentile")``.
        seed: Seed of the places and the noise.
        noise: Noise to add, as for ``add_noise``: a kind by name, or several.
        dt: Sample interval, s, of all sections, or one for each; needed by noise defined by
            frequencies.
        weights: Relative number of patches from each section.

    Raises:
        ValueError: If there is no section, one is too small, dead or constant, or the noise
            does not fit.

    Example:
        >>> section = np.sin(np.arange(4096, dtype="float32")).reshape(64, 64)
        >>> patches = NoisyPatches([section], patch_size=28, count=10)
        >>> noisy, clean = patches[:4]
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
        self.shapes = ((patch_size, patch_size, 1),) * 2
        self._lock = threading.Lock()
        self._noisy: tuple[int, list[tuple[np.ndarray, np.ndarray]]] | None = None

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

    def read(self, numbers: np.ndarray, epoch: int = 0) -> tuple[np.ndarray, ...]:
        """Noisy and clean patches, each float32 ``(n, size, size, 1)``.

        Args:
            numbers: Which patches, from 0.
            epoch: Determines the noise.
        """
        with self._lock:
            if self._noisy is None or self._noisy[0] != epoch:
                self._noisy = epoch, self._noisy_sections(epoch)
            pairs = self._noisy[1]
        shape = (len(numbers), self.patch_size, self.patch_size, 1)
        noisy, clean = np.empty(shape, np.float32), np.empty(shape, np.float32)
        for k, (section, row, column) in enumerate(self._places[numbers]):
            noisy[k, ..., 0] = pairs[section][0][row, column]
            clean[k, ..., 0] = pairs[section][1][row, column]
        return noisy, clean
