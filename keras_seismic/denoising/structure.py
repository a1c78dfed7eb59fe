"""Slopes of events, and the median along them."""

from collections.abc import Sequence

import numpy as np

from keras_seismic.denoising.windows import checked_section

#: Samples over which derivatives are taken, as the deviation of a Gaussian.
_SCALE = 1.0


def local_slope(
    section: np.ndarray, smoothing: Sequence[float] = (8.0, 8.0), steepest: float = 4.0
) -> np.ndarray:
    """Slopes of the events around every sample, in samples per trace.

    From the structure tensor: the products of the derivatives along time and traces, averaged
    around each sample; its main axis points across the events. White noise makes the slopes
    uncertain, but does not flatten them.

    Args:
        section: ``(time, traces)``.
        smoothing: Samples and traces that are averaged, as the deviations of a Gaussian: the
            noisier, the more.
        steepest: Slopes are limited to plus and minus this.

    Returns:
        float32 ``(time, traces)``, positive where later times lie at higher traces; zero where the
        section is constant.

    Raises:
        ValueError: If the section is unusable or not finite, or a number is not positive.

    Example:
        >>> time, trace = np.mgrid[:100, :60]
        >>> slope = local_slope(np.cos(0.3 * (time - 0.5 * trace)))
        >>> bool(np.allclose(slope[20:80, 20:40], 0.5, atol=0.02))
        True

    Reference:
        Fehmers, G. C. and Hoecker, C. F. W. (2003), Fast structural interpretation with
        structure-oriented filtering, Geophysics 68, 1286-1293.
    """
    from scipy.ndimage import gaussian_filter

    name = "local_slope"
    section = checked_section(section, name)
    smoothing = _checked_smoothing(smoothing, name)
    if not 0 < steepest < np.inf:
        raise ValueError(f"{name}: steepest must be positive, received {steepest}")
    by_time, by_trace = (gaussian_filter(section, _SCALE, axis) for axis in ((1, 0), (0, 1)))
    pairs = (by_time, by_time), (by_time, by_trace), (by_trace, by_trace)
    tt, tx, xx = (gaussian_filter(a * b, smoothing) for a, b in pairs)
    slope = -np.tan(0.5 * np.arctan2(2 * tx, tt - xx))
    return np.clip(slope, -steepest, steepest).astype(np.float32)


def structural_median(
    section: np.ndarray,
    traces: int = 7,
    slope: np.ndarray | None = None,
    smoothing: Sequence[float] = (8.0, 8.0),
) -> np.ndarray:
    """The median along the events: over neighboring traces, each where the slope leads.

    Removes what no event continues, however large, and keeps the events' edges and faults better
    than a mean. Near the first and last trace, fewer traces count.

    Args:
        section: ``(time, traces)``.
        traces: Length of the median, odd.
        slope: Samples per trace, ``(time, traces)``, such as ``local_slope`` of a cleaner version;
            by default those of the section.
        smoothing: Of these slopes, as for ``local_slope``.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section or the slopes are unusable or not finite, or ``traces`` is not
            odd.

    Example:
        >>> time, trace = np.mgrid[:100, :60]
        >>> event = np.exp(-(((time - 20 - 0.5 * trace) / 4) ** 2))
        >>> spiky = event + 5 * (np.random.default_rng(0).random(event.shape) < 0.002)
        >>> denoised = structural_median(spiky)
        >>> bool(np.abs(denoised - event).mean() < 0.5 * np.abs(spiky - event).mean())
        True
    """
    from scipy.ndimage import map_coordinates, spline_filter

    name = "structural_median"
    section = checked_section(section, name)
    if traces < 1 or traces % 2 != 1:
        raise ValueError(f"{name}: traces must be an odd number from 1 on, received {traces}")
    if slope is None:
        slope = local_slope(section, _checked_smoothing(smoothing, name))
    slope = checked_section(slope, f"{name}: slope")
    if slope.shape != section.shape:
        raise ValueError(
            f"{name}: slope must have the section's shape {section.shape}, received {slope.shape}"
        )
    reach = int(traces) // 2
    spline = spline_filter(section, mode="mirror") if reach else section
    row, column = np.indices(section.shape, np.float64)
    along = np.empty((2 * reach + 1, *section.shape), np.float32)
    along[reach] = section
    for direction in (-1, 1):
        time, trace = row.copy(), column.copy()
        for step in range(1, reach + 1):
            time += direction * map_coordinates(slope, (time, trace), order=1, mode="nearest")
            trace += direction
            np.clip(time, 0, len(section) - 1, out=time)
            value = map_coordinates(spline, (time, trace), prefilter=False, mode="mirror")
            along[reach + direction * step] = value
    result: np.ndarray = np.median(along, axis=0, overwrite_input=False)
    last = section.shape[1] - 1
    for x in {*range(min(reach, last + 1)), *range(max(last + 1 - reach, 0), last + 1)}:
        result[:, x] = np.median(along[max(reach - x, 0) : reach + last - x + 1, :, x], axis=0)
    return result


def _checked_smoothing(smoothing: Sequence[float], caller: str) -> tuple[float, float]:
    if np.shape(smoothing) != (2,) or not all(0 < s < np.inf for s in smoothing):
        raise ValueError(
            f"{caller}: smoothing must be two positive numbers (samples, traces), received "
            f"{smoothing}"
        )
    return float(smoothing[0]), float(smoothing[1])
