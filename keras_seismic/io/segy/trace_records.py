"""Traces of a file by their numbers, read and written where they stand."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np


class TraceRecords:
    """Records of equal length in a file, by their numbers and in any order.

    Those that stand side by side are read or written in one call. Nothing is mapped, so that a
    full disk or a file that was cut short is an error and not a crash. A context manager.

    Args:
        path: The file; made if it is to be written and does not exist.
        record: Type of a record.
        start: Where the first one begins in the file, bytes.
        write: Whether records will be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], record: np.dtype[Any], start: int = 0, *,
        write: bool = False,
    ) -> None:  # fmt: skip
        self.path, self.record, self.start = Path(path), record, start
        self._file = os.open(path, os.O_RDWR | os.O_CREAT if write else os.O_RDONLY, 0o666)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._file)

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """The records of these numbers, in this order.

        Raises:
            ValueError: If the file ends before.
        """
        order = np.argsort(numbers, kind="stable")
        records = np.empty(len(numbers), self.record)
        for offset, part in self._runs(numbers[order], records):
            received = os.preadv(self._file, [part], offset)
            if received != len(part):
                raise ValueError(
                    f"{self.path}: ended at byte {offset + received} while it was read; has it "
                    "been changed or cut short?"
                )
        if (np.diff(order) == 1).all():
            return records
        asked = np.empty_like(records)
        asked[order] = records
        return asked

    def write(self, numbers: np.ndarray, records: np.ndarray) -> None:
        """Write the records of these numbers."""
        order = np.argsort(numbers, kind="stable")
        if not (np.diff(order) == 1).all():
            records = records[order]
        for offset, part in self._runs(numbers[order], np.ascontiguousarray(records)):
            while part:  # a disk that is nearly full takes a part, and none the next time
                written = os.pwrite(self._file, part, offset)
                part, offset = part[written:], offset + written

    def reserve(self, count: int) -> None:
        """Take the room for that many records from the disk, or raise that it is full."""
        os.posix_fallocate(self._file, 0, self.start + count * self.record.itemsize)

    def write_start(self, content: bytes) -> None:
        """What stands before the first record."""
        os.pwrite(self._file, content, 0)

    def synchronize(self) -> None:
        """Flush to disk."""
        os.fsync(self._file)

    def _runs(self, numbers: np.ndarray, records: np.ndarray) -> Iterator[tuple[int, memoryview]]:
        """Offset in the file and place in memory of each run of consecutive records."""
        size, content = self.record.itemsize, memoryview(records.view(np.uint8).data).cast("B")
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        for first, stop in zip([0, *breaks], [*breaks, len(numbers)], strict=True):
            if stop > first:
                offset = self.start + int(numbers[first]) * size
                yield offset, content[first * size : stop * size]
