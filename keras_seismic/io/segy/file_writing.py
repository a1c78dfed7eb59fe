"""Trace files written as another one with new samples."""

import warnings
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from keras_seismic.io.segy.samples import decoded, encoded
from keras_seismic.io.segy.trace_layout import TraceLayout
from keras_seismic.io.segy.trace_records import TraceRecords


class ClippingWarning(UserWarning):
    """Amplitudes were clipped to what a file's integers can hold."""


class TraceFileReader:
    """The traces of a SEG-Y or Seismic Unix file by their numbers.

    Args:
        layout: Of the file, from ``read_layout``.
    """

    def __init__(self, layout: TraceLayout) -> None:
        self.layout = layout
        self.records = TraceRecords(layout.path, layout.record, layout.start)

    def close(self) -> None:
        self.records.close()

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """float32 ``(traces, time)``."""
        return decoded(self.records.read(numbers)["samples"], self.layout.code)


class TraceFileWriter:
    """A copy of a SEG-Y or Seismic Unix file that gets new samples, trace by trace.

    Text, binary and trace headers, sample format and byte order are the original's, byte for
    byte, and so is every sample whose value does not change. A context manager, which warns at
    its end of amplitudes that were clipped. A file that exists is gone on with.

    Args:
        path: The file to write.
        layout: Of the original, which is read along.
        integers: ``"round"`` refuses what does not fit a file of integers, ``"clip"`` clips it.
        named: The file's name in messages.

    Raises:
        OSError: If there is no room for it.
    """

    def __init__(
        self, path: Path, layout: TraceLayout, integers: str, named: Path | None = None
    ) -> None:
        self.layout, self.integers, self.named = layout, integers, named or path
        self.clipped = 0
        self._original = TraceRecords(layout.path, layout.record, layout.start)
        self._file = TraceRecords(path, layout.record, layout.start, write=True)
        try:
            self._file.reserve(layout.traces)
            with layout.path.open("rb") as original:
                self._file.write_start(original.read(layout.start))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if self.clipped and error is None:
            warnings.warn(
                f"{self.layout.path}: {self.clipped} of {self.layout.traces * self.layout.samples} "
                "amplitudes were clipped to what its integer samples can hold",
                ClippingWarning,
                stacklevel=4,
            )

    def close(self) -> None:
        self._original.close()
        self._file.close()

    def write(self, numbers: np.ndarray, traces: np.ndarray) -> None:
        """Write some traces, float32 ``(traces, time)``, under their numbers.

        Raises:
            ValueError: If one does not fit the integers of the file, and is not to be clipped.
        """
        records = self._original.read(numbers)
        samples, outside = encoded(traces, records["samples"], self.layout.code)
        if outside is not None and outside.any():
            if self.integers == "round":
                first = int(np.argmax(outside > 0))
                raise ValueError(
                    f"{self.named}: trace {numbers[first] + 1} has {outside[first]} amplitudes, "
                    f"up to {np.abs(traces[first]).max():g}, that "
                    f"{samples.dtype.newbyteorder('=')} samples cannot hold; scale the section, "
                    "write .npy, or pass integers='clip'"
                )
            self.clipped += int(outside.sum())
        records["samples"] = samples
        self._file.write(numbers, records)

    def synchronize(self) -> None:
        """Flush to disk."""
        self._file.synchronize()
