"""Volumes, lines and gathers in SEG-Y and Seismic Unix files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keras_seismic.io.section_writing import check_target
from keras_seismic.io.segy import TraceFileReader, TraceFileWriter, Word, read_layout
from keras_seismic.io.volumes.array_files import ArrayWriter
from keras_seismic.io.volumes.lines import Lines
from keras_seismic.io.volumes.survey import Survey
from keras_seismic.io.volumes.volume import VolumeWriter

#: Bytes read at a time.
_PIECE = 2**24


class TraceFileVolume:
    """A SEG-Y or Seismic Unix file of any size; see ``Volume``.

    Args:
        path: The file.
        geometry: As for ``Survey``.
        words: Its ``inline_word``, ``crossline_word`` and ``gather_word``.
    """

    def __init__(self, path: Path, geometry: str = "auto", **words: Word) -> None:
        self.path, self.layout = path, read_layout(path)
        self.samples, self.traces = self.layout.samples, self.layout.traces
        self.dt = self.layout.dt
        self.survey = Survey(self.layout, geometry, **words)
        self._reader = TraceFileReader(self.layout)
        self.read = self._reader.read

    @property
    def is_volume(self) -> bool:
        return self.survey.geometry == "volume"

    def lines(self, along: str) -> Lines:
        return self.survey.lines(along)

    def in_order(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        count = max(1, _PIECE // self.layout.trace_bytes)
        for first in range(0, self.traces, count):
            numbers = np.arange(first, min(first + count, self.traces))
            yield numbers, self.read(numbers)

    def writer(self, path: Path, target: Path, integers: str) -> VolumeWriter:
        if target.suffix.lower() == ".npy":
            return ArrayWriter(path, (self.samples, self.traces))
        return TraceFileWriter(path, self.layout, integers, named=target)

    def check_target(self, target: Path, integers: str) -> None:
        check_target(target, self.layout, integers)

    def output_bytes(self, target: Path) -> int:
        if target.suffix.lower() == ".npy":
            return 4 * self.traces * self.samples
        return self.layout.start + self.traces * self.layout.trace_bytes

    def slice_of(self, values: np.ndarray) -> np.ndarray:
        if not self.is_volume:
            return values[None]
        rows, columns = (
            np.unique(n, return_inverse=True)[1]
            for n in (self.survey.inline, self.survey.crossline)
        )
        image = np.full((rows.max() + 1, columns.max() + 1), np.nan, np.float32)
        image[rows, columns] = values
        return image
