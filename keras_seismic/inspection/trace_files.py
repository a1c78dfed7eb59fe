"""SEG-Y and Seismic Unix files: what their headers tell, and their traces without loading them.

Other than the readers of this package, this one goes on where something is wrong, and says so.
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.inspection.content import Content, FileProblem, Source
from keras_seismic.inspection.mapping import mapped
from keras_seismic.io.segy.seismic_unix import su_byte_order

_TEXT, _BINARY, _HEADER = 3200, 400, 240

#: Sample formats of SEG-Y: NumPy's type and a name.
_FORMATS = {
    1: ("u4", "IBM floats"),
    2: ("i4", "4-byte integers"),
    3: ("i2", "2-byte integers"),
    5: ("f4", "IEEE floats"),
    6: ("f8", "8-byte IEEE floats"),
    8: ("i1", "1-byte integers"),
    10: ("u4", "4-byte unsigned integers"),
    11: ("u2", "2-byte unsigned integers"),
    16: ("u1", "1-byte unsigned integers"),
}

#: Trace header words that tell what the file is: first byte from 0, and type.
_WORDS = {
    "field_record": (8, "i4"),
    "cdp": (20, "i4"),
    "trace_code": (28, "i2"),
    "offset": (36, "i4"),
    "source_x": (72, "i4"),
    "trace_samples": (114, "u2"),
    "interval": (116, "u2"),
}

_ENDIAN = {">": "big-endian", "<": "little-endian"}

#: Trace headers that are read at most.
_HEADERS_READ = 20_000


class _Samples:
    """The samples of a mapped trace file, ``(time, traces)``, converted where they are read."""

    def __init__(self, records: np.ndarray, ibm: bool) -> None:
        self._view, self._ibm = records["samples"].T, ibm
        self.shape = self._view.shape
        self.dtype = np.dtype(np.float32) if ibm else self._view.dtype

    def __getitem__(self, index: Any) -> np.ndarray:
        part = np.array(self._view[index])
        return ibm_to_float(part) if self._ibm else part


def ibm_to_float(words: np.ndarray) -> np.ndarray:
    """IBM floats, given as unsigned 4-byte integers of any byte order, as float32.

    Example:
        >>> ibm_to_float(np.array([0x42640000, 0xC1100000], ">u4")).tolist()
        [100.0, -1.0]
    """
    words = words.astype(np.uint32)
    fraction = (words & 0xFFFFFF).astype(np.float64)
    exponent = ((words >> 24) & 0x7F).astype(np.int32)
    sign = np.where(words >> 31, -1.0, 1.0)
    # A hexadecimal exponent of excess 64, and 24 bits behind the point.
    with np.errstate(over="ignore"):
        return (sign * np.ldexp(fraction, 4 * exponent - 280)).astype(np.float32)


def open_segy(path: Path) -> Content:
    """A SEG-Y file.

    Raises:
        FileProblem: If it is none, or its size is not what its headers say.
    """
    size = path.stat().st_size
    if size < _TEXT + _BINARY + _HEADER:
        raise FileProblem(f"{size} bytes cannot hold the headers of a SEG-Y file and a trace")
    with path.open("rb") as file:
        text, binary = file.read(_TEXT), file.read(_BINARY)
    order, code = _byte_order(binary)
    interval, samples, extended = (
        struct.unpack_from(f"{order}{kind}", binary, at)[0]
        for kind, at in (("H", 16), ("H", 20), ("h", 304))
    )
    revision = binary[300] if order == ">" else binary[301]
    if samples == 0:
        raise FileProblem("the binary header says that traces have 0 samples")
    kind, name = _FORMATS[code]
    start = _TEXT * (1 + max(extended, 0)) + _BINARY
    records, traces = _mapped(path, start, samples, np.dtype(f"{order}{kind}"))
    endian = _ENDIAN[order]
    content = Content(
        f"SEG-Y rev {revision}, {name} (format {code}), {endian}",
        {"traces": traces, "samples": samples, "text header": _text_lines(text)},
    )
    source = Source(
        "",
        _Samples(records, ibm=code == 1),
        (samples, traces),
        np.dtype(f"{order}{kind}") if code != 1 else np.dtype(np.float32),
        storage=f"{name}, {endian}",
    )
    _describe(content, source, records, interval, samples)
    return content


def open_su(path: Path) -> Content:
    """A Seismic Unix file: trace headers and floats, no file header.

    Raises:
        FileProblem: If no byte order makes sense of it.
    """
    try:
        name, samples = su_byte_order(path)
    except ValueError as error:
        raise FileProblem(str(error).removeprefix(f"{path}: ")) from error
    order = {"big": ">", "little": "<"}[name]
    with path.open("rb") as file:
        (interval,) = struct.unpack_from(f"{order}H", file.read(_HEADER), 116)
    endian = _ENDIAN[order]
    records, traces = _mapped(path, 0, samples, np.dtype(f"{order}f4"))
    content = Content(f"Seismic Unix, {endian}", {"traces": traces, "samples": samples})
    source = Source("", _Samples(records, False), (samples, traces), np.dtype(f"{order}f4"), endian)
    _describe(content, source, records, interval, samples)
    return content


def _byte_order(binary: bytes) -> tuple[str, int]:
    """Whichever order makes a known format code."""
    for order in (">", "<"):
        (code,) = struct.unpack_from(f"{order}h", binary, 24)
        if code in _FORMATS:
            return order, code
    raise FileProblem(
        "expected a SEG-Y file, but bytes 3225-3226 hold no sample format code that is known "
        f"({', '.join(map(str, _FORMATS))}); is this a SEG-Y file at all?"
    )


def _mapped(path: Path, start: int, samples: int, dtype: np.dtype) -> tuple[np.ndarray, int]:
    """The trace records of a file, mapped, and their number."""
    order = dtype.byteorder if dtype.byteorder in "<>" else "="
    record = np.dtype(
        {
            "names": [*_WORDS, "samples"],
            "formats": [f"{order}{kind}" for _, kind in _WORDS.values()] + [(dtype, (samples,))],
            "offsets": [at for at, _ in _WORDS.values()] + [_HEADER],
            "itemsize": _HEADER + samples * dtype.itemsize,
        }
    )
    data = path.stat().st_size - start
    traces, left = divmod(data, record.itemsize)
    if data < record.itemsize or left:
        raise FileProblem(
            f"the headers say {samples} samples, {record.itemsize} bytes a trace, but {data} bytes "
            f"follow them: {max(traces, 0)} traces and {left} bytes; the file is truncated or of "
            "another format"
        )
    return mapped(path, record, (traces,), start), traces


def _describe(
    content: Content, source: Source, records: np.ndarray, interval: int, samples: int
) -> None:
    """Add the samples, and what the trace headers tell."""
    content.sources.append(source)
    step = -(-len(records) // _HEADERS_READ)
    words = {name: np.asarray(records[name][::step]) for name in _WORDS}
    source.axes = ("time", "trace")
    source.why.append("traces of one length, one behind the other")
    if step > 1:
        source.notes.append(f"trace headers: every {step:,}th was read")
    _sample_interval(source, interval, words["interval"])
    other = int((words["trace_samples"] != samples).sum())
    if other and words["trace_samples"].any():
        source.warnings.append(
            f"{other:,} trace headers state another number of samples than {samples}"
        )
    if words["cdp"].any():
        content.facts["CDP"] = f"{words['cdp'].min()} to {words['cdp'].max()}"
    dead = int((words["trace_code"] == 2).sum())
    if dead:
        source.notes.append(f"{dead:,} traces are marked as dead in their headers")
    shots, offsets = (len(np.unique(words[name])) for name in ("field_record", "offset"))
    if offsets > 2:
        source.kind = "shot gathers"
        source.why.append(f"the trace headers hold {offsets:,} different offsets: pre-stack data")
        content.facts["shots"] = shots if step == 1 else f"{shots} or more"
        offset = words["offset"]
        content.facts["offsets"] = f"{offset.min()} to {offset.max()}, by the header as it is"
    else:
        source.why.append("no offsets in the trace headers: stacked or migrated")


def _sample_interval(source: Source, interval: int, traces: np.ndarray) -> None:
    """The sample interval from the binary header, else from the trace headers, in s."""
    stated = np.unique(traces[traces > 0])
    if interval:
        source.dt, source.dt_source = interval * 1e-6, "by the file's header"
        if len(stated) and (stated != interval).any():
            source.warnings.append(
                f"the trace headers say {', '.join(map(str, stated[:3]))} microseconds a sample, "
                f"the file's header {interval}; find out which is right"
            )
    elif len(stated) == 1:
        source.dt, source.dt_source = stated[0] * 1e-6, "by the trace headers"
    else:
        source.dt_source = "no header tells it; pass it where frequencies matter"
        if len(stated):
            source.warnings.append(f"the traces have {len(stated)} different sample intervals")
    if source.dt and not 1e-4 <= source.dt <= 0.02:
        source.warnings.append(
            f"a sample interval of {source.dt * 1e6:g} microseconds is unusual (1000 to 4000 is "
            "usual); perhaps it was written in other units"
        )


def _text_lines(text: bytes, most: int = 6) -> str:
    """The first lines of the text header that say something."""
    decoded = max(
        (text.decode("cp037", "replace"), text.decode("ascii", "replace")),
        key=lambda t: sum(c.isascii() and (c.isalnum() or c == " ") for c in t),
    )
    lines = [decoded[i + 3 : i + 80].strip() for i in range(0, len(decoded), 80)]
    said = ["".join(c for c in line if c.isprintable()) for line in lines if line.strip(" .-\0")]
    return " | ".join(" ".join(line.split()) for line in said[:most])
