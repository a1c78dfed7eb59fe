"""Pairs in .npy files as OpenFWI has them: checked once, then read by number."""

import dataclasses
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_seismic.checks import check_finite, checked_velocity
from keras_seismic.io.arrays import read_header

_GATHER_AXES = "(pairs, shots, time, receivers)"
_VELOCITY_AXES = "(pairs, 1, depth, width)"
#: Buffers that one call of preadv may fill.
_MOST_BUFFERS = 1024


class FilePair(NamedTuple):
    """The files of some gathers and of their velocity models (``None`` where there are none)."""

    gathers: Path
    velocity: Path | None


class PairStore:
    """Raw gathers and velocity of pairs in several files.

    The first velocity model of every file is checked now, its units too; whether all numbers
    are finite is checked when they are read.

    Args:
        files: The files, in order.
        max_open_files: Files kept open at the same time.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not float32 in C order, counts or shapes do not agree, or the
            first velocity model of a file is not in m/s.
    """

    def __init__(self, files: Sequence[FilePair], max_open_files: int = 64) -> None:
        gathers = [RowFile.checked(pair.gathers, 4, _GATHER_AXES) for pair in files]
        velocity = [
            RowFile.checked(pair.velocity, 4, _VELOCITY_AXES) for pair in files if pair.velocity
        ]
        _check_alike(gathers)
        _check_alike(velocity)
        if velocity and velocity[0].row_shape[0] != 1:
            raise ValueError(
                f"{velocity[0].path}: expected velocity models {_VELOCITY_AXES}, received shape "
                f"{(velocity[0].count, *velocity[0].row_shape)}"
            )
        for one, other in zip(gathers, velocity, strict=False):
            if one.count != other.count:
                raise ValueError(
                    f"{one.path}: holds {one.count} gathers, but {other.path} holds "
                    f"{other.count} velocity models"
                )
        #: Pairs in each file.
        self.counts = [file.count for file in gathers]
        self._files, self._ends = tuple(files), np.cumsum(self.counts)
        pool = FilePool(max_open_files)
        shots, nt, receivers = gathers[0].row_shape
        #: ``(time, receivers, shots)`` of one example.
        self.gather_shape = (nt, receivers, shots)
        #: ``(depth, width)`` of the models; ``None`` for gathers alone.
        self.velocity_shape: tuple[int, int] | None = None
        # As rows of one shot each, so that some shots of a pair can be read.
        self._gathers = RowReader([file.split_rows() for file in gathers], pool)
        if velocity:
            depth, width = velocity[0].row_shape[1:]
            self.velocity_shape = depth, width
            self._velocity = RowReader([file.split_rows() for file in velocity], pool)
            for file, end in zip(velocity, self._ends, strict=True):
                first = np.empty((1, depth, width), np.float32)
                self._velocity.read(np.array([end - file.count]), first)
                checked_velocity(first, str(file.path))

    def __len__(self) -> int:
        return sum(self.counts)

    def read(
        self, numbers: np.ndarray, shots: Sequence[int], gathers: np.ndarray | None
    ) -> np.ndarray | None:
        """Read pairs; see ``Pairs.read``.

        Raises:
            OSError: If a file ends too early.
            ValueError: If a number is not finite; with the file and the pair.
        """
        if gathers is not None:
            rows = numbers[:, None] * self.gather_shape[2] + np.asarray(shots)
            if not self._gathers.read(rows.ravel(), gathers.reshape(-1, *gathers.shape[2:])):
                self._refuse(gathers, numbers, "gathers")
        if self.velocity_shape is None:
            return None
        velocity = np.empty((len(numbers), *self.velocity_shape), np.float32)
        if not self._velocity.read(numbers, velocity):
            self._refuse(velocity, numbers, "velocity")
        return velocity

    def _refuse(self, batch: np.ndarray, numbers: np.ndarray, kind: str) -> None:
        """Raise the error that names the pair whose numbers are not finite."""
        for pair, number in zip(batch, numbers, strict=True):
            file = int(np.searchsorted(self._ends, number, side="right"))
            row = number - self._ends[file] + self.counts[file]
            path = getattr(self._files[file], kind)
            check_finite(pair, f"{path}: pair {row} of the file, {number} of all")


