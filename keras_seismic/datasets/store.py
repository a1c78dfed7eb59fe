"""Pairs in OpenFWI's .npy files: checked once, then read by number."""

import functools
import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_seismic.checks import check_finite, checked_velocity
from keras_seismic.io.arrays import ArrayHeader, read_array, read_header

#: Files that are mapped at the same time.
_MAPPED_FILES = 256


class FilePair(NamedTuple):
    """The files of some gathers and of their velocity models (``None`` where there are none)."""

    gathers: Path
    velocity: Path | None


class PairStore:
    """Raw gathers and velocity of pairs in several files, which are mapped into memory.

    The first velocity model of every file is checked now, including its units; whether all numbers
    are finite is checked when they are read.

    Args:
        files: The files, in order.
        half: Whether gathers are in half precision.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not float32 (or float16) in C order, counts or shapes do not agree,
            or the first velocity model of a file is not in m/s.
    """

    def __init__(self, files: Sequence[FilePair], half: bool = False) -> None:
        self._files = tuple(files)
        self._gathers = [
            _checked(
                pair.gathers, "(pairs, shots, time, receivers)", np.dtype("<f2" if half else "<f4")
            )
            for pair in files
        ]
        self._velocity = [
            _checked(pair.velocity, "(pairs, 1, depth, width)", np.dtype("<f4"))
            for pair in files
            if pair.velocity
        ]
        for kind, headers in (("gathers", self._gathers), ("velocity", self._velocity)):
            for pair, header in zip(files, headers, strict=False):
                if header.shape[1:] != headers[0].shape[1:]:
                    raise ValueError(
                        f"{getattr(pair, kind)}: expected pairs of shape {headers[0].shape[1:]} as "
                        f"in {getattr(files[0], kind)}, received {header.shape[1:]}"
                    )
        for pair, one, other in zip(files, self._gathers, self._velocity, strict=False):
            if other.shape[1] != 1:
                raise ValueError(
                    f"{pair.velocity}: expected velocity models (pairs, 1, depth, width), received "
                    f"shape {other.shape}"
                )
            if one.shape[0] != other.shape[0]:
                raise ValueError(
                    f"{pair.gathers}: holds {one.shape[0]} gathers, but {pair.velocity} holds "
                    f"{other.shape[0]} velocity models"
                )
        #: Pairs in each file.
        self.counts = [header.shape[0] for header in self._gathers]
        self._starts = np.cumsum([0, *self.counts])
        shots, nt, receivers = self._gathers[0].shape[1:]
        #: ``(time, receivers, shots)`` of one example.
        self.gather_shape = (nt, receivers, shots)
        #: ``(depth, width)`` of the models; ``None`` for gathers alone.
        self.velocity_shape: tuple[int, int] | None = None
        # Each map holds a file descriptor, and a program may have only a few.
        self._mapped = functools.lru_cache(_MAPPED_FILES)(_mapped)
        if self._velocity:
            depth, width = self._velocity[0].shape[2:]
            self.velocity_shape = depth, width
            for pair in files:
                checked_velocity(self._mapped(pair.velocity)[:1, 0], str(pair.velocity))

    def __getstate__(self) -> dict[str, Any]:
        """Without the mapped files, which another process maps for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_mapped"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._mapped = functools.lru_cache(_MAPPED_FILES)(_mapped)

    def __len__(self) -> int:
        return sum(self.counts)

    def read(
        self, numbers: np.ndarray, shots: Sequence[int], gathers: np.ndarray | None
    ) -> np.ndarray | None:
        """Read pairs, in the order in which they are on disk; see ``Pairs.read``.

        Raises:
            OSError: If a file was cut off since it was opened.
            ValueError: If a number is not finite; the message names the file and the pair.
        """
        velocity = None
        if self.velocity_shape is not None:
            velocity = np.empty((len(numbers), *self.velocity_shape), np.float32)
        for place in np.argsort(numbers):
            file = int(np.searchsorted(self._starts, numbers[place], side="right")) - 1
            row, pair = int(numbers[place] - self._starts[file]), self._files[file]
            where = f"pair {row} of the file, {numbers[place]} of all"
            # Copying releases Python's lock. The copy is checked while it is still in the
            # processor's cache.
            if gathers is not None:
                rows = self._rows(pair.gathers, self._gathers[file])[row]
                _fetch(rows)
                for k, shot in enumerate(shots):
                    gathers[place, k] = rows[shot]
                check_finite(gathers[place], f"{pair.gathers}: {where}")
            if velocity is not None:
                velocity[place] = self._rows(pair.velocity, self._velocity[file])[row, 0]
                check_finite(velocity[place], f"{pair.velocity}: {where}")
        return velocity

    def _rows(self, path: Path | None, header: ArrayHeader) -> np.ndarray:
        """The array in a file."""
        assert path is not None
        rows, size = self._mapped(path), path.stat().st_size
        if size < header.offset + rows.nbytes:  # reading it would end the program
            raise OSError(
                f"{path}: ends at byte {size}, before what its header promises; was it changed "
                "while it was read?"
            )
        return rows


def _fetch(rows: np.ndarray) -> None:
    """Have the system read mapped rows from the disk at once, not page by page as they are used."""
    memory: Any = rows
    while isinstance(memory, np.ndarray):
        memory = memory.base
    if not hasattr(mmap, "MADV_WILLNEED") or not isinstance(memory, mmap.mmap):
        return
    origin = np.frombuffer(memory, np.uint8).ctypes.data
    start = (rows.ctypes.data - origin) // mmap.PAGESIZE * mmap.PAGESIZE
    memory.madvise(mmap.MADV_WILLNEED, start, rows.ctypes.data - origin + rows.nbytes - start)


def _mapped(path: Path) -> np.ndarray:
    return np.asarray(read_array(path, mmap=True))


def _checked(path: str | os.PathLike[str], axes: str, dtype: np.dtype[Any]) -> ArrayHeader:
    """The header of a file of that type in C order with four axes."""
    header = read_header(path)
    convert = (
        f"convert it once with a = np.load({str(path)!r}, allow_pickle=False); "
        f"np.save(new, np.ascontiguousarray(a, '{dtype.name}'))"
    )
    if header.dtype != dtype:
        raise ValueError(
            f"{path}: expected {dtype.name} of this machine's byte order, received dtype "
            f"{header.dtype.name} ({header.dtype.str}); {convert}"
        )
    if len(header.shape) != 4 or 0 in header.shape:
        raise ValueError(
            f"{path}: expected an array {axes} that is not empty, received shape {header.shape}"
        )
    if header.fortran_order:
        raise ValueError(
            f"{path}: expected C order, received Fortran order, whose rows are scattered over "
            f"the file; {convert}"
        )
    return header
