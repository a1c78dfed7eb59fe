"""Files of pairs, checked and read by pair number."""

from collections.abc import Sequence

import numpy as np

from keras_seismic.checks import check_finite, checked_velocity
from keras_seismic.datasets.openfwi.files import FilePool, RowFile, RowReader
from keras_seismic.datasets.openfwi.layout import FilePair

_GATHER_AXES = "(pairs, shots, time, receivers)"
_VELOCITY_AXES = "(pairs, 1, depth, width)"


class PairStore:
    """Raw gathers and velocity of pairs in several files.

    The first velocity model of every file is checked now, its units too; whether all numbers
    are finite is checked when they are read.

    Args:
        files: The files, in order.
        max_open_files: Files kept open at the same time.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not as OpenFWI's, counts or shapes do not agree, or the first
            velocity model of a file is not in m/s.
    """

    def __init__(self, files: Sequence[FilePair], max_open_files: int) -> None:
        gathers = [RowFile.checked(pair.gathers, 4, _GATHER_AXES) for pair in files]
        _check_alike(gathers)
        velocity = [
            RowFile.checked(pair.velocity, 4, _VELOCITY_AXES) for pair in files if pair.velocity
        ]
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
        return len(self._gathers) // self.gather_shape[2]

    def gathers(
        self, numbers: Sequence[int] | np.ndarray, shots: Sequence[int], out: np.ndarray
    ) -> None:
        """Read shots of pairs into ``out``, C-contiguous ``(pairs, shots, time, receivers)``.

        Raises:
            ValueError: If a number is not finite; with the file and the pair.
        """
        rows = np.asarray(numbers)[:, None] * self.gather_shape[2] + np.asarray(shots)
        if not self._gathers.read(rows.ravel(), out.reshape(-1, *out.shape[2:])):
            self._refuse(out, numbers, "gathers")

    def velocity(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """Velocity models of pairs, ``(pairs, depth, width)``, m/s; empty if there are none.

        Raises:
            ValueError: If a number is not finite; with the file and the pair.
        """
        if self.velocity_shape is None:
            return np.empty(0, np.float32)
        velocity = np.empty((len(numbers), *self.velocity_shape), np.float32)
        if not self._velocity.read(np.asarray(numbers), velocity):
            self._refuse(velocity, numbers, "velocity")
        return velocity

    def _refuse(self, batch: np.ndarray, numbers: Sequence[int] | np.ndarray, kind: str) -> None:
        """Raise the error that names the pair whose numbers are not finite."""
        for pair, number in zip(batch, np.asarray(numbers), strict=True):
            file = int(np.searchsorted(self._ends, number, side="right"))
            row = number - self._ends[file] + self.counts[file]
            path = getattr(self._files[file], kind)
            check_finite(pair, f"{path}: pair {row} of the file, {number} of all")


def _check_alike(files: Sequence[RowFile]) -> None:
    for file in files:
        if file.row_shape != files[0].row_shape:
            raise ValueError(
                f"{file.path}: expected pairs of shape {files[0].row_shape} as in {files[0].path}, "
                f"received {file.row_shape}"
            )
