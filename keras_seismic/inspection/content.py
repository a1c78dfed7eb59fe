"""What a file holds before its numbers are looked at: format, headers and arrays."""

import dataclasses
from typing import Any

import numpy as np

#: Total bytes to load of a file's arrays that can only be loaded whole.
WHOLE = 2**28


class FileProblem(ValueError):
    """A file cannot be used; the message says what to do."""


@dataclasses.dataclass
class Source:
    """An array in a file, read in parts.

    Attributes:
        name: Its key in the file; empty where there is only one.
        array: Anything with ``shape`` and ``dtype`` that takes NumPy's basic indexing;
            ``None`` where only shape and type are known.
        shape: Its shape.
        dtype: Its sample type.
        storage: Byte order and the like, in words.
        axes: The names of its axes, if the format states them.
        kind: What it is, if the format states it.
        why: The reasons for these.
        dt: Sample interval in s, if the file states it.
        dt_source: Where it comes from, or why there is none.
        notes: Useful facts.
        warnings: What a user should know.
    """

    name: str
    array: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    storage: str = ""
    axes: tuple[str, ...] = ()
    kind: str = ""
    why: list[str] = dataclasses.field(default_factory=list)
    dt: float | None = None
    dt_source: str = ""
    notes: list[str] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Content:
    """A file's format, facts and arrays.

    Attributes:
        format: In words.
        facts: What the headers state, by name.
        sources: The arrays.
        warnings: About the file as a whole.
        kind: As in ``Inspection``.
        family: As in ``Inspection``.
    """

    format: str
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    sources: list[Source] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    kind: str = "arrays"
    family: str | None = None


def storage(dtype: np.dtype[Any], fortran: bool = False) -> str:
    """Byte order and array order in words."""
    native = "little" if np.little_endian else "big"
    order = {"<": "little", ">": "big", "=": native}.get(dtype.byteorder)
    parts = [f"{order}-endian"] if order else []
    return ", ".join(parts + (["Fortran order"] if fortran else []))
