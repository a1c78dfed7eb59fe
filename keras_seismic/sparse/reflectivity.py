"""Simulated reflectivity, to score sparse solvers on and to train learned ones."""

from collections.abc import Sequence

import numpy as np
from keras import ops

from keras_seismic.datasets import GeneratedExamples
from keras_seismic.io.sections import Section
from keras_seismic.noise import add_white_noise
from keras_seismic.simulation import ricker
from keras_seismic.sparse.convolution import WaveletConvolution


def sample_reflectivity(
    traces: int, samples: int, density: float = 0.05, seed: int | Sequence[int] = 0
) -> np.ndarray:
    """Random sparse traces: each sample is a reflector with some chance, its strength normal.

    Args:
        traces: Number of traces.
        samples: Samples per trace.
        density: Chance of a reflector at a sample.
        seed: The same seed (a number or several) gives the same traces.

    Returns:
        float32 ``(traces, samples)``.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> reflectivity = sample_reflectivity(100, 200, density=0.1)
        >>> round(float((reflectivity != 0).mean()), 2)
        0.1

    Reference:
        Kormylo, J. and Mendel, J. (1982), Maximum likelihood detection and estimation of
        Bernoulli-Gaussian processes, IEEE Transactions on Information Theory 28, 482-488.
    """
    if traces < 1 or samples < 1 or not 0 < density <= 1:
        raise ValueError(
            "sample_reflectivity: traces and samples must be positive and density in (0, 1], "
            f"received traces={traces}, samples={samples}, density={density}"
        )
    random = np.random.default_rng(seed)
    strength = random.standard_normal((traces, samples), np.float32)
    return strength * (random.random((traces, samples)) < density)


def simulated_section(
    seed: int = 0, traces: int = 100, samples: int = 500, dt: float = 0.004, snr_db: float = 10.0
) -> Section:
    """A section for experiments: random reflectivity, a 25 Hz Ricker wavelet, white noise.

    Args:
        seed: Seed of reflectivity and noise.
        traces: Number of traces.
        samples: Samples per trace.
        dt: Sample interval, s.
        snr_db: Signal-to-noise ratio, dB.
    """
    operator = WaveletConvolution(np.trim_zeros(ricker(25.0, dt, samples)), samples)
    reflectivity = sample_reflectivity(traces, samples, seed=seed)
    clean = ops.convert_to_numpy(operator.forward(reflectivity))
    return Section(np.ascontiguousarray(add_white_noise(clean, snr_db, (seed, 1)).T), dt)


class ReflectivityPairs(GeneratedExamples):
    """Noisy sections and their reflectivity, simulated on demand.

    Each example is a section of its own, divided by its largest amplitude, which is what
    ``SectionNormalization`` does to a real one; its reflectivity is divided by the same. All
    epochs have the same sections.

    Args:
        operator: Reflectivity to traces; also determines the number of samples.
        count: Number of sections.
        traces: Traces of a section.
        density: Chance of a reflector at a sample.
        snr_db: Signal-to-noise ratio of a section, dB.
        seed: The same seed gives the same sections.

    Raises:
        ValueError: If the operator leaves the number of samples open.

    Example:
        >>> pairs = ReflectivityPairs(WaveletConvolution([-0.5, 1.0, -0.5], 64), count=32)
        >>> section, reflectivity = pairs[:16]
        >>> section.shape, float(abs(section[0]).max())
        ((16, 64, 8, 1), 1.0)
    """

    def __init__(
        self,
        operator: WaveletConvolution,
        count: int,
        traces: int = 8,
        density: float = 0.05,
        snr_db: float = 20.0,
        seed: int = 0,
    ) -> None:
        (samples,) = operator.model_shape
        if samples is None:
            raise ValueError(
                "ReflectivityPairs: the operator must know the length of a trace; make it with "
                "samples="
            )
        self.operator, self.samples, self.count = operator, samples, count
        self.traces, self.density, self.snr_db, self.seed = traces, density, snr_db, seed
        self.shapes = ((samples, traces, 1),) * 2

    def __len__(self) -> int:
        return self.count

    def read(self, numbers: np.ndarray, epoch: int = 0) -> tuple[np.ndarray, ...]:
        """Sections and reflectivity, each float32 ``(n, time, traces, 1)``.

        Args:
            numbers: Which sections, from 0.
            epoch: Ignored.
        """
        del epoch
        reflectivity = np.concatenate(
            [
                sample_reflectivity(self.traces, self.samples, self.density, (self.seed, int(n)))
                for n in numbers
            ]
            or [np.empty((0, self.samples), np.float32)]
        )
        shape = (len(numbers), self.traces, self.samples)
        clean = ops.convert_to_numpy(self.operator.forward(reflectivity)).reshape(shape)
        noisy = [
            add_white_noise(section, self.snr_db, (self.seed, int(n), 1))
            for section, n in zip(clean, numbers, strict=True)
        ]
        sections, targets = (
            np.moveaxis(np.reshape(x, shape), 1, 2)[..., None] for x in (noisy, reflectivity)
        )
        scale = np.abs(sections).max(axis=(1, 2, 3), keepdims=True)
        return sections / scale, targets / scale
