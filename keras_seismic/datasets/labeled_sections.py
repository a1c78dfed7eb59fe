"""Simulated sections with noise, and what they show, to train networks on."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.datasets.pipeline import GeneratedExamples
from keras_seismic.layers import SectionNormalization
from keras_seismic.noise import add_white_noise
from keras_seismic.simulation import LabeledSection, sample_labeled_sections

#: What can be learned, by name.
LABELS = ("fault", "salt", "impedance", "reflectivity", "family")


class LabeledSections(GeneratedExamples):
    """Pairs of a noisy section and a label of it, by the geology that made the section.

    - ``"fault"``, ``"salt"``: a mask, 1 where a fault runs or salt is, else 0.
    - ``"impedance"``, ``"reflectivity"``: half of the logarithm of impedance over that at the top,
      or its steps, in the units of the amplitudes and divided by the same as they are, as a
      denoiser's clean section is.
    - ``"family"``: which of the families the section is of, as a 1 among zeros.

    The sections are simulated once; each epoch adds new white noise, and then normalizes them as
    the served network does.

    Args:
        label: One of these.
        families: Families of ``sample_geology``, in turn; ``None`` among them, or alone by
            default, for sections of every structure, which have faults but no impedance.
        count: Number of sections.
        shape: Samples and traces.
        snr_db: Signal-to-noise ratio over a section, dB; ``None`` adds no noise.
        normalization: The network's when it is served; by default
            ``SectionNormalization("maximum")``.
        seed: The same seed gives the same sections and noise.

    Raises:
        ValueError: If the label is unknown or the families lack it, or a number is not positive.

    Example:
        >>> pairs = LabeledSections("fault", ["flatfault_a"], count=4, shape=(64, 32))
        >>> section, mask = pairs[:2]
        >>> section.shape, mask.shape, sorted(set(mask.ravel().tolist()))
        ((2, 64, 32, 1), (2, 64, 32, 1), [0.0, 1.0])
    """

    def __init__(
        self,
        label: str,
        families: Sequence[str | None] = (None,),
        count: int = 100,
        shape: tuple[int, int] = (128, 64),
        snr_db: float | None = 10.0,
        normalization: SectionNormalization | None = None,
        seed: int = 0,
    ) -> None:
        checked_choice(label, LABELS, "LabeledSections: label")
        (count,) = checked_size((count,), 1, "LabeledSections: count")
        self.families = tuple(families)
        if not self.families or (None in self.families and label not in ("fault", "family")):
            raise ValueError(
                f"LabeledSections: {label!r} needs families such as 'curvefault_a' or 'salt', "
                f"received {list(self.families)}"
            )
        self.label, self.snr_db, self.seed = label, snr_db, seed
        self.normalization = normalization or SectionNormalization("maximum")
        several = len(self.families)
        by_family = [
            sample_labeled_sections(-(-count // several), (seed, i), family, shape)
            for i, family in enumerate(self.families)
        ]
        self._sections = [by_family[i % several][i // several] for i in range(count)]
        example = (*self._sections[0].amplitude.shape, 1)
        self.shapes = (example, (several,) if label == "family" else example)

    def __len__(self) -> int:
        return len(self._sections)

    def read(self, numbers: np.ndarray, epoch: int = 0) -> tuple[np.ndarray, ...]:
        """Normalized sections ``(n, time, traces, 1)`` and their labels, float32.

        Args:
            numbers: Which sections, from 0.
            epoch: Determines the noise.
        """
        examples = [self._example(int(number), int(epoch)) for number in numbers]
        return tuple(np.stack(arrays).astype(np.float32) for arrays in zip(*examples, strict=True))

    def _example(self, number: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        section = self._sections[number]
        amplitude = section.amplitude
        if self.snr_db is not None:
            amplitude = add_white_noise(amplitude, self.snr_db, (self.seed, epoch, number))
        raw = amplitude[None, ..., None]
        normalized = keras.ops.convert_to_numpy(self.normalization(raw))[0]
        if self.label == "family":
            return normalized, np.eye(len(self.families))[number % len(self.families)]
        target = self._label_of(section)[..., None]
        if self.label in ("impedance", "reflectivity"):
            _, scale = self.normalization.statistics(raw)
            target = target / keras.ops.convert_to_numpy(scale).item()
        return normalized, target

    def _label_of(self, section: LabeledSection) -> np.ndarray:
        if self.label in ("fault", "salt"):
            mask: np.ndarray = getattr(section, self.label)
            return mask
        assert section.impedance is not None  # the families were checked
        if self.label == "impedance":
            return section.impedance
        return np.diff(section.impedance, axis=0, prepend=section.impedance[:1])
