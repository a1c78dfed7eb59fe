"""Reading SEG-Y and Seismic Unix files: their layout, checked first, and their traces."""

import os
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.file_checks import check_file
from keras_seismic.io.segy.samples import IBM_FLOAT, SAMPLE_TYPES, ibm_to_float
from keras_seismic.io.segy.seismic_unix import su_byte_order
from keras_seismic.io.segy.trace_layout import (
    BINARY_BYTES,
    COUNT_WORD,
    INTERVAL_WORD,
    ORDERS,
    SEGY_SUFFIXES,
    SU_SUFFIXES,
    TEXT_BYTES,
    TRACE_HEADER_BYTES,
    TraceLayout,
)

_IEEE_FLOAT = 5

#: Format codes of the standard that segyio does not convert to numbers.
_OTHER_FORMATS = {
    4: "fixed point with gain",
    7: "3-byte integer",
    9: "8-byte integer",
    12: "unsigned 8-byte integer",
    15: "unsigned 3-byte integer",
}

#: Traces held in memory a second time, as they come from the file.
CHUNK = 4096


class HeaderWarning(UserWarning):
    """Headers of a file contradict each other on something inessential."""


def read_segy(path: str | os.PathLike[str]) -> tuple[np.ndarray, float | None]:
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
        ValueError: If the file is of another format, its size is not what its headers say, or
            its traces have no samples or different numbers of them.
        ImportError: If segyio is not installed.

    Warns:
        HeaderWarning: If the headers state different sample intervals.

    Example:
        >>> amplitude, dt = read_segy("line.segy")  # doctest: +SKIP
    """
    layout = read_layout(path)
    traces = np.empty((layout.traces, layout.samples), np.float32)
    with layout.open() as file:
        for first in range(0, layout.traces, CHUNK):
            traces[first : first + CHUNK] = read_traces(file, layout, first, CHUNK)
    return np.ascontiguousarray(traces.T), layout.dt


def read_traces(file: Any, layout: TraceLayout, first: int, count: int) -> np.ndarray:
    """Consecutive traces of an open file.

    Args:
        file: What ``layout.open()`` returned.
        layout: Of the file.
        first: Index of the first trace.
        count: How many; fewer at the file's end.

    Returns:
        float32 ``(traces, time)``.
    """
    traces: np.ndarray = file.trace.raw[first : first + count].astype(np.float32)
    if layout.code == IBM_FLOAT:
        words = layout.sample_words(first, len(traces))
        # segyio misreads fractions that begin with a zero digit. Other software writes them, most
        # often as zero with an exponent.
        unusual = (words & 0x00FFFFFF < 0x00100000) & (words & 0x7FFFFFFF != 0)
        if unusual.any():
            traces[unusual] = ibm_to_float(words[unusual])
    return traces


def read_layout(path: str | os.PathLike[str], most_headers: int | None = None) -> TraceLayout:
    """The layout of a SEG-Y (.segy, .sgy) or Seismic Unix (.su) file, fully checked.

    Args:
        path: The file.
        most_headers: Most trace headers to check, spread evenly; all by default. For a quick
            look at a large file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the suffix is unknown, the file is of another format, its size does
            not agree with its headers, or its traces have no samples or different numbers of
            them.

    Warns:
        HeaderWarning: If its headers state different sample intervals.

    Example:
        >>> layout = read_layout("line.segy")  # doctest: +SKIP
        >>> layout.traces, layout.samples, layout.dt  # doctest: +SKIP
        (305, 2001, 0.004)
    """
    path = Path(path)
    check_file(path)
    suffix = path.suffix.lower()
    if suffix in SU_SUFFIXES:
        endian, samples = su_byte_order(path)
        layout = _checked(path, "su", endian, _IEEE_FLOAT, samples, 0, 0, most_headers)
    elif suffix in SEGY_SUFFIXES:
        layout = _segy_layout(path, most_headers)
    else:
        raise ValueError(f"{path}: expected a .segy, .sgy or .su file, received {suffix!r}")
    if len(layout.intervals) > 1:
        warnings.warn(
            f"{path}: the headers state different sample intervals, "
            f"{', '.join(map(str, layout.intervals))} us; the file is taken to state none",
            HeaderWarning,
            stacklevel=2,
        )
    return layout


def _segy_layout(path: Path, most_headers: int | None) -> TraceLayout:
    size = path.stat().st_size
    if size < TEXT_BYTES + BINARY_BYTES + TRACE_HEADER_BYTES:
        raise ValueError(
            f"{path}: expected a SEG-Y file, but {size} bytes cannot hold its headers and a trace"
        )
    with path.open("rb") as file:
        file.seek(TEXT_BYTES)
        binary = file.read(BINARY_BYTES)
    endian, code = _sample_format(path, binary)
    order = ORDERS[endian]
    (interval,) = struct.unpack_from(f"{order}H", binary, 16)
    (samples,) = struct.unpack_from(f"{order}H", binary, 20)
    (extended,) = struct.unpack_from(f"{order}h", binary, 304)
    if samples == 0:
        raise ValueError(f"{path}: the binary header says that traces have 0 samples")
    if extended < 0:
        raise ValueError(
            f"{path}: the binary header leaves the number of extended text headers open "
            f"({extended}); expected 0 or more of them"
        )
    start = TEXT_BYTES * (1 + extended) + BINARY_BYTES
    return _checked(path, "segy", endian, code, samples, start, interval, most_headers)


def _sample_format(path: Path, binary: bytes) -> tuple[str, int]:
    """Byte order and format code: the order in which the code is known."""
    codes = {name: struct.unpack_from(f"{o}h", binary, 24)[0] for name, o in ORDERS.items()}
    for name, code in codes.items():
        if code in SAMPLE_TYPES:
            return name, code
    for code in codes.values():
        if code in _OTHER_FORMATS:
            raise ValueError(
                f"{path}: the samples are of format {code} ({_OTHER_FORMATS[code]}), which cannot "
                f"be read; expected one of {sorted(SAMPLE_TYPES)}"
            )
    raise ValueError(
        f"{path}: expected a SEG-Y file, but bytes 3225-3226 hold no sample format code that "
        f"is known ({sorted(SAMPLE_TYPES)}); is this a SEG-Y file at all? (Seismic Unix files "
        "end in .su)"
    )


def _checked(
    path: Path,
    kind: str,
    endian: str,
    code: int,
    samples: int,
    start: int,
    interval: int,
    most_headers: int | None,
) -> TraceLayout:
    """The layout, if the file's size and the trace headers agree with it."""
    layout = TraceLayout(path, kind, endian, code, samples, 0, start, ())
    data = path.stat().st_size - start
    traces, left = divmod(max(data, 0), layout.trace_bytes)
    if not traces or left:
        raise ValueError(
            f"{path}: the headers say {samples} samples of format {code}, {layout.trace_bytes} "
            f"bytes a trace, but {data} bytes follow them: {traces} traces and {left} bytes; the "
            "file is truncated or not a SEG-Y file, or its traces have different lengths"
        )
    step = -(-traces // (most_headers or traces))
    counts, intervals = (layout.words(word, step=step) for word in (COUNT_WORD, INTERVAL_WORD))
    wrong = np.flatnonzero((counts != 0) & (counts != samples))  # 0 states none
    if wrong.size:
        source = "the first trace header" if kind == "su" else "the binary header"
        raise ValueError(
            f"{path}: traces must have the same length, {samples} samples by {source}, but "
            f"{wrong.size} of {len(counts)} trace headers say otherwise, the first, trace "
            f"{wrong[0] * step + 1}, {counts[wrong[0]]}"
        )
    stated = tuple(int(i) for i in np.unique(np.append(intervals, interval)) if i)
    return TraceLayout(path, kind, endian, code, samples, traces, start, stated)
