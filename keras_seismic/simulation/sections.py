"""Seismic sections by the convolutional model: reflectivity in time, times a wavelet."""

from collections.abc import Sequence

import numpy as np

from keras_seismic.checks import checked_size, checked_velocity
from keras_seismic.simulation.acquisition import is_whole_number
from keras_seismic.simulation.geology import sample_velocity
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
        generators = np.random.SeedSequence(seed).spawn(count)
        return [
            structured_section(np.random.default_rng(one), (samples, traces)) for one in generators
        ]
    velocity = sample_velocity(family, count, seed, shape=(70, traces))
    return [
        simulate_section(velocity[i : i + 1], nt=samples, peak_frequency=15 + 5 * (i % 4))[0]
        for i in range(count)
    ]
