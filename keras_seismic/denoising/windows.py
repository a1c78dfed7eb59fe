"""Filters in overlapping windows, one frequency at a time; and what all filters refuse."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from keras_seismic.backend import available_cores
from keras_seismic.checks import check_finite, checked_interval, checked_size

Size = int | Sequence[int]
Filter = Callable[[np.ndarray], np.ndarray]


def checked_section(section: np.ndarray, caller: str) -> np.ndarray:
    """A section as float64, or an error that says what is wrong with it.

    Raises:
        ValueError: If it is not ``(time, traces)``, or not finite.
    """
    section = np.asarray(section)
    if section.ndim != 2 or 0 in section.shape or section.dtype.kind not in "fiu":
        raise ValueError(
            f"{caller}: expected a section (time, traces) of numbers, received shape "
            f"{section.shape}, dtype {section.dtype}"
        )
    check_finite(section, f"{caller}: section")
    return section.astype(np.float64)


def checked_band(band: Sequence[float], dt: float, caller: str) -> tuple[float, float]:
    """Lowest and highest frequency, Hz.

    Raises:
        ValueError: If they are not in order, or beyond the Nyquist frequency.
    """
    nyquist = 0.5 / dt
    if len(band) != 2 or not 0 <= band[0] < band[1] <= nyquist * (1 + 1e-9):
        raise ValueError(
            f"{caller}: band must be (lowest, highest) within 0-{nyquist:g} Hz (half the sampling "
            f"rate at dt={dt:g} s), received {band}"
        )
    return float(band[0]), float(min(band[1], nyquist))


def by_frequency(
    function: Filter,
    section: np.ndarray,
    window: Size,
    overlap: Size | None,
    band: Sequence[float] | None,
    dt: float | None,
    caller: str,
) -> np.ndarray:
    """A section filtered along its traces, frequency by frequency, in overlapping windows.

    Args:
        function: From ``(spectra, traces)``, complex values of one frequency each, to the same.
        section: ``(time, traces)``, checked.
        window: Samples and traces of a window, or one number for both; at most the section.
        overlap: Samples and traces that neighbors share; half of the window by default.
        band: Lowest and highest frequency, Hz; everything outside is zero in the result.
        dt: Sample interval, s; only the band needs it.
        caller: Name of the function that was called, for the messages.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If a size or the band is impossible.
    """
    size = _checked_pair(window, f"{caller}: window", 1)
    size = min(size[0], section.shape[0]), min(size[1], section.shape[1])
    shared = size[0] // 2, size[1] // 2
    if overlap is not None:
        shared = _checked_pair(overlap, f"{caller}: overlap", 0)
    if shared[0] >= size[0] or shared[1] >= size[1]:
        raise ValueError(
            f"{caller}: the overlap must be smaller than the window, received {shared[0]} x "
            f"{shared[1]} of {size[0]} x {size[1]} (no window is larger than the section)"
        )
    length = size[0] + size[0] // 2  # so that what leaves the window does not come in again
    used = np.ones(length // 2 + 1, bool)
    if band is not None:
        dt = checked_interval(dt, caller)
        low, high = checked_band(band, dt, caller)
        frequency = np.fft.rfftfreq(length, dt)
        used = (frequency >= low) & (frequency <= high)

    def filtered(windows: np.ndarray) -> np.ndarray:
        spectrum = np.moveaxis(np.fft.rfft(windows, length, axis=1), 1, 2)
        result = np.zeros_like(spectrum)
        if used.any():
            spectra = np.ascontiguousarray(np.moveaxis(spectrum[..., used], 1, 2))
            output = function(spectra.reshape(-1, size[1])).reshape(spectra.shape)
            result[..., used] = np.moveaxis(output, 1, 2)
        return np.moveaxis(np.fft.irfft(result, length, axis=2), 2, 1)[:, : size[0]]

    return _in_windows(filtered, section, size, shared).astype(np.float32)


def _in_windows(
    function: Filter, section: np.ndarray, size: tuple[int, int], shared: tuple[int, int]
) -> np.ndarray:
    """Windows ``(windows, time, traces)`` through a function, a row of them a thread."""
    (rows, by_row), (columns, by_column) = (
        blending(n, s, o) for n, s, o in zip(section.shape, size, shared, strict=True)
    )
    windows = np.lib.stride_tricks.sliding_window_view(section, size)
    result = np.zeros(section.shape)
    with ThreadPoolExecutor(available_cores()) as pool:
        outputs = pool.map(lambda row: function(windows[row, columns]), rows)
        for row, row_weight, output in zip(rows, by_row, outputs, strict=True):
            for column, weight, filtered in zip(columns, by_column, output, strict=True):
                place = np.s_[row : row + size[0], column : column + size[1]]
                result[place] += filtered * row_weight[:, None] * weight
    return result


def blending(length: int, window: int, overlap: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts of the windows along one axis and their weights, which sum to one everywhere.

    Args:
        length: Of the axis; at least one window.
        window: Length of a window.
        overlap: Samples that neighbors share, at least.

    Returns:
        Starts ``(windows,)`` and weights ``(windows, window)``.
    """
    starts = np.append(np.arange(0, length - window, window - overlap), length - window)
    distance = np.arange(window) + 0.5
    ramp = np.minimum(distance, distance[::-1]) / max(overlap, 1)
    weight = np.sin(np.pi / 2 * np.minimum(ramp, 1)) ** 2
    total = np.zeros(length)
    for start in starts:
        total[start : start + window] += weight
    # Dividing also handles samples in only one window and larger overlaps at the end.
    return starts, np.stack([weight / total[s : s + window] for s in starts])


def _checked_pair(value: Size, name: str, minimum: int) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, Sequence | np.ndarray) else (value, value)
    first, second = checked_size(pair, 2, name, minimum)
    return first, second
