"""Weights of samples and traces: mutes, windows, offsets."""

import numpy as np

from keras_seismic.simulation import Acquisition


def trace_weights(
    acquisition: Acquisition,
    offsets: tuple[float, float] = (0.0, np.inf),
    times: tuple[float, float] = (0.0, np.inf),
    direct_velocity: float | None = None,
    taper: float = 0.05,
) -> np.ndarray:
    """Weights of a waveform inversion's data by offset and time.

    Args:
        acquisition: The experiment.
        offsets: Smallest and largest distance from source to receiver, m.
        times: First and last time, s.
        direct_velocity: Mutes what arrives before ``offset / direct_velocity + wavelet``, the
            direct wave, m/s.
        taper: Length of the ramps from 0 to 1 in time, s.

    Returns:
        float64 ``(time, receivers, shots)`` from 0 to 1.

    Raises:
        ValueError: If nothing is left, or an argument is out of range.

    Example:
        >>> import keras_seismic as ks
        >>> weight = trace_weights(ks.simulation.Acquisition.openfwi(), offsets=(0.0, 300.0))
        >>> weight.shape, float(weight[:, 0, 0].max()), float(weight[:, 69, 0].max())
        ((1000, 70, 5), 1.0, 0.0)
    """
    if not taper >= 0 or (direct_velocity is not None and not direct_velocity > 0):
        raise ValueError(
            "trace_weights: taper must not be negative and direct_velocity must be positive, "
            f"received {taper} and {direct_velocity}"
        )
    sources = np.array(acquisition.sources)
    # Receivers are the same for all shots, or there is a row of them for each.
    receivers = np.broadcast_to(
        np.array(acquisition.receivers), (len(sources), acquisition.gather_shape[1], 2)
    )
    offset = np.linalg.norm(receivers - sources[:, None], axis=-1).T
    time = (np.arange(acquisition.nt) * acquisition.dt)[:, None, None]
    first = np.full(offset.shape, float(times[0]))
    if direct_velocity is not None:
        length = np.flatnonzero(acquisition.wavelet)[-1] * acquisition.dt
        first = np.maximum(first, offset / direct_velocity + length)
    weight = _ramp(time - first, taper) * _ramp(times[1] - time, taper)
    weight = weight * ((offsets[0] <= offset) & (offset <= offsets[1]))
    if not weight.any():
        raise ValueError(
            f"trace_weights: nothing is left with offsets={offsets} m, times={times} s and "
            f"direct_velocity={direct_velocity}; offsets reach from {offset.min():g} to "
            f"{offset.max():g} m, the record is {acquisition.nt * acquisition.dt:g} s long"
        )
    return weight


def _ramp(time: np.ndarray, length: float) -> np.ndarray:
    """0 before time zero, 1 after ``length``."""
    return np.clip(time / length, 0, 1) if length else (time >= 0).astype(np.float64)
