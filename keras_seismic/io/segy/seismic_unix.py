"""Seismic Unix files: traces with headers and nothing before them."""

import struct
from pathlib import Path

import numpy as np

from keras_seismic.io.segy.trace_layout import (
    COUNT_WORD,
    INTERVAL_WORD,
    TRACE_HEADER_BYTES,
    TraceLayout,
    check_counts,
    header_words,
    stated,
)

_ORDERS = {"big": ">", "little": "<"}
_IEEE_FLOAT = 5
_LONGEST_PLAUSIBLE_INTERVAL = 20_000  # us

#: Samples looked at to tell the byte order.
_LOOKED_AT = 100_000


def su_layout(path: Path) -> TraceLayout:
    """The layout of a Seismic Unix file, in whichever byte order makes sense of it.

    The format has no mark of its own: a file is taken for one if, read in one of the byte
    orders, its first trace header states a number of samples that divides the file into
    whole traces.

    Raises:
        ValueError: If it does so in neither, or traces have different lengths.
    """
    endian, samples = su_byte_order(path)
    trace_bytes = _trace_bytes(samples)
    counts = header_words(path, endian, 0, trace_bytes, COUNT_WORD)
    check_counts(path, counts, samples, "the first trace header")
    intervals = header_words(path, endian, 0, trace_bytes, INTERVAL_WORD)
    return TraceLayout(path, "su", endian, _IEEE_FLOAT, samples, len(counts), 0, stated(intervals))


def su_byte_order(path: Path) -> tuple[str, int]:
    """The byte order that makes sense of a Seismic Unix file, and its samples a trace.

    Returns:
        ``"big"`` or ``"little"``, and the number of samples by the first trace header.

    Raises:
        ValueError: If that number divides the file into whole traces in neither order.
    """
    size = path.stat().st_size
    if size <= TRACE_HEADER_BYTES:
        raise ValueError(
            f"{path}: expected a Seismic Unix file, but {size} bytes cannot hold a trace"
        )
    with path.open("rb") as file:
        header = file.read(TRACE_HEADER_BYTES)
    stated_samples = {
        endian: struct.unpack_from(f"{order}H", header, COUNT_WORD - 1)[0]
        for endian, order in _ORDERS.items()
    }
    fitting = [endian for endian, n in stated_samples.items() if n and size % _trace_bytes(n) == 0]
    if not fitting:
        raise ValueError(_refusal(path, size, header, stated_samples))
    endian = max(fitting, key=lambda e: _plausibility(path, e, stated_samples[e]))
    return endian, stated_samples[endian]


def _trace_bytes(samples: int) -> int:
    return TRACE_HEADER_BYTES + 4 * samples


def _plausibility(path: Path, endian: str, samples: int) -> tuple[float, bool, bool]:
    """How well a file reads in a byte order; the larger the better.

    Both orders can divide a file into traces (257 samples read 257 in either), but in the
    wrong one amplitudes are of any exponent.
    """
    trace_bytes = _trace_bytes(samples)
    order = _ORDERS[endian]
    count = min(path.stat().st_size // trace_bytes, -(-_LOOKED_AT // samples))
    record = np.dtype([("header", f"V{TRACE_HEADER_BYTES}"), ("samples", f"{order}f4", (samples,))])
    values = np.memmap(path, record, "r", shape=(count,))["samples"].astype(np.float32)
    magnitude = np.abs(values[values != 0])
    sane = np.isfinite(magnitude) & (magnitude > 1e-15) & (magnitude < 1e15)
    fraction = float(sane.mean()) if magnitude.size else 1.0
    counts = header_words(path, endian, 0, trace_bytes, COUNT_WORD)
    intervals = stated(header_words(path, endian, 0, trace_bytes, INTERVAL_WORD))
    return (
        fraction,
        bool(np.all(counts == samples)),
        bool(intervals) and max(intervals) <= _LONGEST_PLAUSIBLE_INTERVAL,
    )


def _refusal(path: Path, size: int, header: bytes, stated_samples: dict[str, int]) -> str:
    if header[:1] in (b"\xc3", b"C") and header.count(b"\0") < 40:
        return (
            f"{path}: expected a Seismic Unix file, but it begins with the text of a SEG-Y file; "
            "rename it to .segy"
        )
    if not any(stated_samples.values()):
        return f"{path}: the first trace header says that traces have 0 samples"
    readings = " or ".join(
        f"{n} samples ({endian}-endian: {size // _trace_bytes(n)} traces and "
        f"{size % _trace_bytes(n)} bytes)"
        for endian, n in stated_samples.items()
    )
    return (
        f"{path}: the first trace header says {readings}, which does not divide the file's {size} "
        "bytes into traces; the file is truncated or no Seismic Unix file"
    )
