"""Reading the traces of SEG-Y and Seismic Unix files."""

import os
from typing import Any

import numpy as np

from keras_seismic.io.segy.trace_layout import TraceLayout, read_layout

_IBM_FLOAT = 1

#: Traces held in memory a second time, as they come from the file.
CHUNK = 4096


def read_segy(path: str | os.PathLike) -> tuple[np.ndarray, float | None]:
    """All traces of a SEG-Y (.segy, .sgy) or Seismic Unix (.su) file.

    The file's size is compared with what its headers say before segyio, which does the
    reading, maps it. IBM and IEEE floats and integers, big- and little-endian.

    Args:
        path: The file.

    Returns:
        The samples, float32 ``(time, traces)``, and the sample interval in s (``None``
        where the headers leave it out or contradict each other).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is of another format, is shorter or longer than its headers
            say, or its traces have no samples or different numbers of them.
        ImportError: If segyio is not installed.

    Warns:
        HeaderWarning: If the headers state different sample intervals.
    """
    layout = read_layout(path)
    traces = np.empty((layout.traces, layout.samples), np.float32)
    with layout.open() as file:
        for first in range(0, layout.traces, CHUNK):
            traces[first : first + CHUNK] = read_traces(file, layout, first, CHUNK)
    return np.ascontiguousarray(traces.T), layout.dt


def read_traces(file: Any, layout: TraceLayout, first: int, count: int) -> np.ndarray:
    """Some traces of an open file, one after the other.

    Args:
        file: What ``layout.open()`` returned.
        layout: Of the file.
        first: Index of the first trace.
        count: How many; fewer at the file's end.

    Returns:
        float32 ``(traces, time)``.
    """
    traces = file.trace.raw[first : first + count].astype(np.float32)
    if layout.code == _IBM_FLOAT:
        _repair_unnormalized(traces, layout.sample_words(first, len(traces)))
    return traces


def _repair_unnormalized(traces: np.ndarray, words: np.ndarray) -> None:
    """IBM floats whose fraction begins with a zero digit, which segyio takes for other numbers.

    ``(-1)^sign fraction 16^(exponent - 64)`` holds for them as well; other software writes them,
    zero with an exponent above all.
    """
    fraction = words & 0x00FFFFFF
    unusual = (fraction < 0x00100000) & (words & 0x7FFFFFFF != 0)
    if unusual.any():
        bits = words[unusual].astype(np.int64)
        value = (bits & 0x00FFFFFF) * 2.0**-24 * 16.0 ** ((bits >> 24 & 0x7F) - 64)
        traces[unusual] = np.where(bits >> 31, -value, value)
