"""Where the traces of a SEG-Y or Seismic Unix file are."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.io.arrays import let_go, mapped
from keras_seismic.io.segy.samples import IBM_FLOAT, SAMPLE_TYPES, ibm_to_float

TEXT_BYTES, BINARY_BYTES, TRACE_HEADER_BYTES = 3200, 400, 240

SEGY_SUFFIXES, SU_SUFFIXES = (".segy", ".sgy"), (".su",)

#: First bytes of the trace header words for sample count and sample interval in us.
COUNT_WORD, INTERVAL_WORD = 115, 117

#: Header words read at a time.
_WORDS = 2**14

#: NumPy's characters for byte orders.
ORDERS = {"big": ">", "little": "<"}


@dataclasses.dataclass(frozen=True)
class TraceLayout:
    """Where the traces of a file are and how they are stored; returned by ``read_layout``.

    Attributes:
        path: The file.
        kind: ``"segy"`` or ``"su"``.
        endian: ``"big"`` or ``"little"``.
        code: Sample format, by SEG-Y's codes; 5 (IEEE float) for Seismic Unix.
        samples: Samples of each trace.
        traces: Number of traces.
        start: Offset of the first trace in bytes.
        intervals: The distinct sample intervals in us that the headers state.
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
    def sample_type(self) -> np.dtype[Any]:
        """NumPy type of a sample in the file, IBM floats as four-byte words."""
        return np.dtype(f"{ORDERS[self.endian]}{SAMPLE_TYPES[self.code]}")

    @property
    def trace_bytes(self) -> int:
        """Bytes of a trace with its header."""
        return TRACE_HEADER_BYTES + self.samples * self.sample_type.itemsize

    @property
    def dt(self) -> float | None:
        """Sample interval in s, ``None`` where the headers state none or several."""
        return self.intervals[0] * 1e-6 if len(self.intervals) == 1 else None

    def words(self, first_byte: int, dtype: str = "u2", step: int = 1) -> np.ndarray:
        """A word of the trace headers, ``(traces,)``, or of every ``step``-th one.

        Args:
            first_byte: Where it begins, counted from 1.
            dtype: NumPy type without byte order.
            step: 1 for all traces.
        """
        return header_words(
            self.path, self.endian, self.start, self.trace_bytes, first_byte, dtype, step
        )

    @property
    def record(self) -> np.dtype[Any]:
        """A trace as it stands in the file: ``"header"`` and ``"samples"``."""
        return np.dtype([
            ("header", f"V{TRACE_HEADER_BYTES}"),
            ("samples", self.sample_type, (self.samples,)),
        ])  # fmt: skip

    def sample_words(self, first: int, count: int) -> np.ndarray:
        """Four-byte samples of some traces as unsigned integers, ``(traces, time)``."""
        offset = self.start + first * self.trace_bytes
        traces = np.fromfile(self.path, self.record, count, offset=offset)
        return traces["samples"].astype(np.uint32)

    def open(self, path: str | os.PathLike[str] | None = None, mode: str = "r") -> Any:
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


class MappedTraces:
    """The samples of a trace file, ``(time, traces)``, read and converted when indexed.

    For a quick look at samples of a large file; needs no segyio. Samples are the numbers that
    ``read_segy`` returns, in the file's own type (IBM floats as float32).

    Args:
        layout: Of the file, from ``read_layout``.

    Example:
        >>> traces = MappedTraces(read_layout("line.segy"))  # doctest: +SKIP
        >>> traces.shape, traces[:, :10].shape  # doctest: +SKIP
        ((2001, 305), (2001, 10))
    """

    def __init__(self, layout: TraceLayout) -> None:
        self._ibm = layout.code == IBM_FLOAT
        traces = mapped(layout.path, layout.record, (layout.traces,), layout.start, scattered=True)
        self._words = traces["samples"].T
        self.shape: tuple[int, ...] = self._words.shape
        self.dtype = np.dtype(np.float32) if self._ibm else self._words.dtype

    def __getitem__(self, index: Any) -> np.ndarray:
        part = np.array(self._words[index])
        return ibm_to_float(part) if self._ibm else part


def header_words(
    path: Path,
    endian: str,
    start: int,
    trace_bytes: int,
    first_byte: int,
    dtype: str = "u2",
    step: int = 1,
) -> np.ndarray:
    """A word of the trace headers, ``(traces,)``; the file's size must have been checked."""
    traces = (path.stat().st_size - start) // trace_bytes
    record = np.dtype({
        "names": ["word"],
        "formats": [f"{ORDERS[endian]}{dtype}"],
        "offsets": [first_byte - 1],
        "itemsize": trace_bytes,
    })  # fmt: skip
    words = mapped(path, record, (traces,), start, scattered=step > 1)["word"]
    found = np.empty(-(-traces // step), dtype)
    for first in range(0, len(found), _WORDS):  # a mapped file counts as memory once it is read
        found[first : first + _WORDS] = words[first * step : (first + _WORDS) * step : step]
        let_go(words)
    return found
