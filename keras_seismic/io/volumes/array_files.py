"""Cubes and sections in NumPy files, mapped."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_seismic.io.arrays import let_go, read_array
from keras_seismic.io.section_writing import check_target
from keras_seismic.io.sections import Section
from keras_seismic.io.volumes.lines import Lines

#: Bytes of the file touched before they are given back.
_PIECE = 2**25


class ArrayVolume:
    """A ``.npy`` file of ``(time, inline, crossline)`` or ``(time, traces)``; see ``Volume``.

    The second axis runs along the inlines: ``cube[..., k]`` is the k-th, as ``line`` has it.

    Args:
        path: The file.
        line: Only this line of a cube.
    """

    def __init__(self, path: Path, line: int | None = None) -> None:
        array = read_array(path, mmap=True)
        if line is not None and array.ndim == 3:
            if not 0 <= line < array.shape[2]:
                raise ValueError(f"{path}: line must be in 0-{array.shape[2] - 1}, received {line}")
            array = array[:, :, line]
        if array.ndim not in (2, 3) or 0 in array.shape:
            raise ValueError(
                f"{path}: expected a section (time, traces) or a cube (time, inline, crossline), "
                f"received shape {array.shape}"
            )
        self.path, self.shape = path, array.shape
        self.dt: float | None = None
        self._cube: np.ndarray = array if array.ndim == 3 else array[..., None]
        self.samples, self._long, self._across = self._cube.shape
        self.traces = self._long * self._across

    @property
    def is_volume(self) -> bool:
        return len(self.shape) == 3

    def lines(self, along: str) -> Lines:
        if not self.is_volume:
            if along != "inline":
                raise ValueError(
                    f"{self.path}: along={along!r} needs a cube, received a section {self.shape}"
                )
            return Lines.single(self.traces)
        count, length = self._across, self._long
        order = None
        if along == "inline":
            order = np.arange(self.traces).reshape(length, count).T.ravel()
        else:
            count, length = length, count
        kind = "line" if along == "inline" else along
        return Lines(kind, np.arange(count), length * np.arange(count + 1), order)

    def read(self, numbers: np.ndarray) -> np.ndarray:
        traces = np.empty((len(numbers), self.samples), np.float32)
        place = np.divmod(numbers, self._across)
        with np.errstate(over="ignore"):  # found as infinity
            for times in _pieces(self._cube):
                traces[:, times] = self._cube[(times, *place)].T
                let_go(self._cube)
        return traces

    def in_order(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        numbers = np.arange(self.traces)
        with np.errstate(over="ignore"):
            for times in _pieces(self._cube):
                part = self._cube[times].astype(np.float32)
                yield numbers, part.reshape(len(part), -1).T
                let_go(self._cube)

    def check_target(self, target: Path, integers: str) -> None:
        if self.is_volume and target.suffix.lower() != ".npy":
            raise ValueError(
                f"{target}: {self.path} is a cube {self.shape} without headers; write .npy, or "
                "choose a line"
            )
        check_target(target, Section(np.empty(0), None, self.path), integers)

    def writer(self, path: Path, target: Path, integers: str) -> "ArrayWriter":
        return ArrayWriter(path, self.shape)

    def output_bytes(self, target: Path) -> int:
        return 4 * self.traces * self.samples

    def slice_of(self, values: np.ndarray) -> np.ndarray:
        image: np.ndarray = values.reshape(self._long, self._across).T
        return image


class ArrayWriter:
    """A float32 ``.npy`` file that gets its samples trace by trace. A context manager.

    Args:
        path: The file; one that exists is gone on with.
        shape: ``(time, inline, crossline)`` or ``(time, traces)``.

    Raises:
        OSError: If there is no room for it.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        if not path.exists():
            with path.open("wb") as file:
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                # Room for all of it: where a mapped file finds no room, the process dies.
                size = 4 * int(np.prod(shape))
                os.posix_fallocate(file.fileno(), file.tell(), size)
        self._mapped = np.lib.format.open_memmap(path, "r+")
        self._cube = self._mapped if len(shape) == 3 else self._mapped[..., None]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._mapped.flush()
        del self._cube, self._mapped

    def write(self, numbers: np.ndarray, traces: np.ndarray) -> None:
        """Write float32 ``(traces, time)`` under their numbers."""
        place = np.divmod(numbers, self._cube.shape[2])
        for times in _pieces(self._cube):
            self._cube[(times, *place)] = traces[:, times].T
            let_go(self._cube)

    def synchronize(self) -> None:
        """Flush to disk."""
        self._mapped.flush()


def _pieces(cube: np.ndarray) -> Iterator[slice]:
    """Ranges of time slices of a few megabytes."""
    count = len(cube)
    step = max(1, _PIECE // max(1, cube[0].nbytes))
    for first in range(0, count, step):
        yield slice(first, min(first + step, count))
