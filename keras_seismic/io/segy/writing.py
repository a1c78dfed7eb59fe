"""Writing shot gathers as pre-stack SEG-Y."""

import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from keras_seismic.files import written_whole
from keras_seismic.io.segy.trace_layout import (
    BINARY_BYTES,
    COUNT_WORD,
    INTERVAL_WORD,
    SEGY_SUFFIXES,
    TRACE_HEADER_BYTES,
)
from keras_seismic.version import __version__

#: First byte of each trace header word written, counted from 1, and its type.
_WORDS = {
    "trace_of_line": (1, "i4"),
    "trace_of_file": (5, "i4"),
    "field_record": (9, "i4"),
    "channel": (13, "i4"),
    "source_point": (17, "i4"),
    "kind": (29, "i2"),  # 1: seismic data
    "offset": (37, "i4"),
    "receiver_elevation": (41, "i4"),
    "source_depth": (49, "i4"),
    "depth_scalar": (69, "i2"),
    "scalar": (71, "i2"),
    "source_x": (73, "i4"),
    "receiver_x": (81, "i4"),
    "units": (89, "i2"),  # 1: lengths
    "samples": (COUNT_WORD, "u2"),
    "interval": (INTERVAL_WORD, "u2"),
    "midpoint_x": (181, "i4"),
    "shot_point": (197, "i4"),
}

#: Most samples of a trace, and most us between them, in 16 bits.
_LARGEST = 65_535

_TEXT = (
    f"WRITTEN BY keras_seismic {__version__}",
    "LENGTHS IN M, TIMES IN MS; SAMPLES ARE IEEE FLOATS (FORMAT 5), BIG-ENDIAN",
    "FIELD RECORD 9-12 AND 17-20, CHANNEL 13-16",
    "SOURCE X 73-76, RECEIVER X 81-84, MIDPOINT X 181-184, SCALAR 71-72",
    "SOURCE DEPTH 49-52, RECEIVER ELEVATION (MINUS ITS DEPTH) 41-44, SCALAR 69-70",
    "OFFSET 37-40, RECEIVER X MINUS SOURCE X, WHOLE M WITHOUT A SCALAR",
)


def write_shot_gathers(
    path: str | os.PathLike[str],
    gathers: Iterable[np.ndarray],
    dt: float,
    sources: np.ndarray,
    receivers: np.ndarray,
    text: Sequence[str] = (),
) -> Path:
    """Write shot gathers as a pre-stack line in SEG-Y (revision 1, IEEE floats).

    Traces stand shot by shot. Their headers hold field record, channel, offset, the x of source,
    receiver and midpoint, and their depths, in m by the scalars; the text header says where.
    Coordinates are exact to 0.1 mm at best, and to what fits into 32 bits. ``read_shot_gathers``
    reads it back.

    Args:
        path: .segy or .sgy.
        gathers: One ``(time, receivers)`` a shot, from a generator if they are many: only one is
            in memory at a time.
        dt: Sample interval, s; a whole number of microseconds.
        sources: ``(x, depth)`` of each shot, m, ``(shots, 2)``.
        receivers: ``(x, depth)`` of each shot's receivers, m, ``(shots, receivers, 2)``.
        text: Lines of up to 76 characters for the text header, after those that say where the
            words are.

    Returns:
        The path.

    Raises:
        ValueError: If the suffix is another, a number does not fit the format, or the shots are
            not as many as the sources or of another shape than the receivers.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "line.segy"
        >>> sources = np.array([[0.0, 10.0], [50.0, 10.0]])
        >>> receivers = np.zeros((2, 3, 2)) + [[0.0, 10.0], [25.0, 10.0], [50.0, 10.0]]
        >>> _ = write_shot_gathers(path, np.ones((2, 100, 3)), 0.002, sources, receivers)
        >>> path.stat().st_size == 3600 + 2 * 3 * (240 + 4 * 100)
        True

    Reference:
        SEG Technical Standards Committee (2002), SEG Y rev 1 data exchange format.
    """
    path, sources, receivers = Path(path), np.asarray(sources), np.asarray(receivers)
    if path.suffix.lower() not in SEGY_SUFFIXES:
        raise ValueError(f"{path}: expected a .segy or .sgy file, received {path.suffix!r}")
    count, channels = receivers.shape[:2]
    scalar, factor = _scalar(np.concatenate([sources.ravel(), receivers.ravel()]))
    written, samples = 0, 0
    with written_whole(path) as temporary, temporary.open("wb") as file:
        for shot, gather in enumerate(gathers):
            if shot == 0:
                samples = len(gather)
                check_segy_limits(path, samples, dt)
                file.write(_text_header((*_TEXT, *text)))
                file.write(_binary_header(samples, dt, channels))
            if shot >= count or gather.shape != (samples, channels):
                raise ValueError(
                    f"{path}: expected {count} gathers (time, receivers) of {(samples, channels)}, "
                    f"received {shot + 1} or more, that one of {gather.shape}"
                )
            traces = _traces(shot, gather, dt, scalar)
            x, depth = np.moveaxis(np.rint(receivers[shot] * factor), -1, 0)
            source_x, source_depth = np.rint(sources[shot] * factor)
            traces["receiver_x"], traces["source_x"] = x, source_x
            traces["midpoint_x"] = np.rint((x + source_x) / 2)
            traces["receiver_elevation"], traces["source_depth"] = -depth, source_depth
            traces["offset"] = np.rint(receivers[shot, :, 0] - sources[shot, 0])
            file.write(traces.tobytes())
            written += 1
        if written != count:
            raise ValueError(f"{path}: expected {count} gathers, one a source, received {written}")
    return path


