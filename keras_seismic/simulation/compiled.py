"""Simulation on processors, and its gradient: the loops of ``kernels``, in threads."""

import collections
import dataclasses
import functools
import math
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from keras_seismic.backend import available_cores
from keras_seismic.simulation import kernels
from keras_seismic.simulation.acquisition import Acquisition
from keras_seismic.simulation.boundaries import BOUNDARIES, DampingLayer, boundary_cells
from keras_seismic.simulation.kernels import (
    BLOCK,
    HALO,
    VECTOR,
    WINDOW_STEPS,
    Medium,
    Memory,
    Window,
)

# How long before the computed first arrival a block counts as reached, as a part of that time
# and in cells: travel times on blocks are late by a few percent, the scheme's own waves are
# not, and a wavelet of finite steps spreads. The gathers change by less than 3e-6.
_EARLIER, _MARGIN = 0.05, 8

#: Steps after which a thread may take another shot.
_TURN = 16 * WINDOW_STEPS

#: Parts after which the gradient is summed in double precision.
_PARTS_PER_SUM = 8

_NOTHING = np.empty(0, np.float32)

Result = TypeVar("Result")


class Gradient(NamedTuple):
    """Derivatives of a misfit, float64."""

    velocity: np.ndarray  #: ``(models, depth, width)``, per m/s
    wavelet: np.ndarray  #: of the shape of the wavelet, summed over the models
    amplitudes: np.ndarray  #: ``(shots,)``, summed over the models


@dataclasses.dataclass(frozen=True)
class Linearization:
    """Gathers, and how they answer to small changes of what made them.

    Attributes:
        gathers: float32 array ``(models, time, receivers, shots)``.
        pullback: From the derivative of a misfit with respect to the gathers, an array of their
            shape, to its ``Gradient``. May be called more than once.
    """

    gathers: np.ndarray
    pullback: Callable[[np.ndarray], Gradient]


