"""Shot gathers of pre-stack lines in SEG-Y and Seismic Unix files."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.checks import check_finite, checked_choice, checked_interval
from keras_seismic.gathers.receiver_grid import ReceiverGrid, fit_receiver_grid, traces_by_shot
from keras_seismic.io.segy import (
    TraceLayout,
    Word,
    read_layout,
    read_positions,
    read_traces,
    word_byte,
)
from keras_seismic.progress import progress_bar

IRREGULAR = ("refuse", "zero", "nearest", "interpolate")


@dataclasses.dataclass(frozen=True, eq=False)
class ShotGathers:
    """Shot gathers on a regular receiver grid.

    Attributes:
        amplitude: float32 ``(time, receivers, shots)``, as networks take it.
        dt: Sample interval, s.
        source_x: m, ``(shots,)``.
        receiver_x: m, ``(receivers, shots)``.
        start: Time of the first sample after the shot, s.
        grid: How the traces of the file fit the grid; ``None`` if they come from elsewhere.
        path: Where they came from.
        changes: What has been done to them since they were read.
    """

    amplitude: np.ndarray
    dt: float
    source_x: np.ndarray
    receiver_x: np.ndarray
    start: float = 0.0
    grid: ReceiverGrid | None = None
    path: Path | None = None
    changes: tuple[str, ...] = ()

    @property
    def gathers(self) -> np.ndarray:
        """The amplitudes shot by shot, ``(shots, time, receivers)``."""
        return np.moveaxis(self.amplitude, 2, 0)

    @property
    def dead(self) -> np.ndarray:
        """Which traces are all zero, bool ``(receivers, shots)``."""
        return np.asarray(np.all(self.amplitude == 0, axis=0))

    @property
    def offset(self) -> np.ndarray:
        """Receiver x minus source x in m, ``(receivers, shots)``."""
        return np.asarray(self.receiver_x - self.source_x)


def read_shot_gathers(
    path: str | os.PathLike[str],
    shot_word: Word = "FieldRecord",
    source_word: Word | tuple[Word, Word] = "SourceX",
    receiver_word: Word | tuple[Word, Word] = "GroupX",
    scalar_word: Word | None = "SourceGroupScalar",
    source_unit: float | None = None,
    receiver_unit: float | None = None,
    spread: str = "auto",
    receiver_spacing: float | None = None,
    irregular: str = "refuse",
    max_gap: int = 3,
    dt: float | None = None,
    progress: bool = True,
) -> ShotGathers:
    """A pre-stack line as shot gathers on a regular receiver grid.

    Traces can be in any order. The grid is fitted to the receivers of all shots, at fixed
    places or moving with the source, and reported (``print(gathers.grid)``).

    Args:
        path: .segy, .sgy or .su file.
        shot_word: Trace header word that numbers the shots: a name of SEG-Y
            (``"FieldRecord"``) or of Seismic Unix (``"fldr"``), or its first byte (9).
        source_word: Word for the source's x; or a pair, such as ``("SourceX", "SourceY")``, for
            lines of any direction, along which x is then measured from its first position.
        receiver_word: The same for the receiver; ``"offset"`` for receiver minus source x.
        scalar_word: Word with the scalar of coordinates; ``None`` for none.
        source_unit: Meters of one unit of the source word, instead of the scalar and the file's
            unit of length.
        receiver_unit: The same for the receiver word; with ``"TraceNumber"`` the distance
            between channels.
        spread: ``"fixed"`` receivers, ``"moving"`` with the source, or ``"auto"``.
        receiver_spacing: m; by default that of most neighbors.
        irregular: What to do where traces are missing, off the grid or duplicated:
            ``"refuse"``; ``"zero"``, the nearest trace within half a spacing and zeros where
            there is none; ``"nearest"`` trace; or ``"interpolate"`` linearly between neighbors
            (for gaps of more than a receiver or two, aliased events suffer). Traces at the same
            place are averaged.
        max_gap: Widest gap to fill, in receiver spacings from trace to trace (for ``"nearest"``,
            from receiver to trace).
        dt: Sample interval in s, where the file states none or contradicts itself.
        progress: Show a progress bar when reading takes longer than a second.

    Returns:
        The gathers, shots in the order of their numbers.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, a word is unknown or empty, the geometry is not one
            the arguments allow, samples are not finite, or the sample interval is not known.
        ImportError: If segyio is not installed.

    Example:
        >>> gathers = read_shot_gathers("line.segy", irregular="interpolate")  # doctest: +SKIP
        >>> print(gathers.grid)  # doctest: +SKIP
        60 shots, x 0 to 1475 m; 48 receivers 12.5 m apart, moving spread; regular
    """
    path = Path(path)
    checked_choice(irregular, IRREGULAR, f"{path}: irregular")
    layout = read_layout(path)
    dt = _sample_interval(layout, dt)
    positions = read_positions(
        layout, shot_word, source_word, receiver_word, scalar_word, source_unit, receiver_unit
    )
    grid = fit_receiver_grid(positions, spread, receiver_spacing, str(path))
    found = grid.irregularities()
    if found and irregular == "refuse":
        raise ValueError(
            f"{path}: the geometry is irregular: {'; '.join(found)} ({grid.traces.shape[1]} shots "
            f"of {len(grid.traces)} receivers {grid.spacing:g} m apart, {grid.spread} spread); "
            "choose irregular='zero', 'nearest' or 'interpolate'"
        )
    plans = [
        _plan(grid, shot, numbers, irregular, max_gap, path)
        for shot, numbers in enumerate(traces_by_shot(grid.shot))
    ]
    amplitude = np.zeros((layout.samples, *grid.traces.shape), np.float32)
    with (
        layout.open() as file,
        progress_bar(len(plans), "reading shots", "shot", progress) as bar,
    ):
        start = _first_time(file, path)
        for shot, plan in enumerate(plans):
            _fill(amplitude[..., shot], file, layout, plan)
            bar.update()
    return ShotGathers(amplitude, dt, grid.source_x, grid.receiver_x, start, grid, path)


def _sample_interval(layout: TraceLayout, dt: float | None) -> float:
    dt = layout.dt if dt is None else dt
    if dt is None:
        stated = ", ".join(f"{i} us" for i in layout.intervals) or "none"
        raise ValueError(
            f"{layout.path}: the sample interval is not known, its headers state {stated}; pass "
            "dt= in s"
        )
    return checked_interval(dt, str(layout.path))


def _first_time(file: Any, path: Path) -> float:
    """Time of the first sample in s, by the word for the recording delay in ms."""
    delays = np.asarray(file.attributes(word_byte("DelayRecordingTime"))[:], np.float64)
    scalars = np.asarray(file.attributes(word_byte("ScalarTraceHeader"))[:], np.float64)
    # Scalars of 0 and 1 mean the same, and none matters for a delay of 0.
    divisors = np.where(scalars < 0, -scalars, 1)
    times = np.unique(delays * np.where(scalars > 0, scalars, 1) / divisors)
    if len(times) > 1:
        raise ValueError(
            f"{path}: traces begin at different times: recording delays (bytes 109-110 with the "
            f"scalar of bytes 215-216) from {times[0]:g} to {times[-1]:g} ms"
        )
    return float(times[0]) / 1000


@dataclasses.dataclass(frozen=True)
class _Plan:
    """How to make a shot's receivers: ``(1 - fraction) left + fraction right`` (-1: a zero trace).

    ``left`` and ``right`` count the places of the shot's traces, each with one trace or more.
    """

    places: list[np.ndarray]
    left: np.ndarray
    right: np.ndarray
    fraction: np.ndarray


def _plan(
    grid: ReceiverGrid, shot: int, numbers: np.ndarray, irregular: str, max_gap: int, path: Path
) -> _Plan:
    at = grid.position[numbers]
    if irregular in ("refuse", "zero"):
        at = np.rint(at)  # one place for each receiver
    at, place = np.unique(np.round(at, 3), return_inverse=True)
    places = [numbers[place == i] for i in range(len(at))]
    nodes = np.arange(len(grid.traces))
    right = np.clip(np.searchsorted(at, nodes), 0, len(at) - 1)
    left = np.where(at[right] > nodes, np.maximum(right - 1, 0), right)
    width = at[right] - at[left]
    fraction = np.divide(nodes - at[left], width, out=np.zeros(len(nodes)), where=width > 0)
    fraction = np.clip(fraction, 0, 1)
    # Distance to the traces used; beyond the last ones and for "nearest", to that trace.
    reach = np.maximum(np.maximum(at[left] - nodes, nodes - at[right]), 0)
    if irregular != "interpolate":
        fraction = np.rint(fraction)
        nearest = np.where(fraction > 0, right, left)
        reach = np.abs(at[nearest] - nodes)
        wanting = reach > (max_gap if irregular == "nearest" else 0.5)
    else:
        wanting = (reach > 0.5) | (width > max_gap)
    if irregular == "zero":
        left, right = (np.where(wanting, -1, index) for index in (left, right))
    elif wanting.any():
        first = int(np.argmax(wanting))
        raise ValueError(
            f"{path}: shot {grid.shot_numbers[shot]} has no traces about {int(wanting.sum())} of "
            f"{len(nodes)} receivers, the first is receiver {first + 1} at x="
            f"{grid.receiver_x[first, shot]:g} m; irregular={irregular!r} fills gaps of up to "
            f"{max_gap} receiver spacings (max_gap=) within the shot's traces; choose 'zero' for "
            "dead traces there"
        )
    return _Plan(places, left, right, fraction.astype(np.float32))


def _fill(target: np.ndarray, file: Any, layout: TraceLayout, plan: _Plan) -> None:
    """Write the receivers of one shot into ``(time, receivers)``."""
    traces = np.zeros((len(plan.places) + 1, len(target)), np.float32)  # the last one stays zero
    for place, numbers in enumerate(plan.places):
        for number in numbers:
            (trace,) = read_traces(file, layout, int(number), 1)
            check_finite(trace, f"{layout.path}: trace {number + 1}")
            traces[place] += trace / np.float32(len(numbers))
    fraction = plan.fraction[:, None]
    # A fraction of 0 or 1 copies one trace exactly.
    mixed = np.where(
        fraction == 0,
        traces[plan.left],
        np.where(
            fraction == 1,
            traces[plan.right],
            (1 - fraction) * traces[plan.left] + fraction * traces[plan.right],
        ),
    )
    target[...] = mixed.T
