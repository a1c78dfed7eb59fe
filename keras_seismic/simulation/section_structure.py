"""Seismic sections of every structure: layers that are bent, broken, cut and diffracting.

Nothing here knows of meters or seconds: a section is samples by traces, so that what learns from
many of them meets every sampling.
"""

import numpy as np
from scipy.fft import fft2, fftfreq, ifft2, irfft, next_fast_len, rfft, rfftfreq
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

#: Samples of the reflectivity above and below a section, which structure brings into it.
_MARGIN = 160


#: Traces to either side of a fault that its mask marks, and samples that it must displace.
_FAULT_HALF_WIDTH, _SMALLEST_THROW = 1.5, 2.0


def structured_section(
    rng: np.random.Generator, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """One clean section ``(time, traces)`` of random structure, and where its faults are.

    The section has standard deviation 1.

    Layers by dips, folds, bends and faults, sometimes under an unconformity, with channels or
    seen as a shot gather; then diffractions, scattering, reflections of fault planes, water above
    a mute, a multiple of the sea floor, a wavelet of any band and phase that loses high frequencies
    with time, and a gain law.
    """
    samples, traces = shape
    time, x = np.arange(samples)[:, None], np.arange(traces)[None]
    gather = rng.random() < 0.1
    faults = np.zeros(shape, bool)
    if gather:
        shift = _moveout(rng, time, x)
    else:
        shift, faults = _structure(rng, time, x)
    reflectivity = _layered(rng, time + shift)
    if not gather:
        if rng.random() < 0.5:
            reflectivity, below = _above_unconformity(rng, reflectivity, time, x)
            faults &= below
        for _ in range(rng.integers(0, 4) if rng.random() < 0.3 else 0):
            reflectivity, around = _with_channel(rng, reflectivity, time, x)
            faults &= around
        if rng.random() < 0.35:
            reflectivity = reflectivity + _fault_planes(rng, reflectivity, time, x)
    strength = rng.uniform(0, 12) * gaussian_filter(
        rng.normal(size=shape), (rng.uniform(3, 12), rng.uniform(5, 40)), mode="reflect"
    )
    reflectivity = reflectivity * (1 + strength)
    if rng.random() < 0.4:
        reflectivity = reflectivity + _diffractions(rng, shape, reflectivity.std())
    if rng.random() < (0.3 if gather else 0.8):
        reflectivity = reflectivity + _scattering(rng, shape) * reflectivity.std()
    if not gather and rng.random() < 0.3:
        reflectivity, rock = _under_water(rng, reflectivity, time, x)
        faults &= rock
    section = _with_wavelet(rng, reflectivity)
    section = section * _gain(rng, section, time / samples)
    return (section / max(section.std(), 1e-9)).astype(np.float32), faults


def _smooth(rng: np.random.Generator, size: int, scale: float) -> np.ndarray:
    """A random smooth curve ``(1, size)`` of unit deviation over its ensemble."""
    curve = gaussian_filter1d(rng.normal(size=size + 6 * int(scale)), scale)
    return curve[3 * int(scale) :][:size][None] * np.sqrt(2 * np.sqrt(np.pi) * scale)


def _structure(
    rng: np.random.Generator, time: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """By how many samples the layers are displaced, and where faults are, ``(time, traces)``."""
    samples, traces = len(time), x.size
    middle = x - traces / 2
    shift = rng.normal() * 0.25 * middle + np.zeros((samples, 1))
    if rng.random() < 0.25:  # steep
        shift = shift + rng.choice([-1, 1]) * rng.uniform(0.3, 1.2) * middle
    shift = shift + (rng.random() < 0.7) * rng.uniform(0, 4) * _smooth(rng, traces, 8)
    for _ in range(rng.integers(0, 4)):  # folds that grow with depth
        bump = np.exp(-((x - rng.uniform(0, traces)) ** 2) / (2 * rng.uniform(15, 120) ** 2))
        growth = np.clip(time / samples + rng.uniform(-0.2, 0.6), 0, 1.2)
        shift = shift + rng.uniform(-25, 25) * bump * growth
    bends = gaussian_filter(
        rng.normal(size=(samples, traces)), (rng.uniform(20, 60), rng.uniform(8, 50))
    )
    shift = shift + bends * rng.uniform(0, 150)
    faults = np.zeros((samples, traces), bool)
    for _ in range(rng.integers(0, 6)):  # faults, straight or listric
        position = x - rng.uniform(0, traces) - rng.uniform(-1.2, 1.2) * (time - samples / 2)
        position = position + rng.uniform(-0.003, 0.003) * (time - samples / 2) ** 2
        throw = rng.normal() * 10 * np.clip(rng.uniform(0.3, 1.5) + time / samples, 0, 1)
        shift = shift + throw * (position > 0)
        near = np.abs(position) <= _FAULT_HALF_WIDTH
        faults |= near & (np.abs(throw) >= _SMALLEST_THROW)
    if rng.random() < 0.2:  # what static corrections have left
        shift = shift + rng.uniform(0, 0.6) * rng.normal(size=(1, traces))
    return shift, faults


def _moveout(rng: np.random.Generator, time: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Minus the delay of reflections in a shot gather; far samples before any arrival."""
    slowness = rng.uniform(0.2, 1.5) * np.clip(1 - rng.uniform(0, 0.6) * time / len(time), 0.2, 1)
    offset = (x - rng.uniform(-0.3, 1.0) * x.size) * slowness
    return np.sqrt(np.maximum(time**2 - offset**2, 0)) - time


def _layered(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    """Reflectivity of a random log at displaced times; thickness of layers from one sample on."""
    log = len(at) + 2 * _MARGIN
    density = np.exp(rng.uniform(np.log(0.04), np.log(1.0)))
    interfaces = rng.laplace(size=log) * (rng.random(log) < density)
    package = gaussian_filter1d(rng.normal(size=log), rng.uniform(5, 40)) * rng.uniform(3, 15)
    interfaces = interfaces * np.abs(np.clip(package, -2.5, 2.5)) ** rng.uniform(0, 1.5)
    impedance = np.cumsum(interfaces)
    warped = map_coordinates(impedance, [at + _MARGIN], order=1, mode="mirror")
    return np.diff(warped, axis=0, prepend=warped[:1])


def _above_unconformity(
    rng: np.random.Generator, below: np.ndarray, time: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Other layers above a surface, and what is below it."""
    samples, traces = below.shape
    middle = x - traces / 2
    shift = rng.normal() * 0.3 * middle + rng.uniform(0, 8) * _smooth(rng, traces, 20)
    above = _layered(rng, time + shift)
    surface = samples * rng.uniform(0.1, 0.8) + rng.uniform(-0.3, 0.3) * middle
    surface = surface + rng.uniform(0, 6) * _smooth(rng, traces, rng.uniform(4, 30))
    return np.where(time > surface, below, above * rng.uniform(0.3, 1.5)), time > surface


def _with_channel(
    rng: np.random.Generator, around: np.ndarray, time: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A channel cut into what is around it, and where that is left."""
    samples, traces = around.shape
    top, width = rng.uniform(0, samples), rng.uniform(8, 60)
    depth = rng.uniform(4, 25) * (1 - ((x - rng.uniform(0, traces)) / width) ** 2)
    fill = _layered(rng, time + rng.normal() * 0.3 * (x - traces / 2))
    channel = (time > top) & (time < top + depth)
    return np.where(channel, fill, around), ~channel


def _fault_planes(
    rng: np.random.Generator, like: np.ndarray, time: np.ndarray, x: np.ndarray
) -> np.ndarray:
    """Straight steep reflections, a part of the section each."""
    planes = np.zeros_like(like)
    samples, traces = like.shape
    columns = np.arange(traces)
    for _ in range(rng.integers(1, 6)):
        slope = rng.choice([-1, 1]) * rng.uniform(0.4, 3.0)
        begin, length = rng.uniform(0, samples), rng.uniform(20, traces)
        center = rng.uniform(0, traces)
        at = begin + slope * (columns - center)
        taper = np.exp(-(((columns - center) / (0.5 * length)) ** 2))
        _add_at(planes, at, columns, rng.normal() * 2 * like.std() * taper)
    return planes


def _diffractions(rng: np.random.Generator, shape: tuple[int, int], level: float) -> np.ndarray:
    """Hyperbolas of points, some along a fault or a rough surface."""
    reflectivity = np.zeros(shape)
    samples, traces = shape
    columns = np.arange(traces)
    slowness = np.exp(rng.uniform(np.log(0.3), np.log(3.0)))
    times = rng.uniform(-0.1 * samples, samples, rng.integers(1, 30))
    places = rng.uniform(-0.2 * traces, 1.2 * traces, times.size)
    if rng.random() < 0.5:
        places = places[0] + rng.uniform(-1, 1) * (times - times[0])
    strength = rng.uniform(0.5, 6) * level
    for apex, place in zip(np.maximum(times, 1), places, strict=True):
        at = np.sqrt(apex**2 + (slowness * (columns - place)) ** 2)
        polarity = np.sign(columns - place) if rng.random() < 0.3 else 1.0
        _add_at(reflectivity, at, columns, rng.normal() * strength * polarity * (apex / at) ** 1.5)
    return reflectivity


def _scattering(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """What small bodies everywhere reflect: no pattern, only dips that waves can have.

    Migrated field sections are full of it. It has the signal's band and is no steeper than
    reflections, so it is no noise that a filter could know from signal.
    """
    samples, traces = (next_fast_len(n + 16) for n in shape)
    frequency, wavenumber = np.abs(fftfreq(samples))[:, None], np.abs(fftfreq(traces))[None]
    steepest = np.exp(rng.uniform(np.log(0.5), np.log(4.0)))  # samples a trace
    widest = np.minimum(steepest * frequency + 0.03, 0.25)
    fan = 1 / (1 + (wavenumber / widest) ** 8)
    pattern = ifft2(fft2(rng.normal(size=(samples, traces))) * fan).real[: shape[0], : shape[1]]
    return pattern / pattern.std() * np.exp(rng.uniform(np.log(0.05), np.log(1.5)))


def _add_at(
    reflectivity: np.ndarray, at: np.ndarray, columns: np.ndarray, amplitude: np.ndarray
) -> None:
    """Add spikes at fractional samples, one a trace; outside the section they are left out."""
    inside = (at >= 0) & (at < len(reflectivity) - 1)
    row = at[inside].astype(int)
    part = at[inside] - row
    columns, amplitude = columns[inside], np.broadcast_to(amplitude, at.shape)[inside]
    reflectivity[row, columns] += (1 - part) * amplitude
    reflectivity[row + 1, columns] += part * amplitude


def _under_water(
    rng: np.random.Generator, reflectivity: np.ndarray, time: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Water above, its floor, and perhaps the multiple that the floor makes of everything.

    Returns:
        The reflectivity, and where there is rock.
    """
    samples, traces = reflectivity.shape
    floor = samples * rng.uniform(0.02, 0.4) + rng.normal() * 0.15 * (x - traces / 2)
    floor = floor + rng.uniform(0, 6) * _smooth(rng, traces, rng.uniform(6, 40))
    floor = np.clip(floor, 1, samples - 2)
    result = np.where(time > floor, reflectivity, 0.0)
    strength = rng.uniform(1, 6) * reflectivity.std()
    _add_at(result, floor[0], np.arange(traces), np.full(traces, strength))
    if rng.random() < 0.5:
        rows = np.broadcast_to(time - floor, result.shape)
        columns = np.broadcast_to(x, result.shape)
        delayed = map_coordinates(result, [rows, columns], order=1, mode="constant")
        result = result - rng.uniform(0.1, 0.6) * delayed
    return result, time > floor


def _with_wavelet(rng: np.random.Generator, reflectivity: np.ndarray) -> np.ndarray:
    """The section of a reflectivity: any band and phase, sometimes with attenuation."""
    samples = len(reflectivity)
    length = next_fast_len(samples + 128, real=True)
    f = rfftfreq(length)
    peak = np.exp(rng.uniform(np.log(0.02), np.log(0.2)))  # cycles a sample
    if rng.random() < 0.5:  # Ricker's
        amplitude = (f / peak) ** 2 * np.exp(1 - (f / peak) ** 2)
    else:  # a broader band
        low, high = peak * rng.uniform(0.1, 0.6), min(peak * rng.uniform(1.2, 3.0), 0.45)
        amplitude = 1 / (1 + (low / np.maximum(f, 1e-6)) ** rng.uniform(3, 8))
        amplitude = amplitude / (1 + (f / high) ** rng.uniform(5, 14))
    phase = rng.uniform(-np.pi, np.pi) if rng.random() < 0.6 else 0.0
    response = amplitude * np.exp(1j * phase)
    response[0] = 0
    spectrum = rfft(reflectivity, length, axis=0) * response[:, None]
    section = irfft(spectrum, length, axis=0)[:samples]
    if rng.random() < 0.5:  # late arrivals have lost their high frequencies
        loss = np.exp(-rng.uniform(0.5, 3) * f / peak)
        late = irfft(spectrum * loss[:, None], length, axis=0)[:samples]
        weight = np.linspace(0, 1, samples)[:, None]
        section = (1 - weight) * section + weight * late
    return section


def _gain(
    rng: np.random.Generator, section: np.ndarray, fraction: np.ndarray
) -> np.ndarray | float:
    """Decay with time, or automatic gain control, or as it is."""
    law = rng.random()
    if law < 0.4:
        return np.exp(-rng.uniform(0, 3) * fraction)
    if law < 0.6:
        power = gaussian_filter1d(section**2, rng.uniform(15, 60), axis=0)
        return 1 / np.sqrt(power + 0.01 * power.mean() + 1e-20)
    return 1.0
