"""Reading SEG-Y sections."""

import os
import struct
from pathlib import Path

import numpy as np

_TEXT_BYTES, _BINARY_BYTES, _TRACE_HEADER_BYTES = 3200, 400, 240

#: Bytes of a sample in each format code that segyio reads.
_SAMPLE_BYTES = {1: 4, 2: 4, 3: 2, 5: 4, 6: 8, 8: 1, 10: 4, 11: 2, 16: 1}


def read_segy(path: str | os.PathLike) -> tuple[np.ndarray, float | None]:
    """All traces of a SEG-Y file.

    The file's size is compared with what its headers say before segyio, which does the
    reading, maps it. IBM and IEEE floats and integers, big- and little-endian.

    Args:
        path: The file.

    Returns:
        The samples, float32 ``(time, traces)``, and the sample interval in s (``None``
        where the header leaves it out).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no SEG-Y file, is shorter or longer than its headers
            say, or has no samples.
        ImportError: If segyio is not installed.
    """
    path = Path(path)
    endian, interval, _ = check_layout(path)
    try:
        import segyio
    except ImportError as error:
        raise ImportError(
            f"reading {path} needs segyio: pip install 'keras_seismic[segy]'"
        ) from error
    with segyio.open(str(path), ignore_geometry=True, endian=endian) as file:
        traces = file.trace.raw[:]
    return np.ascontiguousarray(traces.T, dtype=np.float32), interval


def check_layout(path: Path) -> tuple[str, float | None, int]:
    """Endianness, sample interval in s and format code of a file, its size checked.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If its size does not agree with its headers.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    size = path.stat().st_size
    if size < _TEXT_BYTES + _BINARY_BYTES + _TRACE_HEADER_BYTES:
        raise ValueError(
            f"{path}: expected a SEG-Y file, but {size} bytes cannot hold its headers and a trace"
        )
    with path.open("rb") as file:
        file.seek(_TEXT_BYTES)
        binary = file.read(_BINARY_BYTES)
    # Whichever byte order makes a known code of the format is the file's.
    orders = {"big": ">", "little": "<"}
    codes = {endian: struct.unpack_from(f"{orders[endian]}h", binary, 24)[0] for endian in orders}
    endian = next((name for name, code in codes.items() if code in _SAMPLE_BYTES), None)
    if endian is None:
        raise ValueError(
            f"{path}: expected a SEG-Y file, but bytes 3225-3226 hold no sample format code that "
            f"is known ({sorted(_SAMPLE_BYTES)}); is this a SEG-Y file at all?"
        )
    code, order = codes[endian], orders[endian]
    (interval,) = struct.unpack_from(f"{order}H", binary, 16)
    (samples,) = struct.unpack_from(f"{order}H", binary, 20)
    (extended,) = struct.unpack_from(f"{order}h", binary, 304)
    if samples == 0:
        raise ValueError(f"{path}: the binary header says that traces have 0 samples")
    trace_bytes = _TRACE_HEADER_BYTES + samples * _SAMPLE_BYTES[code]
    data = size - _TEXT_BYTES * (1 + max(extended, 0)) - _BINARY_BYTES
    if data < trace_bytes or data % trace_bytes:
        raise ValueError(
            f"{path}: the headers say {samples} samples of format {code}, {trace_bytes} bytes a "
            f"trace, but {data} bytes follow them: {max(data, 0) // trace_bytes} traces and "
            f"{data % trace_bytes} bytes; the file is truncated or no SEG-Y file"
        )
    return endian, interval * 1e-6 if interval else None, code
