"""What every kind of volume offers: lines, and traces by their numbers."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from keras_seismic.io.volumes.lines import Lines


class VolumeWriter(Protocol):
    """A file that gets new samples, trace by trace. A context manager."""

    def write(self, numbers: np.ndarray, traces: np.ndarray) -> None:
        """Write float32 ``(traces, time)`` under these numbers."""

    def synchronize(self) -> None:
        """Flush to disk."""

    def __enter__(self) -> Any: ...

    def __exit__(self, *error: Any) -> None: ...


class Volume(Protocol):
    """Traces on disk that are read piecewise, by their numbers in the file's own order.

    Attributes:
        path: The file or store.
        samples: Of each trace.
        traces: How many there are.
    """

    path: Path
    samples: int
    traces: int

    @property
    def dt(self) -> float | None:
        """Sample interval in s, if it is stated."""

    @property
    def is_volume(self) -> bool:
        """Whether it has inlines and crosslines."""

    def lines(self, along: str) -> Lines:
        """Its lines in one direction."""

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """float32 ``(traces, time)``."""

    def in_order(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All samples once, in the order that is quickest: trace numbers and ``(traces, time)``.

        A piece may hold only some of the samples of its traces.
        """

    def check_target(self, target: Path, integers: str) -> None:
        """Refuse a target of a format that cannot be written; as ``io.check_target``."""

    def writer(self, path: Path, target: Path, integers: str) -> VolumeWriter:
        """A file like this one with new samples; one that exists at ``path`` is gone on with.

        Args:
            path: The file to write.
            target: Its name in the end, whose suffix decides the format.
            integers: As for ``write_section``.
        """

    def output_bytes(self, target: Path) -> int:
        """Size of what the writer writes."""

    def slice_of(self, values: np.ndarray) -> np.ndarray:
        """One value for each trace as ``(inlines, crosslines)``, NaN where there is none."""


def fingerprint(path: str | os.PathLike[str]) -> list[Any]:
    """What tells a file or store from another and from a changed one.

    Its name, and sizes and times of change of what is in it.
    """
    path = Path(path).resolve()
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        found = file.stat()
        digest.update(f"{file.relative_to(path)} {found.st_size} {found.st_mtime_ns}".encode())
    return [str(path), len(files), digest.hexdigest()]
