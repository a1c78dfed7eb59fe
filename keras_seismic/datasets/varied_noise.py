"""Patches with noise of every kind and level, to train denoisers that are told neither."""

from collections.abc import Sequence

import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.datasets.pipeline import GeneratedExamples
from keras_seismic.noise import Noise, add_noise

#: The kinds of noise are defined by frequencies; at this interval (s) they reach 125 Hz. Patches
#: come from sections of any sampling, so it stands for none in particular.
_INTERVAL = 0.004
#: Patches weaker than this fraction of their section hold too little signal to learn from.
_WEAKEST = 0.1


class VariedNoisePatches(GeneratedExamples):
    """Pairs of noisy and clean patches, each with noise of its own kind, level and color.

    Most have white noise alone; the others noise in a frequency band, spikes, swell, hum, ground
    roll or missing traces, with white noise or alone. All of it is rougher from trace to trace
    than waves are, or has another band: what looks like signal is left alone. The ratio of signal
    to noise lies between -8 and 20 dB over the section from which the patch is cut, and up to
    40 dB for every tenth, so that clean data are learned to be left alone; some noise grows or
    fades with time. Patches are mirrored in trace, time and polarity at random. Both are divided
    by the deviation of the noisy patch.

    Args:
        sections: Clean sections ``(time, traces)``, of any units.
        patch_size: Samples and traces of a patch.
        count: Patches in an epoch; each epoch has others.
        seed: The same seed gives the same patches.

    Raises:
        ValueError: If there is no section, or one is smaller than a patch, constant or not
            finite.

    Example:
        >>> import keras_seismic as ks
        >>> patches = VariedNoisePatches(ks.simulation.sample_sections(2), 64, count=10)
        >>> noisy, clean = patches[:4]
        >>> noisy.shape, round(float(noisy[0].std()), 3)
        ((4, 64, 64, 1), 1.0)
    """

    def __init__(
        self,
        sections: Sequence[np.ndarray],
        patch_size: int = 128,
        count: int = 10_000,
        seed: int = 0,
    ) -> None:
        if not len(sections) or patch_size < 8 or count < 1:
            raise ValueError(
                "VariedNoisePatches: expected sections, patches of at least 8 samples and traces "
                f"and a positive count, received {len(sections)} sections, "
                f"patch_size={patch_size}, count={count}"
            )
        self._sections = []
        for i, section in enumerate(sections):
            section = np.asarray(section, np.float32)
            check_finite(section, f"VariedNoisePatches: section {i}")
            if section.ndim != 2 or min(section.shape) < patch_size or not section.std() > 0:
                raise ValueError(
                    f"VariedNoisePatches: section {i} must be (time, traces), at least "
                    f"{patch_size} each way and not constant, received shape {section.shape}"
                )
            self._sections.append(section / section.std())
        self.patch_size, self.count, self.seed = patch_size, count, seed
        self.shapes = ((patch_size, patch_size, 1),) * 2

    def __len__(self) -> int:
        return self.count

    def read(self, numbers: np.ndarray, epoch: int = 0) -> tuple[np.ndarray, ...]:
        """Noisy and clean patches, each float32 ``(n, size, size, 1)``.

        Args:
            numbers: Which patches, from 0.
            epoch: Determines them, too.
        """
        shape = (len(numbers), self.patch_size, self.patch_size, 1)
        noisy, clean = np.empty(shape, np.float32), np.empty(shape, np.float32)
        for k, number in enumerate(numbers):
            rng = np.random.default_rng((self.seed, epoch, int(number)))
            patch = self._patch(rng)
            with_noise = _with_noise(rng, patch)
            scale = with_noise.std()
            noisy[k, ..., 0], clean[k, ..., 0] = with_noise / scale, patch / scale
        return noisy, clean

    def _patch(self, rng: np.random.Generator) -> np.ndarray:
        """A clean patch in units of its section's deviation."""
        size = self.patch_size
        while True:
            section = self._sections[rng.integers(len(self._sections))]
            row, column = (rng.integers(n - size + 1) for n in section.shape)
            patch = section[row : row + size, column : column + size]
            if patch.std() > _WEAKEST:
                break
        steps = rng.choice([-1, 1], 2)
        return patch[:: steps[0], :: steps[1]] * np.float32(rng.choice([-1, 1]))


def _with_noise(rng: np.random.Generator, clean: np.ndarray) -> np.ndarray:
    level = rng.uniform(20, 40) if rng.random() < 0.1 else rng.uniform(-8, 20)
    level = max(level + 20 * np.log10(clean.std()), -20.0)  # of the patch
    noises, kind = [], rng.random()
    if kind < 0.6:
        noises.append(Noise("white", level))
    elif kind < 0.75:
        low = rng.uniform(0, 50)
        band = (low, rng.uniform(low + 10, 120))
        noises.append(Noise("band_limited", level, {"band": band}))
    else:
        other = rng.choice(["erratic", "swell", "hum", "linear", "missing"], p=_SHARES)
        options = {}
        if other == "erratic":
            options = {"fraction": float(np.exp(rng.uniform(np.log(0.0005), np.log(0.05))))}
        if other == "hum":
            options = {"frequency": float(rng.uniform(20, 100))}
        noises.append(
            Noise(other, rng.uniform(0.02, 0.2) if other == "missing" else level, options)
        )
    if kind >= 0.6 and rng.random() < 0.6:
        noises.append(Noise("white", level + rng.uniform(0, 12)))
    noisy = add_noise(clean, noises, dt=_INTERVAL, seed=int(rng.integers(2**31)))
    if kind < 0.75 and rng.random() < 0.25:  # grown or faded with time, as a gain makes it
        noise = noisy - clean
        grown = noise * np.exp(np.linspace(0, rng.uniform(-2, 2), len(noise)))[:, None]
        noisy = clean + grown * (noise.std() / grown.std())
    return noisy


#: Of the other noises.
_SHARES = [0.45, 0.15, 0.1, 0.15, 0.15]
