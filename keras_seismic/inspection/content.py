"""What a file holds before its numbers are looked at: format, headers, arrays to read from."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

#: Bytes of a file's arrays that are loaded where they can only be loaded whole, all together.
WHOLE = 2**28


class FileProblem(ValueError):
    """Why a file cannot be used; the message says what to do."""


class LoadedWhole:
    """An array that cannot be read in parts: loaded when it is first looked at.

    Args:
        name: What to call it in errors.
        shape: Its shape.
        dtype: Its sample type.
        load: Loads it.
    """

    def __init__(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype, load: Callable[[], np.ndarray]
    ) -> None:
        self.name, self.shape, self.dtype = name, shape, dtype
        self._load, self._array = load, np.empty(0)
        self._loaded = False

    @property
    def nbytes(self) -> int:
        """Bytes of the whole."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __getitem__(self, index: Any) -> np.ndarray:
        if not self._loaded:
            self._array = readable(self.name, self._load)
            if self._array.shape != self.shape or self._array.dtype.kind not in "fiub":
                raise ValueError(
                    f"{self.name} is said to be {self.dtype} {self.shape}, but holds "
                    f"{self._array.dtype} {self._array.shape}"
                )
            self._loaded = True
        return self._array[index]


def readable(name: str, read: Callable[[], Any]) -> Any:
    """What a reader returns, whatever it raises turned into a ValueError.

    Raises:
        ValueError: If the numbers are damaged.
    """
    try:
        return read()
    except MemoryError:
        raise
    except Exception as error:  # zlib's, h5py's and SciPy's for damaged files are of all kinds
        raise ValueError(f"{name} is damaged: {error}") from error


@dataclasses.dataclass
class Source:
    """An array in a file, read in parts.

    Attributes:
        name: Its key in the file; empty where there is only one.
        array: Whatever has ``shape`` and ``dtype`` and takes NumPy's basic indexing;
            ``None`` where only shape and type are known.
        shape: Its shape.
        dtype: Its sample type.
        storage: Byte order and the like, for people.
        axes: The names of its axes where the format tells them.
        kind: What it is, where the format tells it.
        why: The reasons for these.
        dt: Sample interval in s, where the file tells it.
        dt_source: Where it comes from, or why there is none.
        notes: What is good to know.
        warnings: What a user should know.
    """

    name: str
    array: Any
    shape: tuple[int, ...]
    dtype: np.dtype
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
        format: For people.
        facts: What headers tell, by name.
        sources: The arrays.
        warnings: About the file as a whole.
        file: Something open that must be closed after reading, or ``None``.
    """

    format: str
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    sources: list[Source] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    file: Any = None

    def close(self) -> None:
        """Close what is open."""
        if self.file is not None:
            self.file.close()


def storage(dtype: np.dtype, fortran: bool = False) -> str:
    """Byte order and array order, as people say it."""
    native = "little" if np.little_endian else "big"
    order = {"<": "little", ">": "big", "=": native}.get(dtype.byteorder)
    parts = [f"{order}-endian"] if order else []
    return ", ".join(parts + (["Fortran order"] if fortran else []))
