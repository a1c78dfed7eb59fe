"""Trace header words by name, and the positions of sources and receivers from them."""

import dataclasses
import difflib
from typing import Any

import numpy as np

from keras_seismic.io.segy.trace_layout import TRACE_HEADER_BYTES, TraceLayout

Word = str | int

_FEET = 0.3048
_COORDINATE_UNITS = {2: "seconds of arc", 3: "decimal degrees", 4: "degrees, minutes, seconds"}


def word_byte(word: Word) -> int:
    """First byte of a trace header word, counted from 1.

    Args:
        word: SEG-Y's name as segyio spells it (``"FieldRecord"``), Seismic Unix's
            (``"fldr"``), or the byte itself (9).

    Raises:
        ValueError: If there is no such word; names that look alike are listed.
        ImportError: If segyio is not installed.
    """
    try:
        import segyio.su
    except ImportError as error:
        raise ImportError(
            "SEG-Y header words need segyio: pip install 'keras_seismic[segy]'"
        ) from error
    names = {str(name).lower(): int(byte) for name, byte in segyio.tracefield.keys.items()}
    known = set(names.values())
    for name in dir(segyio.su.words):
        byte = getattr(segyio.su.words, name)
        if not name.startswith("_") and isinstance(byte, int) and int(byte) in known:
            names.setdefault(name.lower(), int(byte))
    if isinstance(word, str) and word.lower() in names:
        return names[word.lower()]
    if not isinstance(word, str) and word in known:
        return int(word)
    if isinstance(word, str):
        near = difflib.get_close_matches(word.lower(), names, n=4, cutoff=0.5)
        spelt = {str(name).lower(): str(name) for name in segyio.tracefield.keys}
        likely = [spelt.get(str(name), str(name)) for name in near]
        hint = f"; did you mean {', '.join(likely)}?" if near else ""
    else:
        hint = "; words begin at other bytes"
    raise ValueError(
        f"unknown trace header word {word!r}; expected a name such as 'FieldRecord', 'SourceX', "
        f"'GroupX', 'fldr', 'sx', 'gx', or a word's first byte{hint}"
    )


def word_values(layout: TraceLayout, word: Word) -> np.ndarray:
    """A word of all trace headers, int32 ``(traces,)``.

    Args:
        layout: Of the file.
        word: As for ``word_byte``.

    Raises:
        ValueError: If there is no such word.
        ImportError: If segyio is not installed.
    """
    byte = word_byte(word)
    import segyio

    begins = sorted({int(b) for b in segyio.tracefield.keys.values()})
    following = begins[begins.index(byte) + 1] if byte < begins[-1] else TRACE_HEADER_BYTES + 1
    values = layout.words(byte, "i4" if following - byte >= 4 else "i2")
    return values.astype(np.int32)


@dataclasses.dataclass(frozen=True)
class TracePositions:
    """Which shot a trace belongs to and where its source and receiver are; all ``(traces,)``.

    Attributes:
        shot: Value of the shot word.
        source_x: m.
        receiver_x: m.
        scatter: Largest distance of a position from the line in m, where ``x`` is measured
            along a line through two coordinates.
    """

    shot: np.ndarray
    source_x: np.ndarray
    receiver_x: np.ndarray
    scatter: float = 0.0


