"""Seismic sections by the convolutional model: reflectivity in time, times a wavelet."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_seismic.checks import checked_size, checked_velocity
from keras_seismic.simulation.acquisition import is_whole_number
from keras_seismic.simulation.geology import sample_geology, sample_velocity
from keras_seismic.simulation.section_structure import structured_section


def simulate_section(
    velocity: np.ndarray,
    dx: float = 10.0,
    dt: float = 0.004,
    nt: int = 256,
    peak_frequency: float = 25.0,
) -> np.ndarray:
    """Zero-offset sections of velocity models, as after ideal migration.

    Every column is a trace: its interfaces reflect
    ``r = (v2 - v1) / (v2 + v1)`` (constant density) at the vertical two-way time
    ``t = 2 sum(dx / v)``, and the trace is ``sum r w(time - t)`` with a zero-phase
    Ricker wavelet. There are no transmission losses and no multiples. Denoisers
    learn from these as clean sections.

    Args:
        velocity: ``(models, depth, width)``, m/s.
        dx: Cell size, m.
        dt: Sample interval, s.
        nt: Samples per trace.
        peak_frequency: Peak frequency of the wavelet, Hz.

    Returns:
        float32 array ``(models, time, traces)``, reflection coefficients.

    Raises:
        ValueError: If the velocity is not finite, positive, in m/s and of that shape,
            or the wavelet does not fit the sample interval.

    Example:
        >>> velocity = np.full((1, 40, 3), 2000.0)
        >>> velocity[:, 20:] = 3000.0
        >>> section = simulate_section(velocity, nt=64)
        >>> round(float(section.max()), 3), int(section[0, :, 0].argmax()) * 0.004
        (0.2, 0.2)
    """
    velocity = checked_velocity(velocity, "simulate_section")
    if not (
        0 < dx < np.inf
        and 0 < dt < np.inf
        and is_whole_number(nt, minimum=1)
        and 0 < peak_frequency < 0.5 / dt / 1.5
    ):
        raise ValueError(
            "simulate_section: dx, dt and nt must be positive, nt whole, and peak_frequency below "
            f"a third of the sampling rate, received dx={dx}, dt={dt}, nt={nt}, "
            f"peak_frequency={peak_frequency}"
        )
    reflectivity = np.diff(velocity, axis=1) / (velocity[:, 1:] + velocity[:, :-1])
    arrival = np.cumsum(2 * dx / velocity, axis=1)[:, :-1]
    time = np.arange(int(nt))[:, None] * dt
    sections = np.zeros((len(velocity), int(nt), velocity.shape[2]), np.float32)
    for section, coefficients, times in zip(sections, reflectivity, arrival, strict=True):
        for row in np.flatnonzero(coefficients.any(axis=1)):
            phase = (np.pi * peak_frequency * (time - times[row])) ** 2
            section += coefficients[row] * (1 - 2 * phase) * np.exp(-phase)
    return sections


def sample_sections(
    count: int,
    seed: int | Sequence[int] = 0,
    family: str | None = None,
    shape: tuple[int, int] = (256, 140),
) -> list[np.ndarray]:
    """Clean sections of random structure, to train denoisers when no clean data is available.

    By default every section has a structure, a band and a phase of its own: layers of any
    thickness, dips, folds, bends, faults, unconformities, channels, diffractions, reflections of
    fault planes, water and its multiple, gain laws; every tenth is seen as a shot gather. Peak
    frequencies lie between 0.02 and 0.2 cycles a sample, which are 5 and 50 Hz at 4 ms. No
    section depends on those before it.

    With a family, sections of that family's velocity models by the convolutional model
    (``simulate_section``), models of 70 cells of 10 m in depth, 4 ms, at peak frequencies of 15,
    20, 25 and 30 Hz in turn: simpler, but in known units.

    Args:
        count: Number of sections.
        seed: See ``sample_velocity``.
        family: See ``sample_velocity``.
        shape: Samples and traces.

    Returns:
        ``count`` float32 arrays ``(time, traces)``, of standard deviation 1, or reflection
        coefficients.

    Raises:
        ValueError: If the family is unknown or a size is not a positive integer.

    Example:
        >>> [section.shape for section in sample_sections(2, seed=1)]
        [(256, 140), (256, 140)]
    """
    samples, traces = checked_size(shape, 2, "sample_sections: shape")
    if family is None:
        return [section for section, _ in _structured(count, seed, (samples, traces))]
    velocity = sample_velocity(family, count, seed, shape=(_DEPTH, traces))
    return [_of_model(velocity[i], i, samples) for i in range(count)]


class LabeledSection(NamedTuple):
    """A clean section and what it shows, each ``(time, traces)``.

    Attributes:
        amplitude: float32, as from ``sample_sections``.
        fault: Where a fault runs: bool, three traces wide; nowhere below the model.
        salt: Where salt is: bool, nowhere below the model.
        impedance: Half of the logarithm of impedance over that at the top, at constant density:
            the reflection coefficients above, added up (to third order). float32; ``None``
            where the structure has none.
    """

    amplitude: np.ndarray
    fault: np.ndarray
    salt: np.ndarray
    impedance: np.ndarray | None


def sample_labeled_sections(
    count: int,
    seed: int | Sequence[int] = 0,
    family: str | None = None,
    shape: tuple[int, int] = (256, 140),
) -> list[LabeledSection]:
    """The sections of ``sample_sections``, with the geology that made them, to learn from.

    Args:
        count: Number of sections.
        seed: As for ``sample_sections``.
        family: As for ``sample_geology``; only sections of a family show salt and have an
            impedance. Without one, faults that displace less than two samples are not marked.
        shape: Samples and traces.

    Raises:
        ValueError: As ``sample_sections``, or if the family is one of the former rules.

    Example:
        >>> (one,) = sample_labeled_sections(1, seed=3, family="salt")
        >>> one.amplitude.shape == one.salt.shape, bool(one.salt.any()), bool(one.fault.any())
        (True, True, False)
    """
    samples, traces = checked_size(shape, 2, "sample_labeled_sections: shape")
    if family is None:
        made = _structured(count, seed, (samples, traces))
        return [LabeledSection(one, fault, np.zeros_like(fault), None) for one, fault in made]
    velocity, fault, salt = sample_geology(family, count, seed, (_DEPTH, traces))
    return [
        LabeledSection(
            _of_model(velocity[i], i, samples),
            in_time(fault[i], velocity[i], nt=samples, below=False),
            in_time(salt[i], velocity[i], nt=samples, below=False),
            impedance_in_time(velocity[i], nt=samples),
        )
        for i in range(count)
    ]


def in_time(
    values: np.ndarray,
    velocity: np.ndarray,
    dx: float = 10.0,
    dt: float = 0.004,
    nt: int = 256,
    below: float | None = None,
) -> np.ndarray:
    """What a depth model holds, at the vertical two-way times of a section.

    Args:
        values: ``(depth, width)``, of any type.
        velocity: ``(depth, width)``, m/s.
        dx: Cell size, m.
        dt: Sample interval, s.
        nt: Samples per trace.
        below: The value below the model, by default that of its last cell.

    Returns:
        ``(nt, width)`` of the values' type: of each sample the cell at its time, the next one
        from half a sample before the interface on.

    Example:
        >>> velocity = np.full((4, 1), 2000.0)
        >>> in_time(np.arange(4)[:, None], velocity, dx=10.0, dt=0.005, nt=9)[:, 0].tolist()
        [0, 0, 1, 1, 2, 2, 3, 3, 3]
    """
    last = values[-1:] if below is None else np.full_like(values[-1:], below)
    ends = np.cumsum(2 * dx / np.asarray(velocity, np.float64), axis=0)
    time = (np.arange(nt) + 0.5) * dt
    cells = np.stack([np.searchsorted(times, time) for times in ends.T], axis=1)
    return np.take_along_axis(np.concatenate([values, last]), cells, axis=0)


def impedance_in_time(
    velocity: np.ndarray, dx: float = 10.0, dt: float = 0.004, nt: int = 256
) -> np.ndarray:
    """Half of the logarithm of impedance over that at the top, at constant density.

    Its steps are the reflection coefficients of ``simulate_section`` to third order, at the
    nearest sample.

    Args:
        velocity: ``(depth, width)``, m/s.
        dx: Cell size, m.
        dt: Sample interval, s.
        nt: Samples per trace.

    Returns:
        float32 ``(nt, width)``.
    """
    logarithm = 0.5 * np.log(velocity / velocity[:1])
    return in_time(logarithm, velocity, dx, dt, nt).astype(np.float32)


#: Cells of 10 m of the models under sections.
_DEPTH = 70


def _structured(
    count: int, seed: int | Sequence[int], shape: tuple[int, int]
) -> list[tuple[np.ndarray, np.ndarray]]:
    generators = np.random.SeedSequence(seed).spawn(count)
    return [structured_section(np.random.default_rng(one), shape) for one in generators]


def _of_model(velocity: np.ndarray, number: int, samples: int) -> np.ndarray:
    """The section of a model, by a wavelet that depends on its number."""
    return simulate_section(velocity[None], nt=samples, peak_frequency=15 + 5 * (number % 4))[0]
