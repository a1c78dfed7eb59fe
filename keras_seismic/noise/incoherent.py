"""Noise that differs from trace to trace: band-limited, erratic, swell, hum."""

from collections.abc import Sequence

import numpy as np

from keras_seismic.checks import checked_interval
from keras_seismic.noise.levels import (
    checked_band,
    checked_fraction,
    checked_section,
    with_noise,
)

#: Spectral values computed together: bounds the memory for any size of section.
_CHUNK = 2**21


def add_band_limited_noise(
    clean: np.ndarray,
    snr_db: float = 0.0,
    dt: float | None = None,
    seed: int | Sequence[int] = 0,
    band: tuple[float, float] = (10.0, 60.0),
) -> np.ndarray:
    """The section plus Gaussian noise in a frequency band, independent on every trace.

    Harder than white noise: no filter removes what lies in the signal's own band.

    Args:
        clean: ``(time, traces)``.
        snr_db: Signal-to-noise ratio over the section, dB, met exactly.
        dt: Sample interval, s.
        seed: The same seed (a number or several) gives the same noise.
        band: Lowest and highest frequency, Hz; tapered over a tenth of the band at each end.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is unusable, ``dt`` is missing or too long for the band.

    Example:
        >>> clean = np.sin(np.arange(4096.0)).reshape(256, 16)
        >>> add_band_limited_noise(clean, 0, dt=0.004, band=(5, 40)).shape
        (256, 16)
    """
    name = "add_band_limited_noise"
    clean, dt = checked_section(clean, name), checked_interval(dt, name)
    band = checked_band(band, dt, name)
    pattern = band_limited(np.random.default_rng(seed), clean.shape, dt, band)
    return with_noise(clean, pattern, snr_db)