def read_positions(
    layout: TraceLayout,
    shot_word: Word,
    source_word: Word | tuple[Word, Word],
    receiver_word: Word | tuple[Word, Word],
    scalar_word: Word | None,
    source_unit: float | None,
    receiver_unit: float | None,
) -> TracePositions:
    """Positions of sources and receivers along the line; see ``read_shot_gathers``.

    Raises:
        ValueError: If a word is unknown, or the coordinates are empty or not lengths.
    """
    bytes_of = [
        [word_byte(w) for w in (words if isinstance(words, tuple | list) else (words,))]
        for words in (shot_word, source_word, receiver_word)
    ]
    if len(bytes_of[1]) > 2 or len(bytes_of[2]) > 2:
        raise ValueError(
            f"{layout.path}: a position is one header word or a pair of them, received "
            f"{source_word!r} and {receiver_word!r}"
        )
    scalar_byte = None if scalar_word is None else word_byte(scalar_word)
    relative = bytes_of[2] == [word_byte("offset")]
    with layout.open() as file:

        def words(byte: int) -> np.ndarray:
            return np.asarray(file.attributes(byte)[:], np.float64)

        lengths = _length_unit(file, layout) if None in (source_unit, receiver_unit) else 1.0
        scalar = _factor(words(scalar_byte)) if scalar_byte else np.ones(layout.traces)
        shot = file.attributes(bytes_of[0][0])[:]
        source = np.stack([words(b) for b in bytes_of[1]], axis=1)
        receiver = np.stack([words(b) for b in bytes_of[2]], axis=1)
    source *= (scalar * lengths)[:, None] if source_unit is None else source_unit
    if receiver_unit is not None:
        receiver *= receiver_unit
    else:
        # By the standard, offsets are whole meters (or feet), without a scalar.
        receiver *= lengths if relative else (scalar * lengths)[:, None]
    _check_not_empty(layout, receiver, receiver_word, shot)
    return _along_line(shot, source, receiver, relative)


def _factor(scalar: np.ndarray) -> np.ndarray:
    """What a coordinate scalar multiplies by: negative ones divide, 0 stands for 1."""
    scalar = np.where(scalar == 0, 1, scalar)
    return np.where(scalar < 0, 1 / np.abs(scalar), scalar)


def _length_unit(file: Any, layout: TraceLayout) -> float:
    """Meters of one unit of length in this file."""
    units = set(np.unique(file.attributes(word_byte("CoordinateUnits"))[:]).tolist())
    angles = units & set(_COORDINATE_UNITS)
    if angles:
        raise ValueError(
            f"{layout.path}: its coordinates are in {_COORDINATE_UNITS[min(angles)]} (trace header "
            "bytes 89-90), not in lengths; pass source_unit= and receiver_unit=, the meters of one "
            "unit of the words that you name, if that is wrong"
        )
    if layout.kind == "su":
        return 1.0
    import segyio

    return _FEET if file.bin[segyio.BinField.MeasurementSystem] == 2 else 1.0


def _check_not_empty(
    layout: TraceLayout, receiver: np.ndarray, word: Word | tuple[Word, Word], shot: np.ndarray
) -> None:
    if len(receiver) > len(np.unique(shot)) and not np.ptp(receiver, axis=0).any():
        value = receiver[0, 0]
        raise ValueError(
            f"{layout.path}: header word {word!r} is {value:g} in every trace, so that it cannot "
            "say where the receivers are; name another one by receiver_word= (for instance "
            "'TraceNumber' or 'offset', with the meters of one unit as receiver_unit=)"
        )


def _along_line(
    shot: np.ndarray, source: np.ndarray, receiver: np.ndarray, relative: bool
) -> TracePositions:
    """Coordinates on one axis: as they are, or along the line through pairs of them."""
    if source.shape[1] == 1 and receiver.shape[1] == 1:
        receiver_x = receiver[:, 0] + (source[:, 0] if relative else 0)
        return TracePositions(shot, source[:, 0], receiver_x)
    if source.shape[1] != receiver.shape[1] and not relative:
        raise ValueError(
            "positions of sources and receivers must be both one header word or both a pair, "
            f"received {source.shape[1]} and {receiver.shape[1]}"
        )
    points = source if relative else np.concatenate([source, receiver])
    center = points.mean(axis=0)
    # The direction of largest spread, pointing toward larger first coordinates.
    _, _, axes = np.linalg.svd(points - center, full_matrices=False)
    direction = axes[0] * (1 if axes[0][np.argmax(np.abs(axes[0]))] > 0 else -1)
    across = np.array([-direction[1], direction[0]])
    origin = ((points - center) @ direction).min()
    source_x = (source - center) @ direction - origin
    receiver_x = source_x + receiver[:, 0] if relative else (receiver - center) @ direction - origin
    return TracePositions(
        shot, source_x, receiver_x, float(np.abs((points - center) @ across).max())
    )
