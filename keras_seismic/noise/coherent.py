"""Noise that runs across the traces: ground roll and other dipping events."""

from collections.abc import Sequence

import numpy as np

from keras_seismic.checks import checked_interval
from keras_seismic.noise.levels import checked_band, checked_section, with_noise


def add_linear_noise(
    clean: np.ndarray,
    snr_db: float = 0.0,
    dt: float | None = None,
    seed: int | Sequence[int] = 0,
    dx: float = 12.5,
    velocity: tuple[float, float] = (700.0, 1200.0),
    band: tuple[float, float] = (4.0, 15.0),
    events: int | None = None,
    dispersive: bool = True,
) -> np.ndarray:
    """The section plus linear coherent noise: low-frequency events that spread from a point.

    Each event starts at a random trace and time and spreads both ways, ``t = t0 + |x - x0| / v``.
    In a dispersive event, such as ground roll, each frequency travels at its own velocity: the
    slowness grows linearly from the lower to the upper end of the band, so that the event
    spreads into a wave train, and its amplitude falls with the square root of the distance.

    Args:
        clean: ``(time, traces)``.
        snr_db: Signal-to-noise ratio over the section, dB, met exactly.
        dt: Sample interval, s.
        seed: The same seed (a number or several) gives the same noise.
        dx: Distance between neighboring traces, m.
        velocity: Lowest and highest velocity, m/s: of the frequencies in a dispersive event,
            otherwise of the events.
        band: Lowest and highest frequency, Hz.
        events: Number of events; by default one per 100 traces, at least three.
        dispersive: Whether the events are dispersive; see above.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is unusable, ``dt`` is missing or too long for the band, or
            another argument is not positive.

    Example:
        >>> clean = np.sin(np.arange(8000.0)).reshape(200, 40)
        >>> noisy = add_linear_noise(clean, snr_db=-6, dt=0.004)
        >>> round(float(10 * np.log10((clean**2).sum() / ((noisy - clean) ** 2).sum())), 3)
        -6.0
    """
    name = "add_linear_noise"
    clean, dt = checked_section(clean, name), checked_interval(dt, name)
    band = checked_band(band, dt, name)
    slowest, quickest = velocity
    if not (dx > 0 and 0 < slowest <= quickest):
        raise ValueError(
            f"{name}: dx and velocity (slowest, quickest) must be positive, received dx={dx}, "
            f"velocity={velocity}"
        )
    samples, traces = clean.shape
    events = max(traces // 100, 3) if events is None else events
    if events < 1:
        raise ValueError(f"{name}: events must be positive, received {events}")
    rng = np.random.default_rng(seed)
    pattern = np.zeros(clean.shape, np.float32)
    for _ in range(events):
        offset = np.abs(np.arange(traces) - rng.integers(traces)) * dx
        start = rng.uniform(0, 0.5) * samples * dt
        slowness = (1 / quickest, 1 / slowest)
        if not dispersive:
            slowness = (1 / rng.uniform(slowest, quickest),) * 2
        strength = rng.uniform(0.5, 1) / np.sqrt(1 + offset / (10 * dx))
        pattern += strength * _event(samples, dt, start, offset, slowness, band, rng.uniform())
    return with_noise(clean, pattern, snr_db)


def _event(
    samples: int,
    dt: float,
    start: float,
    offset: np.ndarray,
    slowness: tuple[float, float],
    band: tuple[float, float],
    phase: float,
) -> np.ndarray:
    """One event, ``(time, traces)``: every frequency delayed by its own slowness."""
    low, high = band
    steepness = (slowness[1] - slowness[0]) / (high - low)
    # Energy travels at the group slowness d(f p)/df, which lies within these.
    quick, slow = slowness[0] + low * steepness, slowness[1] + high * steepness
    duration = samples * dt
    reached = np.flatnonzero(offset * quick < duration)
    # Long enough that nothing that leaves the record wraps around to its beginning.
    latest = start + offset[reached].max(initial=0) * slow + 8 / (high - low)
    length = samples + int(np.ceil(latest / dt))
    frequency = np.fft.rfftfreq(length, dt)
    inside = np.flatnonzero((frequency > low) & (frequency < high))
    f = frequency[inside]
    amplitude = np.sin(np.pi * (f - low) / (high - low)) ** 2
    delay = start + offset[reached] * (slowness[0] + steepness * (f - low))[:, None]
    spectrum = np.zeros((len(frequency), len(reached)), np.complex128)
    spectrum[inside] = amplitude[:, None] * np.exp(2j * np.pi * (phase - f[:, None] * delay))
    event: np.ndarray = np.zeros((samples, len(offset)))
    event[:, reached] = np.fft.irfft(spectrum, length, axis=0)[:samples]
    event /= np.abs(event).max()
    return event
