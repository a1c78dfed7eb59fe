"""Where the traces of a SEG-Y or Seismic Unix file lie, checked before anything is mapped."""

import dataclasses
import os
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np

TEXT_BYTES, BINARY_BYTES, TRACE_HEADER_BYTES = 3200, 400, 240

#: Bytes of a sample in each format code that segyio reads.
SAMPLE_BYTES = {1: 4, 2: 4, 3: 2, 5: 4, 6: 8, 8: 1, 10: 4, 11: 2, 16: 1}

#: Formats that hold whole numbers.
INTEGER_TYPES = {
    2: np.int32,
    3: np.int16,
    8: np.int8,
    10: np.uint32,
    11: np.uint16,
    16: np.uint8,
}

#: Format codes of the standard that segyio does not read into numbers.
_OTHER_FORMATS = {
    4: "fixed point with gain",
    7: "3-byte integer",
    9: "8-byte integer",
    12: "unsigned 8-byte integer",
    15: "unsigned 3-byte integer",
}

SEGY_SUFFIXES, SU_SUFFIXES = (".segy", ".sgy"), (".su",)

#: First bytes of the trace header words for sample count and sample interval in us.
COUNT_WORD, INTERVAL_WORD = 115, 117

_ORDERS = {"big": ">", "little": "<"}


class HeaderWarning(UserWarning):
    """Headers of a file contradict each other, in something that can be done without."""


@dataclasses.dataclass(frozen=True)
class TraceLayout:
    """Where the traces of a file lie and what they are made of.

    Attributes:
        path: The file.
        kind: ``"segy"`` or ``"su"``.
        endian: ``"big"`` or ``"little"``.
        code: Sample format, by SEG-Y's codes; 5 (IEEE float) for Seismic Unix.
        samples: Samples of each trace.
        traces: Number of traces.
        start: Offset of the first trace in bytes.
        intervals: The different sample intervals in us that the headers state.
    """

    path: Path
    kind: str
    endian: str
    code: int
    samples: int
    traces: int
    start: int
    intervals: tuple[int, ...]

    @property
    def trace_bytes(self) -> int:
        """Bytes of a trace with its header."""
        return TRACE_HEADER_BYTES + self.samples * SAMPLE_BYTES[self.code]

    @property
    def dt(self) -> float | None:
        """Sample interval in s, ``None`` where the headers state none or several."""
        return self.intervals[0] * 1e-6 if len(self.intervals) == 1 else None

    def words(self, first_byte: int) -> np.ndarray:
        """A two-byte word of every trace header, uint16 ``(traces,)``."""
        return header_words(self.path, self.endian, self.start, self.trace_bytes, first_byte)

    def sample_words(self, first: int, count: int) -> np.ndarray:
        """Four-byte samples of some traces as unsigned integers, ``(traces, time)``."""
        order = _ORDERS[self.endian]
        record = np.dtype([
            ("header", f"V{TRACE_HEADER_BYTES}"), ("samples", f"{order}u4", (self.samples,))
        ])  # fmt: skip
        offset = self.start + first * self.trace_bytes
        traces = np.fromfile(self.path, record, count, offset=offset)
        return traces["samples"].astype(np.uint32)

    def open(self, path: str | os.PathLike | None = None, mode: str = "r") -> Any:
        """The file, or a copy of it, opened by segyio.

        Raises:
            ImportError: If segyio is not installed.
        """
        path = str(path or self.path)
        try:
            import segyio
            import segyio.su
        except ImportError as error:
            raise ImportError(
                f"{path}: SEG-Y and SU files need segyio: pip install 'keras_seismic[segy]'"
            ) from error
        opener = segyio.su.open if self.kind == "su" else segyio.open
        return opener(path, mode, ignore_geometry=True, endian=self.endian)