def band_limited(
    rng: np.random.Generator, shape: tuple[int, int], dt: float, band: tuple[float, float]
) -> np.ndarray:
    """Band-limited Gaussian noise of arbitrary strength, ``(time, traces)``."""
    samples, traces = shape
    low, high = band
    # Longer than the traces, so that the end does not wrap around to the beginning, and long
    # enough for several frequencies in the narrowest band.
    length = max(2 * samples, 512, int(np.ceil(8 / ((high - low) * dt))))
    position = (np.fft.rfftfreq(length, dt) - low) / (high - low)
    flank = np.clip(np.minimum(position, 1 - position) / 0.1, 0, 1)
    amplitude = np.sin(0.5 * np.pi * flank)
    inside = np.flatnonzero(amplitude)
    noise = np.empty((samples, traces), np.float32)
    step = max(_CHUNK // length, 1)
    for start in range(0, traces, step):
        count = min(step, traces - start)
        values = rng.standard_normal((2, count, len(inside)))
        spectrum = np.zeros((count, len(amplitude)), np.complex128)
        spectrum[:, inside] = (values[0] + 1j * values[1]) * amplitude[inside]
        noise[:, start : start + count] = np.fft.irfft(spectrum, length, axis=1)[:, :samples].T
    return noise


def add_erratic_noise(
    clean: np.ndarray,
    snr_db: float = 0.0,
    seed: int | Sequence[int] = 0,
    fraction: float = 0.002,
) -> np.ndarray:
    """The section plus spikes: few samples with large values of either sign.

    Args:
        clean: ``(time, traces)``.
        snr_db: Signal-to-noise ratio over the section, dB, met exactly: the fewer spikes,
            the larger.
        seed: The same seed (a number or several) gives the same noise.
        fraction: Fraction of the samples that are hit; at least one sample.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is unusable or the fraction is not in [0, 1).

    Example:
        >>> clean = np.ones((100, 10), "float32")
        >>> int((add_erratic_noise(clean, 0, fraction=0.01) != clean).sum())
        10
    """
    name = "add_erratic_noise"
    clean, fraction = checked_section(clean, name), checked_fraction(fraction, name)
    rng = np.random.default_rng(seed)
    count = max(round(fraction * clean.size), 1)
    pattern = np.zeros(clean.size, np.float32)
    places = rng.choice(clean.size, count, replace=False)
    pattern[places] = rng.choice([-1, 1], count) * (1 + rng.exponential(size=count))
    return with_noise(clean, pattern.reshape(clean.shape), snr_db)


def add_swell_noise(
    clean: np.ndarray,
    snr_db: float = 0.0,
    dt: float | None = None,
    seed: int | Sequence[int] = 0,
    band: tuple[float, float] = (1.0, 8.0),
    fraction: float = 0.2,
    run: tuple[int, int] = (3, 20),
) -> np.ndarray:
    """The section plus swell noise: strong, low frequencies on runs of neighboring traces.

    As ocean swell does to a streamer. Within a run, neighboring traces resemble each other and
    the strength rises and falls; runs differ in strength.

    Args:
        clean: ``(time, traces)``.
        snr_db: Signal-to-noise ratio over the section, dB, met exactly.
        dt: Sample interval, s.
        seed: The same seed (a number or several) gives the same noise.
        band: Lowest and highest frequency, Hz.
        fraction: Fraction of the traces that are hit; at least one trace.
        run: Fewest and most traces in a run.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is unusable, ``dt`` is missing or too long for the band, or
            ``fraction`` or ``run`` is out of range.

    Example:
        >>> clean = np.ones((100, 40), "float32")
        >>> noisy = add_swell_noise(clean, -10, dt=0.004, fraction=0.25)
        >>> int((noisy != clean).any(axis=0).sum())
        10
    """
    name = "add_swell_noise"
    clean, dt = checked_section(clean, name), checked_interval(dt, name)
    band, fraction = checked_band(band, dt, name), checked_fraction(fraction, name)
    shortest, longest = run
    if not 1 <= shortest <= longest:
        raise ValueError(f"{name}: run must be (fewest, most) traces from 1 on, received {run}")
    rng = np.random.default_rng(seed)
    samples, traces = clean.shape
    strength = np.zeros(traces)
    missing = max(round(fraction * traces), 1)
    while missing:
        length = min(int(rng.integers(shortest, longest + 1)), missing)
        start = int(rng.integers(0, traces - length + 1))
        free = start + np.flatnonzero(strength[start : start + length] == 0)
        swell = np.sin(np.pi * (np.arange(len(free)) + 0.5) / max(len(free), 1))
        strength[free] = rng.lognormal(0, 0.5) * np.sqrt(swell)
        missing -= len(free)
    # The mean of three independent neighbors makes adjacent traces alike.
    noise = band_limited(rng, (samples, traces + 2), dt, band)
    noise = (noise[:, :-2] + noise[:, 1:-1] + noise[:, 2:]) / np.sqrt(3)
    return with_noise(clean, noise * strength, snr_db)


def add_hum(
    clean: np.ndarray,
    snr_db: float = 0.0,
    dt: float | None = None,
    seed: int | Sequence[int] = 0,
    frequency: float = 50.0,
    harmonics: int = 3,
) -> np.ndarray:
    """The section plus mains hum: a tone and its harmonics, at a different phase on every trace.

    The n-th harmonic has 1/n of the tone's amplitude; those above the Nyquist frequency are left
    out. The strength varies from trace to trace.

    Args:
        clean: ``(time, traces)``.
        snr_db: Signal-to-noise ratio over the section, dB, met exactly.
        dt: Sample interval, s.
        seed: The same seed (a number or several) gives the same noise.
        frequency: Frequency of the tone, Hz: 50, or 60 in North America.
        harmonics: Number of harmonics, including the tone itself.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is unusable, ``dt`` is missing or too long for the tone, or
            ``harmonics`` is not positive.

    Example:
        >>> noisy = add_hum(np.ones((500, 3), "float32"), 0, dt=0.002, frequency=60)
        >>> int(np.abs(np.fft.rfft(noisy[:, 0] - 1)).argmax())  # 1 Hz a bin
        60
    """
    name = "add_hum"
    clean, dt = checked_section(clean, name), checked_interval(dt, name)
    if not 0 < frequency < 0.5 / dt:
        raise ValueError(
            f"{name}: the frequency must be in (0, {0.5 / dt:g}) Hz (half the sampling rate at "
            f"dt={dt:g} s), received {frequency:g} Hz"
        )
    if harmonics < 1:
        raise ValueError(f"{name}: harmonics must be positive, received {harmonics}")
    rng = np.random.default_rng(seed)
    samples, traces = clean.shape
    strength = rng.lognormal(0, 0.3, traces)
    time = np.arange(samples)[:, None] * dt
    pattern = np.zeros(clean.shape, np.float32)
    for n in range(1, int(harmonics) + 1):
        phase = rng.uniform(0, 2 * np.pi, traces)
        if n * frequency < 0.5 / dt:
            pattern += strength / n * np.sin(2 * np.pi * n * frequency * time + phase)
    return with_noise(clean, pattern, snr_db)