def propagate(
    velocity: np.ndarray,
    acquisition: Acquisition,
    *,
    wavelet: np.ndarray | None = None,
    amplitudes: np.ndarray | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Shot gathers by compiled loops.

    Args:
        velocity: ``(models, depth, width)``, m/s, as ``check_velocity`` returns it.
        acquisition: The experiment.
        wavelet: ``(time,)``, or ``(shots, time)`` for one of its own for every shot; the
            acquisition's if not given.
        amplitudes: ``(shots,)``, factors of the wavelet; 1 if not given.
        threads: Shots simulated at the same time; as many as there are cores if not given. The
            result does not depend on it.

    Returns:
        float32 array ``(models, time, receivers, shots)``.
    """
    experiment = _Experiment.of(velocity.shape[1:], acquisition, wavelet, amplitudes)
    gathers = np.empty((len(velocity), *acquisition.gather_shape), np.float32)

    def run(shot: _Shot) -> Generator[None, None, None]:
        state, record = _State.zero(shot.medium), np.empty(gathers.shape[1:3], np.float32)
        for begin in range(0, shot.steps, _TURN):
            shot.forward(state, begin, min(begin + _TURN, shot.steps), record)
            yield
        gathers[shot.model, :, :, shot.number] = record

    shots = len(velocity) * len(experiment.sources)
    _in_threads(run, experiment.shots_over(velocity), shots, threads)
    return gathers


def linearize(
    velocity: np.ndarray,
    acquisition: Acquisition,
    *,
    wavelet: np.ndarray | None = None,
    amplitudes: np.ndarray | None = None,
    threads: int | None = None,
    memory: int = 2**30,
) -> Linearization:
    """Shot gathers, and the gradient of any misfit of theirs by the adjoint-state method.

    The state of every shot is kept every few dozen steps; the pullback simulates each such part
    once more, keeping what the gradient needs of it, and runs the adjoint back through it. The
    edge cells' gradient includes that of the boundary cells, which repeat their velocity. How
    strongly the boundary absorbs depends on the slowest (``"openfwi"``) or fastest (``"cpml"``)
    velocity of a model; that dependence is left out.

    Args:
        velocity: As in ``propagate``.
        acquisition: The experiment.
        wavelet: As in ``propagate``.
        amplitudes: As in ``propagate``.
        threads: As in ``propagate``; the gradient does not depend on it either.
        memory: Bytes that states and parts may take, all shots together.

    Raises:
        ValueError: If the memory is too small.

    Reference:
        Plessix, R.-E. (2006), A review of the adjoint-state method for computing the gradient of
        a functional with geophysical applications, Geophysical Journal International 167,
        495-503.
    """
    experiment = _Experiment.of(velocity.shape[1:], acquisition, wavelet, amplitudes)
    shots = list(experiment.shots_over(velocity))
    threads = min(_threads(threads), max(len(shots), 1))
    part = _steps_per_part(experiment, shots, threads, memory)
    gathers = np.empty((len(velocity), *acquisition.gather_shape), np.float32)

    def run(shot: _Shot) -> Generator[None, None, list[_Saved]]:
        state, record = _State.zero(shot.medium), np.empty(gathers.shape[1:3], np.float32)
        states = []
        for begin in range(0, shot.steps, part):
            states.append(state.save(shot.rows_at(begin)))
            shot.forward(state, begin, min(begin + part, shot.steps), record)
            yield
        gathers[shot.model, :, :, shot.number] = record
        return states

    saved = _in_threads(run, shots, len(shots), threads)
    # Used for every part of every shot: fresh memory costs more than what is done with it.
    rooms: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
    for _ in range(threads if shots else 0):
        rooms.put(_empty(part * len(shots[0].medium.courant)))

    def pullback(cotangent: np.ndarray) -> Gradient:
        cotangent = np.asarray(cotangent, np.float32)
        if cotangent.shape != gathers.shape:
            raise ValueError(
                f"pullback: expected the shape of the gathers, {gathers.shape}, received "
                f"{cotangent.shape}"
            )

        def run(job: tuple[_Shot, list[_Saved]]) -> Generator[None, None, _ShotGradient]:
            shot, states = job
            return shot.backward(states, part, cotangent[shot.model, :, :, shot.number], rooms)

        results = _in_threads(run, zip(shots, saved, strict=True), len(shots), threads)
        gradient = Gradient(
            np.zeros(velocity.shape),
            np.zeros_like(experiment.wavelets),
            np.zeros(len(experiment.amplitudes)),
        )
        # One after the other, so that the sum does not depend on which thread was first.
        for shot, (of_velocity, of_wavelet, of_amplitude) in zip(shots, results, strict=True):
            gradient.velocity[shot.model] += of_velocity
            gradient.wavelet[shot.number] += of_wavelet
            gradient.amplitudes[shot.number] += of_amplitude
        if experiment.one_wavelet:
            return gradient._replace(wavelet=gradient.wavelet.sum(axis=0))
        return gradient

    return Linearization(gathers, pullback)


def _threads(threads: int | None) -> int:
    if threads is not None and threads < 1:
        raise ValueError(f"simulate: threads must be at least 1, received {threads}")
    return threads or available_cores()


def _in_threads(
    function: Callable[[Any], Generator[None, None, Result]],
    jobs: Iterable[Any],
    count: int,
    threads: int | None,
) -> list[Result]:
    """What the function's generators return, in the jobs' order.

    Threads share the last jobs, where their number does not divide that of the jobs: each goes
    on with one as far as it yields, then with another. The kernels let other threads run.

    Not Numba's own threads: the layer it takes by default ends the process when two Python
    threads enter it at once, as those of tf.data and Apache Beam do.
    """
    threads = _threads(threads)
    results: dict[int, Result] = {}
    started = enumerate(map(function, jobs))
    alone = count - count % threads - (threads if count % threads else 0)
    shared: collections.deque[tuple[int, Generator[None, None, Result]]] = collections.deque()
    lock = threading.Lock()

    def turn(number: int, job: Generator[None, None, Result]) -> bool:
        """Whether it goes on."""
        try:
            next(job)
        except StopIteration as end:
            results[number] = end.value
            return False
        return True

    def work() -> None:
        while True:
            with lock:
                number, job = next(started, (count, None))
            if job is None:
                break
            while number < alone and turn(number, job):
                pass
            if number >= alone:
                shared.append((number, job))
        while True:
            try:
                number, job = shared.popleft()
            except IndexError:  # the others finish theirs
                return
            if turn(number, job):
                shared.append((number, job))

    if threads == 1:
        work()
    else:
        with ThreadPoolExecutor(threads) as pool:
            for future in [pool.submit(work) for _ in range(threads)]:
                future.result()
    return [results[number] for number in range(count)]


def _steps_per_part(
    experiment: "_Experiment", shots: "list[_Shot]", threads: int, memory: int
) -> int:
    """Steps between two kept states: a little less than takes least memory, to stay in the cache.

    It does not depend on the threads, because the gradient is rounded at the end of every part.
    """
    if not shots:
        return experiment.acquisition.nt
    nt, cells = experiment.acquisition.nt, len(shots[0].medium.courant)
    state = sum(array.nbytes for array in _State.zero(shots[0].medium).lasting)
    part = 0.7 * math.sqrt(nt * state / (4 * cells))
    part = min(max(WINDOW_STEPS, round(part / WINDOW_STEPS) * WINDOW_STEPS), nt)
    needed = len(shots) * math.ceil(nt / part) * state + threads * part * 4 * cells
    if needed > memory:
        raise ValueError(
            f"the gradient of {len(shots)} shots over {cells} cells and {nt} steps needs "
            f"{needed / 2**20:.0f} MiB, more than memory={memory} bytes ({memory / 2**20:.0f} "
            "MiB); raise it, or use fewer shots at a time"
        )
    return part


@dataclasses.dataclass
class _State:
    """The fields of a shot in progress."""

    now: np.ndarray
    before: np.ndarray
    memory: Memory | None
    extra: np.ndarray | None  # what the matched layer adds to the Laplacian

    @classmethod
    def zero(cls, medium: Medium) -> "_State":
        cells = medium.height * medium.width
        now, before = _zeros(cells), _zeros(cells)
        if not medium.cells:
            return cls(now, before, None, None)
        across = len(medium.depth_stretch) // 2 * medium.width
        along = len(medium.width_stretch) // 2 * medium.height
        all_four = _zeros(2 * (across + along))
        psi_1, zeta_1, psi_2, zeta_2 = np.split(all_four, np.cumsum([across, across, along]))
        return cls(
            now,
            before,
            Memory(psi_1, zeta_1, psi_2, zeta_2, all_four, _zeros(along)),
            _zeros(cells),
        )

    @property
    def lasting(self) -> tuple[np.ndarray, ...]:
        """What one step leaves to the next."""
        fields = self.now, self.before
        return (*fields, self.memory.all_four) if self.memory else fields

    def save(self, cells: slice) -> "_Saved":
        """A copy of the memory variables and of these cells of the fields."""
        places = (cells, cells, slice(None))
        return [
            (place, array[place].copy()) for place, array in zip(places, self.lasting, strict=False)
        ]

    def restore(self, saved: "_Saved") -> None:
        """Take the state that was saved, zero elsewhere."""
        for array, (place, values) in zip(self.lasting, saved, strict=True):
            array[: place.start], array[place] = 0, values
            if place.stop is not None:
                array[place.stop :] = 0

    def advance(self, steps: int) -> None:
        """Follow the kernels, which exchange ``now`` and ``before`` at every step."""
        if steps % 2:
            self.now, self.before = self.before, self.now


_Saved: TypeAlias = list[tuple[slice, np.ndarray]]
_ShotGradient: TypeAlias = tuple[np.ndarray, np.ndarray, float]


@dataclasses.dataclass(frozen=True)
class _Experiment:
    """The acquisition on the grid with its boundary."""

    acquisition: Acquisition
    shape: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    wavelets: np.ndarray  # (shots, time)
    one_wavelet: bool
    amplitudes: np.ndarray
    sources: np.ndarray  # (shots, 2): row and column in the model
    receivers: np.ndarray  # (shots, receivers, 2)

    @classmethod
    def of(
        cls,
        shape: tuple[int, ...],
        acquisition: Acquisition,
        wavelet: np.ndarray | None,
        amplitudes: np.ndarray | None,
    ) -> "_Experiment":
        nt, receivers, shots = acquisition.gather_shape
        wavelet = np.asarray(acquisition.wavelet if wavelet is None else wavelet, np.float64)
        amplitudes = np.ones(shots) if amplitudes is None else np.asarray(amplitudes, np.float64)
        if wavelet.shape not in ((nt,), (shots, nt)):
            raise ValueError(
                f"simulate: wavelet must have the shape ({nt},) or ({shots}, {nt}), received "
                f"{wavelet.shape}"
            )
        if amplitudes.shape != (shots,):
            raise ValueError(
                f"simulate: amplitudes must have the shape ({shots},), received {amplitudes.shape}"
            )
        depth, width = shape
        rows, columns = acquisition.grid_indices("sources", (depth, width))
        cells = np.stack(acquisition.grid_indices("receivers", (depth, width)), axis=-1)
        return cls(
            acquisition,
            (depth, width),
            boundary_cells(acquisition),
            np.broadcast_to(wavelet, (shots, nt)),
            wavelet.ndim == 1,
            amplitudes,
            np.stack([rows, columns], axis=-1),
            np.broadcast_to(cells, (shots, receivers, 2)),
        )

    def shots_over(self, velocity: np.ndarray) -> "Iterator[_Shot]":
        """The shots over each model; its coefficients are made when it is its turn."""
        for number, model in enumerate(velocity):
            medium = self._medium(model)
            arrivals = _arrivals(medium)
            for shot in range(len(self.sources)):
                yield _Shot(self, model, medium, arrivals, number, shot)

    def _medium(self, model: np.ndarray) -> Medium:
        padded = np.pad(model, self.padding, mode="edge")
        scheme = BOUNDARIES[self.acquisition.boundary]
        courant, *rest = (
            c[0, 0].astype(np.float32) for c in scheme.coefficients(padded[None], self.acquisition)
        )
        rows, columns = padded.shape
        # The neighbors beyond both ends of a row: nothing, or copies from the other end.
        width = columns + (2 * HALO if scheme is DampingLayer else HALO)
        width = math.ceil(width / VECTOR) * VECTOR
        halo = ((HALO, HALO), (0, width - columns))
        common = rows + 2 * HALO, width, columns, _aligned(np.pad(courant, halo))
        free_surface = self.acquisition.free_surface
        if scheme is DampingLayer:
            kept = _aligned(np.pad(1 - rest[0], ((0, 0), halo[1])))
            # The rows between the boundaries are damped alike, and one of them stays in the cache.
            distinct, ((top, bottom), _) = np.arange(rows), self.padding
            distinct[top : rows - bottom] = top
            row_of = np.pad(distinct, HALO)
            return Medium(*common, kept, row_of, 0, _NOTHING, _NOTHING, True, free_surface)
        cells = self.acquisition.boundary_width
        a_depth, b_depth, a_width, b_width = (values.ravel() for values in rest)
        depth_stretch = np.zeros((2, 2, cells + 3 * HALO), np.float32)
        run = math.ceil((2 * (cells + HALO) + width - columns) / VECTOR) * VECTOR
        width_stretch = np.zeros((2, run), np.float32)
        left = HALO + cells + width - columns  # where the left end of the next row begins
        for k, (along_depth, along_width) in enumerate(((a_depth, a_width), (b_depth, b_width))):
            depth_stretch[k, 0, HALO : HALO + cells] = along_depth[:cells]
            depth_stretch[k, 1, -HALO - cells : -HALO] = along_depth[-cells:]
            width_stretch[k, HALO : HALO + cells] = along_width[-cells:]
            width_stretch[k, left : left + cells] = along_width[:cells]
        return Medium(
            *common, _NOTHING, np.zeros(rows + 2 * HALO, np.int64), cells,
            _aligned(depth_stretch), _aligned(width_stretch), False, free_surface,
        )  # fmt: skip


class _Shot:
    """One shot over one model, forward and back."""

    def __init__(
        self,
        experiment: _Experiment,
        velocity: np.ndarray,
        medium: Medium,
        arrivals: Callable[[bytes], np.ndarray],
        model: int,
        number: int,
    ) -> None:
        self.experiment, self.velocity, self.medium = experiment, velocity, medium
        self._arrivals = arrivals
        self.model, self.number = model, number
        corner = np.array([top_or_left for top_or_left, _ in experiment.padding])
        self._source_place = experiment.sources[number][None] + corner
        self._receiver_places = experiment.receivers[number] + corner
        self.source = self._cells(self._source_place)[0]
        self.receivers = self._cells(self._receiver_places)

    def _cells(self, places: np.ndarray) -> np.ndarray:
        return (places[:, 0] + HALO) * self.medium.width + places[:, 1]

    @property
    def steps(self) -> int:
        return self.experiment.acquisition.nt

    @property
    def strength(self) -> float:
        """The factor ``(v dt)^2`` of the wavelet, without its amplitude."""
        row, column = self.experiment.sources[self.number]
        return float(self.velocity[row, column] * self.experiment.acquisition.dt) ** 2

    @functools.cached_property
    def window(self) -> Window:
        """First and last step that matter to each block of cells."""
        first = self._arrivals((self._source_place // BLOCK).tobytes())
        last = self.steps - self._arrivals((self._receiver_places // BLOCK).tobytes())
        return Window(first.astype(np.int32), last.astype(np.int32))

    def rows_at(self, step: int) -> slice:
        """The cells of a field in rows that matter at a step, with those that they read."""
        reached = (self.window.first < step + WINDOW_STEPS) & (self.window.last >= step)
        rows = np.flatnonzero(reached.any(axis=1))
        if not len(rows):
            return slice(0, 0)
        width = self.medium.width
        return slice(rows[0] * BLOCK * width, ((rows[-1] + 1) * BLOCK + 2 * HALO) * width)

    def forward(
        self,
        state: "_State",
        begin: int,
        end: int,
        record: np.ndarray,
        kept: np.ndarray | None = None,
    ) -> int:
        """Run the state from one step to another, recording; the size of what is kept."""
        amplitude = self.experiment.amplitudes[self.number] * self.strength
        series = (amplitude * self.experiment.wavelets[self.number]).astype(np.float32)
        size: int = kernels.forward(
            self.medium, self.window, state.now, state.before,
            state.memory, state.extra, begin, end, self.source, series, self.receivers,
            record, kept,
        )  # fmt: skip
        state.advance(end - begin)
        return size

    def backward(
        self,
        states: "list[_Saved]",
        part: int,
        cotangent: np.ndarray,
        rooms: "queue.SimpleQueue[np.ndarray]",
    ) -> "Generator[None, None, _ShotGradient]":
        """Gradient with respect to velocity, wavelet and amplitude.

        Args:
            states: Those before each part.
            part: Steps of a part.
            cotangent: ``(time, receivers)``.
            rooms: Arrays with room for what is kept of a part, one for each thread.
        """
        medium, experiment = self.medium, self.experiment
        series = medium.courant[self.receivers] * cotangent
        adjoint, at_source = _State.zero(medium), np.empty(self.steps, np.float32)
        record = np.empty((self.steps, len(self.receivers)), np.float32)
        state, recent = _State.zero(medium), _zeros(len(medium.courant))
        gradient = np.zeros(len(medium.courant))
        for begin in reversed(range(0, self.steps, part)):
            end, kept = min(begin + part, self.steps), rooms.get()
            state.restore(states[begin // part])
            size = self.forward(state, begin, end, record, kept)
            kernels.backward(
                medium, self.window, adjoint.now, adjoint.before,
                adjoint.memory, adjoint.extra, begin, end, self.receivers, series, self.source,
                at_source, kept, size, recent,
            )  # fmt: skip
            rooms.put(kept)
            adjoint.advance(end - begin)
            # float32 sums of a few hundred steps are good to 1e-6.
            if begin // part % _PARTS_PER_SUM == 0:
                gradient += recent
                recent[:] = 0
            yield
        # The kernels' sum is the derivative with respect to (v dt / dx)^2, times that.
        depth, width = self.velocity.shape
        gradient = _grid(gradient, medium)
        (top, _), (left, _) = experiment.padding
        gradient = _fold(_fold(gradient, 0, top, depth), 1, left, width)
        of_velocity = 2 * gradient / self.velocity
        derivative = at_source.astype(np.float64) / float(medium.courant[self.source])
        amplitude, wavelet = experiment.amplitudes[self.number], experiment.wavelets[self.number]
        of_wavelet = derivative * self.strength * amplitude
        of_amplitude = float(derivative @ wavelet) * self.strength
        row, column = experiment.sources[self.number]
        # The injection's own (v dt)^2.
        of_velocity[row, column] += 2 / self.velocity[row, column] * of_amplitude * amplitude
        return of_velocity, of_wavelet, of_amplitude


def _arrivals(medium: Medium) -> Callable[[bytes], np.ndarray]:
    """A function of blocks, int64 ``(number, 2)``: the steps when each has heard from any of them.

    It remembers what it was asked, since the shots of most experiments have the same receivers.
    """
    courant = _grid(medium.courant, medium)
    rows, columns = (math.ceil(size / BLOCK) for size in courant.shape)
    padding = [
        (0, n * BLOCK - size) for n, size in zip((rows, columns), courant.shape, strict=True)
    ]
    each = np.pad(courant, padding, mode="edge").reshape(rows, BLOCK, columns, BLOCK)
    cells_per_step = np.sqrt(each.max(axis=1).max(axis=2))

    @functools.cache
    def arrivals(blocks: bytes) -> np.ndarray:
        times = np.full((rows + 2, columns + 2), 1e9, np.float32)
        seeds = np.frombuffer(blocks, np.int64).reshape(-1, 2)
        kernels.travel_times(times, BLOCK / cells_per_step, seeds, medium.joined)
        return (1 - _EARLIER) * times[1:-1, 1:-1] - _MARGIN / cells_per_step

    return arrivals


def _grid(field: np.ndarray, medium: Medium) -> np.ndarray:
    """The part of a field that is not halo, as an array of two axes."""
    return field.reshape(medium.height, medium.width)[HALO:-HALO, : medium.columns]


def _empty(size: int) -> np.ndarray:
    """float32 values that begin where a vector does in memory."""
    room = np.empty(size + VECTOR, np.float32)
    start = -room.ctypes.data // room.itemsize % VECTOR
    return room[start : start + size]


def _aligned(values: np.ndarray) -> np.ndarray:
    flat = _empty(values.size)
    flat[:] = values.ravel()
    return flat


def _zeros(size: int) -> np.ndarray:
    flat = _empty(size)
    flat[:] = 0
    return flat


def _fold(gradient: np.ndarray, axis: int, before: int, size: int) -> np.ndarray:
    """Sum what lies beyond the model's edges onto them, since it repeats their velocity."""
    index = np.arange(gradient.shape[axis])
    edge = np.clip(index - before, 0, size - 1)
    starts = np.flatnonzero(np.diff(edge, prepend=-1))
    return np.add.reduceat(gradient, starts, axis=axis)
