"""Seismic Unix files: traces with headers and nothing before them."""

import struct
from pathlib import Path

import numpy as np

from keras_seismic.io.segy.trace_layout import (
    COUNT_WORD,
    INTERVAL_WORD,
    ORDERS,
    TRACE_HEADER_BYTES,
    header_words,
)

_LONGEST_PLAUSIBLE_INTERVAL = 20_000  # us

#: Samples and trace headers examined to find the byte order.
_SAMPLES, _HEADERS = 100_000, 10_000


def su_byte_order(path: Path) -> tuple[str, int]:
    """The byte order that makes sense of a Seismic Unix file, and the samples of a trace.

    The format has no signature: a file counts as Seismic Unix if, in either byte order,
    its first trace header states a number of samples that divides the file into whole traces.

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
    stated = {
        endian: struct.unpack_from(f"{order}H", header, COUNT_WORD - 1)[0]
        for endian, order in ORDERS.items()
    }
    fitting = [endian for endian, n in stated.items() if n and size % _trace_bytes(n) == 0]
    if not fitting:
        raise ValueError(_refusal(path, size, header, stated))
    endian = max(fitting, key=lambda e: _plausibility(path, e, stated[e]))
    return endian, stated[endian]


def _trace_bytes(samples: int) -> int:
    return TRACE_HEADER_BYTES + 4 * samples


def _plausibility(path: Path, endian: str, samples: int) -> tuple[float, bool, bool]:
    """How well a file reads in a byte order; larger is better.

    Both orders can divide a file into traces (257 samples read 257 in either), but in the
    wrong one the exponents of the amplitudes are arbitrary.
    """
    trace_bytes = _trace_bytes(samples)
    traces = path.stat().st_size // trace_bytes
    record = np.dtype([
        ("header", f"V{TRACE_HEADER_BYTES}"), ("samples", f"{ORDERS[endian]}f4", (samples,))
    ])  # fmt: skip
    values = np.fromfile(path, record, min(traces, -(-_SAMPLES // samples)))["samples"]
    magnitude = np.abs(values[values != 0].astype(np.float32))
    sane = np.isfinite(magnitude) & (magnitude > 1e-15) & (magnitude < 1e15)
    step = -(-traces // _HEADERS)
    counts, intervals = (
        header_words(path, endian, 0, trace_bytes, word, step=step)
        for word in (COUNT_WORD, INTERVAL_WORD)
    )
    return (
        float(sane.mean()) if magnitude.size else 1.0,
        bool(np.all(counts == samples)),
        0 < int(intervals.max()) <= _LONGEST_PLAUSIBLE_INTERVAL,
    )


def _refusal(path: Path, size: int, header: bytes, stated: dict[str, int]) -> str:
    if header[:1] in (b"\xc3", b"C") and header.count(b"\0") < 40:
        return (
            f"{path}: expected a Seismic Unix file, but it begins with the text of a SEG-Y file; "
            "rename it to .segy"
        )
    if not any(stated.values()):
        return f"{path}: the first trace header says that traces have 0 samples"
    readings = " or ".join(
        f"{n} samples ({endian}-endian: {size // _trace_bytes(n)} traces and "
        f"{size % _trace_bytes(n)} bytes)"
        for endian, n in stated.items()
    )
    return (
        f"{path}: the first trace header says {readings}, which does not divide the file's {size} "
        "bytes into traces; the file is truncated or not a Seismic Unix file"
    )
