"""The passes over a volume: reading, denoising and writing at the same time, with a journal."""

import collections
import contextlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.inference.pieces import Piece, denoised_traces, groups_of_pieces, pieces_of
from keras_seismic.inference.unfinished import UnfinishedWork
from keras_seismic.io.segy import TraceRecords
from keras_seismic.io.volumes import Lines, Volume, VolumeWriter
from keras_seismic.progress import progress_bar


class _Part(NamedTuple):
    """A piece of a line with its samples."""

    piece: Piece
    numbers: np.ndarray
    traces: np.ndarray
    earlier: np.ndarray | None


class VolumeRun:
    """Denoising a volume in one or two passes; ``finish`` does what the journal lacks.

    Args:
        volume: What to denoise.
        passes: The lines of each pass. Of two, the results are averaged.
        model: As for ``denoise``.
        options: Of ``denoise``.
        work: Where the result is made.
        integers: As for ``write_section``.
        progress: Show a progress bar.

    Attributes:
        energies: Of each line of the last pass: the sums of squares before, after, and of what
            was removed, and the number of samples, ``(lines, 4)``.
        slices: The samples halfway down each trace before and after, ``(2, traces)``.
        middle: The middle line of the last pass before and after, ``(2, traces, time)``.
        seconds: Of each stage.
    """

    def __init__(
        self,
        volume: Volume,
        passes: list[Lines],
        model: Any,
        options: dict[str, Any],
        work: UnfinishedWork,
        integers: str,
        progress: bool,
    ) -> None:
        self.volume, self.passes, self.work = volume, passes, work
        self.model, self.options, self.integers, self.progress = model, options, integers, progress
        self.energies = np.zeros((len(passes[-1]), 4))
        self.slices = self.middle = np.empty(0)
        self.seconds: dict[str, float] = collections.defaultdict(float)

    def finish(self) -> None:
        """Do all that is not done yet."""
        volume, folder, again = self.volume, self.work.folder, len(self.passes) > 1
        record = np.dtype(("<f4", (volume.samples,)))
        scratch = again * volume.traces * record.itemsize
        needed = volume.output_bytes(self.work.target) + scratch + 9 * volume.traces
        self.work.check_room(needed)
        alive = self._checked()
        self._middle = self._middle_piece(alive)
        self.slices = _opened(folder / "slices.npy", (2, volume.traces))
        with contextlib.ExitStack() as stack:
            first = None
            if again:
                first = stack.enter_context(TraceRecords(folder / "pass", record, write=True))
                first.reserve(volume.traces)
            writer = stack.enter_context(
                volume.writer(self.work.partial, self.work.target, self.integers)
            )
            total = volume.traces * len(self.passes)
            self._bar = stack.enter_context(
                progress_bar(total, "denoising", "trace", self.progress)
            )
            if first is not None:
                self._pass(0, first, None)
            self._pass(len(self.passes) - 1, writer, first)
        for entry in self.work.done:
            if entry.get("pass") == len(self.passes) - 1:
                for line, *energy in entry["energies"]:
                    self.energies[line] += energy
        self.middle = np.load(folder / "middle.npy", allow_pickle=False)

    def _pass(self, number: int, target: VolumeWriter, earlier: TraceRecords | None) -> None:
        """Denoise all lines in one direction; reader and writer are a group ahead and behind."""
        lines = self.passes[number]
        done = {entry["group"] for entry in self.work.done if entry.get("pass") == number}
        groups = groups_of_pieces(lines, self.volume.samples, self.options)
        for group in done:  # no part of the speed
            self._bar.n += sum(piece.stop - piece.first for piece in groups[group])
        self._bar.initial = self._bar.n
        waiting = [group for group in range(len(groups)) if group not in done]
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
            written: Future[None] | None = None
            reading = [reader.submit(self._read, lines, groups[g], earlier) for g in waiting[:1]]
            for place, group in enumerate(waiting):
                parts = reading.pop().result()
                for following in waiting[place + 1 : place + 2]:
                    future = reader.submit(self._read, lines, groups[following], earlier)
                    reading.append(future)
                with self._timed("network"):
                    after = [self._denoised(lines, part) for part in parts]
                if written is not None:
                    written.result()
                written = writer.submit(self._write, number, group, parts, after, target)
                del parts, after
            if written is not None:
                written.result()

    def _read(self, lines: Lines, group: list[Piece], earlier: TraceRecords | None) -> list[_Part]:
        with self._timed("read"):
            numbers = [lines.traces(p.line, p.begin, p.end) for p in group]
            together = np.concatenate(numbers)
            traces = self.volume.read(together)
            others = None if earlier is None else earlier.read(together)
            parts, first = [], 0
            for piece, these in zip(group, numbers, strict=True):
                part = slice(first, first + len(these))
                other = None if others is None else others[part]
                parts.append(_Part(piece, these, traces[part], other))
                first = part.stop
            return parts

    def _denoised(self, lines: Lines, part: _Part) -> np.ndarray:
        columns = lines.columns(part.numbers)
        after = denoised_traces(part.traces, columns, self.model, self.options)
        return after if part.earlier is None else (after + part.earlier) / 2

    def _write(
        self,
        number: int,
        group: int,
        parts: list[_Part],
        after: list[np.ndarray],
        target: VolumeWriter,
    ) -> None:
        """Write the kept traces, then note that it is done."""
        with self._timed("write"):
            energies: list[list[float]] = []
            last = number == len(self.passes) - 1
            written = []
            for part, result in zip(parts, after, strict=True):
                piece = part.piece
                kept = slice(piece.first - piece.begin, piece.stop - piece.begin)
                numbers, before, denoised = part.numbers[kept], part.traces[kept], result[kept]
                written.append((numbers, denoised))
                if last:
                    energies.append([piece.line, *_energies(before, denoised)])
                    half = self.volume.samples // 2
                    self.slices[:, numbers] = before[:, half], denoised[:, half]
                    if piece == self._middle:
                        np.save(self.work.folder / "middle.npy", np.stack([before, denoised]))
            target.write(*(np.concatenate(arrays) for arrays in zip(*written, strict=True)))
            target.synchronize()
            self.work.record(**{"pass": number, "group": group, "energies": energies})
        traces = sum(part.piece.stop - part.piece.first for part in parts)
        self._bar.update(traces)
        done = 4 * self._bar.n * self.volume.samples / 1e9
        self._bar.set_postfix_str(
            f"{done:.2f} of {4 * self._bar.total * self.volume.samples / 1e9:.2f} GB", refresh=False
        )

    def _checked(self) -> np.ndarray:
        """Which traces are not dead; every sample is read once, so that no NaN is met later."""
        path = self.work.folder / "alive.npy"
        if path.exists():
            alive: np.ndarray = np.load(path, allow_pickle=False)
            return alive
        volume = self.volume
        alive = np.zeros(volume.traces, bool)
        size = volume.traces * volume.samples
        with (
            self._timed("check"),
            progress_bar(4 * size, "checking", "B", self.progress) as bar,
        ):
            bar.unit_scale = True
            for numbers, traces in volume.in_order():
                finite = np.isfinite(traces)
                if not finite.all():
                    self._refuse(int(numbers[finite.all(axis=1).argmin()]))
                alive[numbers] |= traces.any(axis=1)
                bar.update(4 * traces.size)
        if not alive.any():
            raise ValueError(f"{volume.path}: every sample is zero; there is nothing in it")
        np.save(path, alive)
        self.work.record(checked=True)
        return alive

    def _refuse(self, number: int) -> None:
        """Raise for the line whose trace is not finite."""
        lines = self.passes[-1]
        for line in range(len(lines)):
            for piece in pieces_of(lines, line, self.volume.samples, self.options):
                numbers = lines.traces(line, piece.begin, piece.end)
                if number in numbers:
                    part = f"{self.volume.path}{lines.label(line)}"
                    part += f", traces from {piece.begin} on" if piece.begin else ""
                    check_finite(self.volume.read(numbers).T, part)

    def _middle_piece(self, alive: np.ndarray) -> Piece:
        """The middle one of the middle line that is not dead."""
        lines = self.passes[-1]
        live = [k for k in range(len(lines)) if alive[lines.traces(k)].any()]
        line = live[len(live) // 2]
        pieces = list(pieces_of(lines, line, self.volume.samples, self.options))
        return pieces[len(pieces) // 2]

    @contextlib.contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - begin


def _opened(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A mapped float32 file, made if it is not there."""
    mode: Any = "r+" if path.exists() else "w+"
    mapped: np.ndarray = np.lib.format.open_memmap(path, mode, np.float32, shape=shape)
    with path.open("r+b") as file:  # where a mapped file finds no room, the process dies
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return mapped


def _energies(before: np.ndarray, after: np.ndarray) -> list[float]:
    """Sums of squares before, after, and of what was removed, and the number of samples."""
    arrays = (before, after, before - after)
    return [*(float(np.einsum("ij,ij->", a, a, dtype=np.float64)) for a in arrays), before.size]
