"""The state of a waveform inversion in a file, from which a killed run goes on."""

import dataclasses
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.file_checks import checked_entries, parse_json
from keras_seismic.files import written_whole


def fingerprint(*parts: Any) -> str:
    """A name for what an inversion was asked, the same in every process."""
    return hashlib.sha256(b";".join(map(_description, parts))).hexdigest()


def _description(part: Any) -> bytes:
    """Arrays by their bytes, functions by their names, all else by its ``repr``."""
    if isinstance(part, np.ndarray):
        return f"{part.dtype}{part.shape}".encode() + np.ascontiguousarray(part).tobytes()
    if isinstance(part, tuple):
        return b"(" + b",".join(map(_description, part)) + b")"
    if dataclasses.is_dataclass(part):
        values = (getattr(part, field.name) for field in dataclasses.fields(part))
        return type(part).__qualname__.encode() + _description(tuple(values))
    return str(getattr(part, "__qualname__", repr(part))).encode()


def write_state(path: Path, asked: str, arrays: dict[str, np.ndarray], progress: Any) -> None:
    """Replace the state by a newer one.

    Args:
        path: ``.npz``.
        asked: The inversion's ``fingerprint``.
        arrays: By name.
        progress: JSON-compatible.
    """
    text = np.frombuffer(json.dumps([asked, progress]).encode(), np.uint8)
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{**arrays, "progress": text})  # type: ignore[arg-type]


def read_state(path: Path, asked: str) -> tuple[dict[str, np.ndarray], Any] | None:
    """The state that ``write_state`` wrote, or ``None`` if there is none yet.

    Raises:
        ValueError: If the file is another's, or of an inversion of other data or options.
    """
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            checked_entries(archive, path.stat().st_size)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        found, progress = parse_json(arrays.pop("progress").tobytes())
    except Exception as error:  # NumPy and zipfile raise anything
        raise ValueError(
            f"{path}: expected the state of a waveform inversion ({error}); remove it or choose "
            "another name"
        ) from error
    if found != asked:
        raise ValueError(
            f"{path}: is the state of an inversion of other gathers, start or options; remove it "
            "to begin anew, or choose another name"
        )
    return arrays, progress
