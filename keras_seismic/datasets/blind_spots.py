"""Patches to learn denoising from noisy sections alone, by blind spots."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_seismic.checks import checked_choice
from keras_seismic.datasets.patches import patch_places
from keras_seismic.datasets.pipeline import GeneratedExamples
from keras_seismic.layers import SectionNormalization
from keras_seismic.noise.levels import checked_section

#: Largest distance of the neighbor whose value a masked sample takes.
_RADIUS = 2


class BlindSpotPatches(GeneratedExamples):
    """Masked patches, the patches themselves, and weights, from noisy sections alone.

    A few samples, or whole traces, are replaced by a neighbor's value, and the network has to
    guess the original. Noise that does not follow from its surroundings cannot be guessed, but
    the signal can, so the network learns it without ever seeing it clean. This suits noise that
    is independent from sample to sample (white, spikes). Noise that fills traces (hum, swell)
    can be guessed along the trace and stays; masking whole traces removes part of it.

    ``model.fit`` takes the triples as input, target and sample weights. The weights are zero
    where nothing was masked, and elsewhere such that the loss is the mean over the masked
    samples of each patch. Exact zeros in the section (dead traces, mutes) are never targets,
    so the network does not learn to output silence there.

    Args:
        sections: Noisy sections ``(time, traces)``, raw amplitudes.
        patch_size: Samples and traces of a patch, at least 3.
        count: Number of patches in all.
        normalization: The network's normalization when it is served; by default
            ``SectionNormalization("percentile")``.
        seed: Seed of the places and the masks.
        pixel_fraction: Fraction of the samples of a patch that are masked.
        trace_fraction: Fraction of the traces of a patch that are masked.
        trace_fill: What a masked trace is filled with: ``"neighbor"``, values of traces
            beside it, or ``"zero"``, to learn to fill in missing traces.
        weights: Relative number of patches from each section.

    Raises:
        ValueError: If there is no section, one is too small or dead, or a fraction or the fill
            is invalid.

    Example:
        >>> section = np.random.default_rng(0).standard_normal((64, 64))
        >>> patches = BlindSpotPatches([section], patch_size=32, count=10)
        >>> masked, target, weight = patches[:4]
        >>> masked.shape, bool((masked[weight == 0] == target[weight == 0]).all())
        ((4, 32, 32, 1), True)

    Reference:
        Krull, A., Buchholz, T.-O. and Jug, F. (2019), Noise2Void: learning denoising from
        single noisy images, CVPR, 2129-2137.
    """

    def __init__(
        self,
        sections: Sequence[np.ndarray],
        patch_size: int = 28,
        count: int = 10_000,
        normalization: SectionNormalization | None = None,
        seed: int = 0,
        pixel_fraction: float = 0.05,
        trace_fraction: float = 0.0,
        trace_fill: str = "neighbor",
        weights: Sequence[float] | None = None,
    ) -> None:
        if patch_size < 3:
            raise ValueError(
                f"BlindSpotPatches: patch_size must be 3 or more, received {patch_size}"
            )
        if not (
            0 <= pixel_fraction < 1
            and 0 <= trace_fraction < 1
            and pixel_fraction + trace_fraction > 0
        ):
            raise ValueError(
                "BlindSpotPatches: pixel_fraction and trace_fraction must be in [0, 1) and not "
                f"both 0, received {pixel_fraction} and {trace_fraction}"
            )
        checked_choice(trace_fill, ("neighbor", "zero"), "BlindSpotPatches: trace_fill")
        self.normalization = normalization or SectionNormalization("percentile")
        self.patch_size, self.seed, self.trace_fill = patch_size, seed, trace_fill
        self.pixel_fraction, self.trace_fraction = pixel_fraction, trace_fraction
        raw = [checked_section(section, "BlindSpotPatches") for section in sections]
        self._places = patch_places(raw, patch_size, count, seed, weights)
        view, size = np.lib.stride_tricks.sliding_window_view, (patch_size, patch_size)
        self._sections = [
            keras.ops.convert_to_numpy(self.normalization(x[None, ..., None]))[0, ..., 0]
            for x in raw
        ]
        self._windows = [view(section, size) for section in self._sections]
        self._live = [view(section != 0, size) for section in raw]
        self.shapes = ((patch_size, patch_size, 1),) * 3

    def __len__(self) -> int:
        return len(self._places)

    def read(self, numbers: np.ndarray, epoch: int = 0) -> tuple[np.ndarray, ...]:
        """Masked patches, patches and weights, each float32 ``(n, size, size, 1)``.

        Args:
            numbers: Which patches, from 0.
            epoch: Determines the masks.
        """
        triples = [self._triple(int(number), epoch) for number in numbers]
        return tuple(np.stack(part)[..., None] for part in zip(*triples, strict=True))

    def _triple(self, number: int, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One patch masked, the patch itself, and its weights; the mask does not depend on
        the batch size.
        """
        section, row, column = self._places[number]
        target, live = self._windows[section][row, column], self._live[section][row, column]
        rng = np.random.default_rng((self.seed, epoch, number, 1))
        pixels, traces = self._mask(rng, live)
        masked = target.copy()
        places = np.argwhere(pixels | traces)
        masked[tuple(places.T)] = _neighbors(rng, target, places, traces[0][places[:, 1]])
        if self.trace_fill == "zero":
            masked[traces] = 0
        weight = ((pixels | traces) & live).astype(np.float32)
        return masked, target, weight * (weight.size / weight.sum())

    def _mask(self, rng: np.random.Generator, live: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which samples, and which whole traces, are masked."""
        pixels, traces = np.zeros_like(live), np.zeros_like(live)
        if self.pixel_fraction:
            candidates = np.flatnonzero(live)
            count = min(max(round(self.pixel_fraction * live.size), 1), len(candidates))
            pixels.flat[rng.choice(candidates, count, replace=False)] = True
        if self.trace_fraction:
            candidates = np.flatnonzero(live.any(axis=0))
            count = min(max(round(self.trace_fraction * len(live)), 1), len(candidates))
            traces[:, rng.choice(candidates, count, replace=False)] = True
        return pixels, traces


def _neighbors(
    rng: np.random.Generator, patch: np.ndarray, places: np.ndarray, other_trace: np.ndarray
) -> np.ndarray:
    """The value of a random neighbor of each place, never of the place itself.

    Args:
        rng: Random numbers.
        patch: ``(time, traces)``.
        places: ``(n, 2)``, rows and columns.
        other_trace: Where the neighbor must lie on another trace, bool ``(n,)``.
    """
    radius = min(_RADIUS, (len(patch) - 1) // 2)
    step = rng.integers(-radius, radius + 1, places.shape)
    stuck = (step[:, 1] == 0) & (other_trace | (step[:, 0] == 0))
    step[stuck, 1] = rng.choice([-1, 1], int(stuck.sum()))
    # A step out of the patch is reversed.
    target = places + step
    target = np.where((target < 0) | (target >= len(patch)), places - step, target)
    return patch[tuple(target.T)]