def header_words(
    path: Path, endian: str, start: int, trace_bytes: int, first_byte: int
) -> np.ndarray:
    """A two-byte word of every trace header, uint16 ``(traces,)``.

    The file's size must have been checked.
    """
    traces = (path.stat().st_size - start) // trace_bytes
    record = np.dtype({
        "names": ["word"],
        "formats": [f"{_ORDERS[endian]}u2"],
        "offsets": [first_byte - 1],
        "itemsize": trace_bytes,
    })  # fmt: skip
    return np.memmap(path, record, "r", offset=start, shape=(traces,))["word"].astype(np.uint16)


def read_layout(path: str | os.PathLike) -> TraceLayout:
    """The layout of a SEG-Y (.segy, .sgy) or Seismic Unix (.su) file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the suffix is another one, the file is of another format, its size does
            not agree with its headers, or its traces have no samples or different numbers of
            them.

    Warns:
        HeaderWarning: If its headers state different sample intervals.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    suffix = path.suffix.lower()
    if suffix in SU_SUFFIXES:
        from keras_seismic.io.segy.seismic_unix import su_layout

        layout = su_layout(path)
    elif suffix in SEGY_SUFFIXES:
        layout = _segy_layout(path)
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


def _segy_layout(path: Path) -> TraceLayout:
    size = path.stat().st_size
    if size < TEXT_BYTES + BINARY_BYTES + TRACE_HEADER_BYTES:
        raise ValueError(
            f"{path}: expected a SEG-Y file, but {size} bytes cannot hold its headers and a trace"
        )
    with path.open("rb") as file:
        file.seek(TEXT_BYTES)
        binary = file.read(BINARY_BYTES)
    endian, code = _sample_format(path, binary)
    order = _ORDERS[endian]
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
    trace_bytes = TRACE_HEADER_BYTES + samples * SAMPLE_BYTES[code]
    data = size - start
    if data < trace_bytes or data % trace_bytes:
        raise ValueError(
            f"{path}: the headers say {samples} samples of format {code}, {trace_bytes} bytes a "
            f"trace, but {data} bytes follow them: {max(data, 0) // trace_bytes} traces and "
            f"{data % trace_bytes} bytes; the file is truncated or no SEG-Y file, or its traces "
            "have different lengths"
        )
    counts = header_words(path, endian, start, trace_bytes, COUNT_WORD)
    check_counts(path, counts, samples, "the binary header")
    intervals = header_words(path, endian, start, trace_bytes, INTERVAL_WORD)
    return TraceLayout(
        path, "segy", endian, code, samples, len(counts), start, stated(intervals, interval)
    )


def _sample_format(path: Path, binary: bytes) -> tuple[str, int]:
    """Byte order and format code: whichever order makes a known code is the file's."""
    codes = {name: struct.unpack_from(f"{o}h", binary, 24)[0] for name, o in _ORDERS.items()}
    for name, code in codes.items():
        if code in SAMPLE_BYTES:
            return name, code
    for code in codes.values():
        if code in _OTHER_FORMATS:
            raise ValueError(
                f"{path}: the samples are of format {code} ({_OTHER_FORMATS[code]}), which cannot "
                f"be read; expected one of {sorted(SAMPLE_BYTES)}"
            )
    raise ValueError(
        f"{path}: expected a SEG-Y file, but bytes 3225-3226 hold no sample format code that "
        f"is known ({sorted(SAMPLE_BYTES)}); is this a SEG-Y file at all? (Seismic Unix files "
        "end in .su)"
    )


def check_counts(path: Path, counts: np.ndarray, samples: int, source: str) -> None:
    """Refuse traces whose headers state another number of samples; 0 states none.

    Raises:
        ValueError: With the first such trace.
    """
    wrong = np.flatnonzero((counts != 0) & (counts != samples))
    if wrong.size:
        raise ValueError(
            f"{path}: traces must have the same length, {samples} samples by {source}, but "
            f"{wrong.size} of {len(counts)} trace headers say otherwise, the first, trace "
            f"{wrong[0] + 1}, {counts[wrong[0]]}"
        )


def stated(intervals: np.ndarray, binary: int = 0) -> tuple[int, ...]:
    """The different intervals in us that are not zero."""
    return tuple(int(i) for i in np.unique(np.append(intervals, binary)) if i)