@dataclasses.dataclass(frozen=True)
class RowFile:
    """A .npy file as rows along its first axis.

    Args:
        path: The file.
        offset: Byte where the first row begins.
        count: Number of rows.
        row_shape: Shape of a row.
    """

    path: Path
    offset: int
    count: int
    row_shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of float32."""
        return 4 * int(np.prod(self.row_shape, dtype=np.int64))

    @classmethod
    def checked(cls, path: str | os.PathLike[str], ndim: int, axes: str) -> "RowFile":
        """A file whose header is as OpenFWI's: float32 in C order with that many axes.

        Args:
            path: The file.
            ndim: Number of axes.
            axes: What they are, for the message.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no .npy file, its size is not what its header promises, or
                it holds something else; the message says how to convert it.
        """
        header = read_header(path)
        convert = (
            f"convert it once with a = np.load({str(path)!r}, allow_pickle=False); "
            "np.save(new, np.ascontiguousarray(a, 'float32'))"
        )
        if header.dtype != np.dtype("<f4"):
            raise ValueError(
                f"{path}: expected float32 of this machine's byte order, received dtype "
                f"{header.dtype.name} ({header.dtype.str}); {convert}"
            )
        if len(header.shape) != ndim or 0 in header.shape:
            raise ValueError(
                f"{path}: expected an array {axes} that is not empty, received shape {header.shape}"
            )
        if header.fortran_order:
            raise ValueError(
                f"{path}: expected C order, received Fortran order, whose rows are scattered over "
                f"the file; {convert}"
            )
        return cls(Path(path), header.offset, header.shape[0], header.shape[1:])

    def split_rows(self) -> "RowFile":
        """The same bytes as rows of one axis less, so that parts of a row can be read."""
        blocks, *shape = self.row_shape
        return RowFile(self.path, self.offset, self.count * blocks, tuple(shape))


class _OpenFile:
    """A descriptor that closes when nobody reads from it any more."""

    def __init__(self, path: Path) -> None:
        self.descriptor = -1
        self.descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        if hasattr(os, "posix_fadvise"):
            # Rows are large and in any order: what lies behind one is not what comes next.
            os.posix_fadvise(self.descriptor, 0, 0, os.POSIX_FADV_RANDOM)

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


class FilePool:
    """Reads parts of any number of files and keeps few of them open.

    Threads may share one. A copy in another process, by pickling, starts with nothing open.

    Args:
        limit: Files kept open; those being read at the moment may come on top.
    """

    def __init__(self, limit: int = 64) -> None:
        if limit < 1:
            raise ValueError(f"FilePool: limit must be positive, received {limit}")
        self.limit = limit
        self._files: OrderedDict[Path, _OpenFile] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: Path, offset: int, buffers: Sequence[np.ndarray]) -> None:
        """Fill C-contiguous buffers one after the other from a place in a file.

        Raises:
            OSError: If the file cannot be read or ends too early.
        """
        file = self._opened(path)  # held for the whole read, so that it stays open
        views = [memoryview(buffer).cast("B") for buffer in reversed(buffers)]
        while views:
            count = os.preadv(file.descriptor, views[: -_MOST_BUFFERS - 1 : -1], offset)
            if count == 0:
                raise OSError(
                    f"{path}: ends at byte {offset}, before what its header promises; was it "
                    "changed while it was read?"
                )
            offset += count
            while views and count >= len(views[-1]):
                count -= len(views.pop())
            if count:
                views[-1] = views[-1][count:]

    def _opened(self, path: Path) -> _OpenFile:
        with self._lock:
            file = self._files.pop(path, None) or _OpenFile(path)
            self._files[path] = file
            while len(self._files) > self.limit:
                self._files.popitem(last=False)
        return file

    def __getstate__(self) -> dict[str, int]:
        return {"limit": self.limit}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(**state)  # type: ignore[misc]


class RowReader:
    """Rows of several files, numbered through.

    Args:
        files: Files with rows of one shape.
        pool: Where they are opened.
    """

    def __init__(self, files: Sequence[RowFile], pool: FilePool) -> None:
        self.files, self.pool = tuple(files), pool
        self._ends = np.cumsum([file.count for file in files])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def read(self, numbers: np.ndarray, out: np.ndarray) -> bool:
        """Read rows into ``out``, ``(len(numbers), *row)``, in the order of the numbers.

        The files are read in the order of their bytes, neighboring rows together.

        Returns:
            Whether all numbers are finite. Looked at here, while they are in the processor's
            cache, for half of what it costs later.
        """
        order = np.argsort(numbers, kind="stable")
        ordered = np.asarray(numbers)[order]
        files = np.searchsorted(self._ends, ordered, side="right")
        breaks = np.flatnonzero((np.diff(ordered) != 1) | (np.diff(files) != 0)) + 1
        finite = True
        for run in np.split(np.arange(len(order)), breaks):
            if len(run):
                file = self.files[files[run[0]]]
                row = int(ordered[run[0]] - self._ends[files[run[0]]] + file.count)
                buffers = [out[place] for place in order[run]]
                self.pool.read(file.path, file.offset + row * file.row_bytes, buffers)
                finite = finite and all(np.isfinite(buffer).all() for buffer in buffers)
        return finite


def _check_alike(files: Sequence[RowFile]) -> None:
    for file in files:
        if file.row_shape != files[0].row_shape:
            raise ValueError(
                f"{file.path}: expected pairs of shape {files[0].row_shape} as in {files[0].path}, "
                f"received {file.row_shape}"
            )