def check_segy_limits(path: Path, samples: int, dt: float) -> None:
    """Refuse traces that SEG-Y's 16-bit words cannot describe."""
    interval = dt * 1e6
    if abs(interval - round(interval)) > 1e-6 * interval or not 1 <= round(interval) <= _LARGEST:
        raise ValueError(
            f"{path}: SEG-Y holds sample intervals of 1 to {_LARGEST} whole microseconds, received "
            f"dt={dt:g} s; resample, or write .npy"
        )
    if not 1 <= samples <= _LARGEST:
        raise ValueError(
            f"{path}: SEG-Y holds traces of 1 to {_LARGEST} samples, received {samples}; write .npy"
        )


def _traces(shot: int, gather: np.ndarray, dt: float, scalar: int) -> np.ndarray:
    """The traces of a shot as they stand in the file, without positions."""
    samples, channels = gather.shape
    record = np.dtype({
        "names": [*_WORDS, "trace"],
        "formats": [*(f">{kind}" for _, kind in _WORDS.values()), (">f4", (samples,))],
        "offsets": [*(byte - 1 for byte, _ in _WORDS.values()), TRACE_HEADER_BYTES],
        "itemsize": TRACE_HEADER_BYTES + 4 * samples,
    })  # fmt: skip
    traces = np.zeros(channels, record)
    number = np.arange(1, channels + 1)
    traces["channel"] = number
    traces["trace_of_line"] = traces["trace_of_file"] = shot * channels + number
    traces["field_record"] = traces["source_point"] = traces["shot_point"] = shot + 1
    traces["kind"] = traces["units"] = 1
    traces["scalar"] = traces["depth_scalar"] = scalar
    traces["samples"], traces["interval"] = samples, round(dt * 1e6)
    traces["trace"] = gather.T
    return traces


def _scalar(coordinates: np.ndarray) -> tuple[int, int]:
    """The coordinate scalar, negative for a divisor, and what to multiply coordinates by."""
    for factor in (1, 10, 100, 1000, 10_000):
        scaled = coordinates * factor
        if np.abs(scaled - np.rint(scaled)).max() < 1e-6 * factor:
            break
    while factor > 1 and np.abs(coordinates).max() * factor >= 2**31:
        factor //= 10
    if not np.abs(coordinates).max() * factor < 2**31:
        raise ValueError("SEG-Y holds coordinates of less than 2^31 m, received larger ones")
    return (1 if factor == 1 else -factor), factor


def _text_header(lines: Sequence[str]) -> bytes:
    """40 lines of 80 characters in EBCDIC, as the standard wants them."""
    body = [*lines, *[""] * (38 - len(lines)), "SEG Y REV1", "END TEXTUAL HEADER"]
    cards = [f"C{number:2d} {line[:76]:<76}" for number, line in enumerate(body[-40:], 1)]
    return "".join(cards).encode("cp037", errors="replace")


def _binary_header(samples: int, dt: float, channels: int) -> bytes:
    header = bytearray(BINARY_BYTES)
    for byte, kind, value in (
        (3201, "i", 1),  # job
        (3205, "i", 1),  # line
        (3209, "i", 1),  # reel
        (3213, "h", min(channels, 32_767)),  # traces of an ensemble
        (3217, "H", round(dt * 1e6)),
        (3219, "H", round(dt * 1e6)),
        (3221, "H", samples),
        (3223, "H", samples),
        (3225, "h", 5),  # IEEE floats
        (3229, "h", 5),  # sorted by source
        (3255, "h", 1),  # meters
        (3501, "H", 0x0100),  # revision 1
        (3503, "h", 1),  # all traces have the same length
    ):
        struct.pack_into(f">{kind}", header, byte - 3201, value)
    return bytes(header)
