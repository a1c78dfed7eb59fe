"""Band-limited resampling of traces in time, and interpolation between receivers."""

import numpy as np

from keras_seismic.checks import checked_choice, checked_interval

#: In time: zero crossings of the sinc on either side, and the Kaiser window's beta (80 dB).
_IN_TIME = (32, 7.857)

#: Between receivers: short, so that the cusp at a source in the spread does not ring far.
_IN_SPACE = (4, 4.0)

#: Middle of the low-pass filter's slope in new Nyquist frequencies, so that it has fallen to
#: the full 80 dB at the Nyquist frequency.
_ROLL_OFF = 0.92


def resample_time(
    amplitude: np.ndarray,
    dt: float,
    new_dt: float,
    samples: int | None = None,
    start: float = 0.0,
) -> np.ndarray:
    """Traces at a new sample interval, free of aliasing.

    Each new sample is a sum of old ones, weighted by a sinc in a Kaiser window. For a longer
    interval a low-pass filter is applied (flat to 84 % of the new Nyquist frequency, where it
    is 80 dB down); a shorter one leaves the spectrum and the old samples unchanged. Before and
    after the record the ground is assumed to be at rest.

    Args:
        amplitude: ``(time, ...)``.
        dt: Its sample interval, s.
        new_dt: The new one, s; any ratio.
        samples: Number to return; by default as many as the record holds.
        start: Time of the first sample of the input in s; the output's first is at time 0.

    Returns:
        float32 ``(samples, ...)``.

    Raises:
        ValueError: If an interval is not between 1e-06 and 1 s, or there are no samples.

    Example:
        >>> t = np.arange(500) * 0.004
        >>> trace = np.sin(2 * np.pi * 20 * t) * np.hanning(500)
        >>> finer = resample_time(trace, dt=0.004, new_dt=0.001)
        >>> finer.shape, bool(np.allclose(finer[::4], trace, atol=1e-6))
        ((1997,), True)
    """
    amplitude = np.asarray(amplitude)
    dt, new_dt = (checked_interval(value, "resample_time") for value in (dt, new_dt))
    if not np.isfinite(start):
        raise ValueError(f"resample_time: start must be finite, received {start}")
    if amplitude.ndim < 1 or amplitude.shape[0] == 0:
        raise ValueError(f"resample_time: no samples in an array of shape {amplitude.shape}")
    if samples is None:
        # Rounded first: 4 ms in 1 ms steps must not lose a sample to rounding.
        last = round(((len(amplitude) - 1) * dt + start) / new_dt, 6)
        samples = max(int(np.floor(last)) + 1, 1)
    at = (np.arange(samples) * new_dt - start) / dt
    cutoff = 1.0 if new_dt <= dt * (1 + 1e-9) else _ROLL_OFF * dt / new_dt
    return _sinc_interpolation(amplitude, at, cutoff, *_IN_TIME)


def interpolate_receivers(
    amplitude: np.ndarray, x: np.ndarray, new_x: np.ndarray, method: str = "sinc"
) -> np.ndarray:
    """Traces at new positions between regularly spaced receivers.

    Receivers are points, as in a simulation, so nothing is smoothed: a new receiver at the
    position of an old one gets its trace.

    Args:
        amplitude: ``(time, receivers)``.
        x: Receiver positions, ascending and evenly spaced, m.
        new_x: New positions, m; within half a spacing of the line's ends.
        method: ``"sinc"`` over eight receivers (the gather is mirrored at its ends), good to
            about three receivers per shortest apparent wavelength, or ``"linear"``, which
            damps steep events. Both fail next to a source in the spread, where the gather has a
            cusp.

    Returns:
        float32 ``(time, len(new_x))``.

    Raises:
        ValueError: If the receivers are not evenly spaced, or a new one lies outside them.
    """
    checked_choice(method, ("sinc", "linear"), "interpolate_receivers: method")
    amplitude, x = np.asarray(amplitude), np.asarray(x, np.float64)
    new_x = np.asarray(new_x, np.float64)
    steps = np.diff(x)
    if not len(steps) or steps.min() <= 0 or np.ptp(steps) > 1e-3 * steps.mean():
        raise ValueError(
            "interpolate_receivers: expected two or more receivers at one ascending spacing, "
            f"received x={x[:5]}..."
        )
    at = (new_x - x[0]) / steps.mean()
    if at.min() < -0.5 or at.max() > len(x) - 0.5:
        raise ValueError(
            f"interpolate_receivers: receivers at x={new_x.min():g} to {new_x.max():g} m are "
            f"wanted, but the line has them at {x[0]:g} to {x[-1]:g} m only"
        )
    at = np.where(np.abs(at - np.rint(at)) < 1e-6, np.rint(at), at)
    if method == "linear":
        at = np.clip(at, 0, len(x) - 1)
        left = np.minimum(at.astype(int), len(x) - 2)
        fraction = (at - left).astype(np.float32)
        mixed = amplitude[:, left] * (1 - fraction) + amplitude[:, left + 1] * fraction
        return np.asarray(mixed, np.float32)
    return _sinc_interpolation(amplitude.T, at, 1.0, *_IN_SPACE, mirrored=True).T


def _sinc_interpolation(
    samples: np.ndarray,
    at: np.ndarray,
    cutoff: float,
    zeros: int,
    beta: float,
    mirrored: bool = False,
) -> np.ndarray:
    """Values between samples along the first axis, at ``at`` counted in samples.

    ``cutoff`` is the highest frequency kept, in Nyquist frequencies of the input; ``zeros`` and
    ``beta`` are the reach and shape of the Kaiser window.
    """
    reach = int(np.ceil(zeros / cutoff))
    length = len(samples)
    base = np.floor(at).astype(int)
    result = np.zeros((len(at), *samples.shape[1:]), np.float32)
    columns = (slice(None),) + (None,) * (samples.ndim - 1)
    offsets = np.arange(1 - reach, reach + 1)
    distance = at[:, None] - (base[:, None] + offsets)
    window = np.i0(beta * np.sqrt(np.maximum(1 - (distance / reach) ** 2, 0)))
    weights = np.sinc(cutoff * distance) * window
    weights /= weights.sum(axis=1, keepdims=True)  # a constant stays what it is
    for offset, weight in zip(offsets, weights.T, strict=True):
        index = base + offset
        if mirrored:
            index = index % (2 * length)
            index = np.minimum(index, 2 * length - 1 - index)
        inside = (index >= 0) & (index < length)
        weight = np.where(inside, weight, 0).astype(np.float32)
        result += weight[columns] * samples[np.clip(index, 0, length - 1)]
    return result
