"""Simulation on processors, and its gradient: the loops of ``kernels.py``, in threads."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np

from keras_seismic.backend import available_cores
from keras_seismic.simulation import kernels
from keras_seismic.simulation.acquisition import Acquisition
from keras_seismic.simulation.boundaries import BOUNDARIES, DampingLayer, boundary_cells
from keras_seismic.simulation.kernels import BLOCK, HALO, WINDOW_STEPS, Medium, Memory, Window

# How long before the computed first arrival a block counts as reached, as a part of that time
# and in cells: travel times on blocks are late by a few percent, the scheme's own waves are
# not, and a wavelet of finite steps spreads. The gathers change by less than 3e-6.
_EARLIER, _MARGIN = 0.05, 8

#: Parts after which the gradient is summed in double precision.
_PARTS_PER_SUM = 8

_NOTHING = np.empty(0, np.float32)
_NOT_KEPT = np.empty((0, 0), np.float32)

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

    def run(shot: _Shot) -> None:
        record = np.empty(gathers.shape[1:3], np.float32)
        shot.forward(_State.zero(shot.medium), 0, shot.steps, record)
        gathers[shot.model, :, :, shot.number] = record

    _in_threads(run, experiment.shots_over(velocity), threads)
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

    def run(shot: _Shot) -> list[_State]:
        state, record = _State.zero(shot.medium), np.empty(gathers.shape[1:3], np.float32)
        states = []
        for begin in range(0, shot.steps, part):
            states.append(state.copy())
            shot.forward(state, begin, min(begin + part, shot.steps), record)
        gathers[shot.model, :, :, shot.number] = record
        return states

    kept_states = _in_threads(run, shots, threads)

    def pullback(cotangent: np.ndarray) -> Gradient:
        cotangent = np.asarray(cotangent, np.float32)
        if cotangent.shape != gathers.shape:
            raise ValueError(
                f"pullback: expected the shape of the gathers, {gathers.shape}, received "
                f"{cotangent.shape}"
            )
        results = _in_threads(
            lambda job: job[0].backward(job[1], part, cotangent[job[0].model, :, :, job[0].number]),
            list(zip(shots, kept_states, strict=True)),
            threads,
        )
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
    function: Callable[[Any], Result], jobs: Iterable[Any], threads: int | None
) -> list[Result]:
    """The function's results in the jobs' order. The kernels let other threads run.

    Not Numba's own threads: the layer it takes by default ends the process when two Python
    threads enter it at once, as those of tf.data and Apache Beam do.
    """
    threads = _threads(threads)
    if threads == 1:
        return [function(job) for job in jobs]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, jobs))


def _steps_per_part(
    experiment: "_Experiment", shots: "list[_Shot]", threads: int, memory: int
) -> int:
    """Steps between two kept states: a little less than takes least memory, to stay in the cache.

    It does not depend on the threads, because the gradient is rounded at the end of every part.
    """
    if not shots:
        return experiment.acquisition.nt
    nt, cells = experiment.acquisition.nt, len(shots[0].medium.courant)
    state = sum(array.nbytes for array in _State.zero(shots[0].medium).arrays)
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

    @classmethod
    def zero(cls, medium: Medium) -> "_State":
        now, before = np.zeros((2, medium.height * medium.width), np.float32)
        if not medium.layer:
            return cls(now, before, None)
        sizes = [
            2 * (medium.layer + 4) * n for n in (medium.width, medium.height) for _ in range(2)
        ]
        return cls(now, before, Memory(*(np.zeros(size, np.float32) for size in sizes)))

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        return self.now, self.before, *(self.memory or ())

    def copy(self) -> "_State":
        now, before, *memory = (array.copy() for array in self.arrays)
        return _State(now, before, Memory(*memory) if memory else None)

    def copy_from(self, other: "_State") -> None:
        for mine, others in zip(self.arrays, other.arrays, strict=True):
            mine[:] = others

    def advance(self, steps: int) -> None:
        """Follow the kernels, which exchange ``now`` and ``before`` at every step."""
        if steps % 2:
            self.now, self.before = self.before, self.now


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
            for shot in range(len(self.sources)):
                yield _Shot(self, model, medium, number, shot)

    def _medium(self, model: np.ndarray) -> Medium:
        padded = np.pad(model, self.padding, mode="edge")
        scheme = BOUNDARIES[self.acquisition.boundary]
        courant, *rest = (
            c[0, 0].astype(np.float32) for c in scheme.coefficients(padded[None], self.acquisition)
        )
        height, width = (size + 2 * HALO for size in padded.shape)
        common = height, width, np.pad(courant, HALO).ravel()
        free_surface = self.acquisition.free_surface
        if scheme is DampingLayer:
            kept = np.pad(1 - rest[0], ((0, 0), (HALO, HALO))).ravel()
            # The rows between the boundaries are damped alike, and one of them stays in the cache.
            rows, ((top, bottom), _) = np.arange(len(padded)), self.padding
            rows[top : len(padded) - bottom] = top
            return Medium(
                *common, kept, np.pad(rows, HALO), 0, 0, _NOTHING, _NOTHING, True, free_surface
            )
        cells = self.acquisition.boundary_width
        # In whole vectors of eight numbers, where there is room.
        layer = min(math.ceil((cells + 2) / 8) * 8, *padded.shape)
        stretches = []
        for a, b in (rest[:2], rest[2:]):
            stretch = np.zeros((2, 2, layer + 2 * HALO), np.float32)
            for k, values in enumerate((a.ravel(), b.ravel())):
                stretch[k, 0, HALO : HALO + cells] = values[:cells]
                stretch[k, 1, -HALO - cells : -HALO] = values[-cells:]
            stretches.append(stretch.ravel())
        ones, zeros = np.ones(width, np.float32), np.zeros(height, np.int64)
        along_depth, along_width = stretches
        return Medium(
            *common, ones, zeros, cells, layer, along_depth, along_width, False, free_surface
        )


class _Shot:
    """One shot over one model, forward and back."""

    def __init__(
        self, experiment: _Experiment, velocity: np.ndarray, medium: Medium, model: int, number: int
    ) -> None:
        self.experiment, self.velocity, self.medium = experiment, velocity, medium
        self.model, self.number = model, number
        corner = np.array([top_or_left for top_or_left, _ in experiment.padding])
        self._source_place = experiment.sources[number][None] + corner
        self._receiver_places = experiment.receivers[number] + corner
        self.source = self._cells(self._source_place)[0]
        self.receivers = self._cells(self._receiver_places)

    def _cells(self, places: np.ndarray) -> np.ndarray:
        return (places[:, 0] + HALO) * self.medium.width + places[:, 1] + HALO

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
        medium = self.medium
        courant = medium.courant.reshape(medium.height, medium.width)[HALO:-HALO, HALO:-HALO]
        rows, columns = (math.ceil(size / BLOCK) for size in courant.shape)
        padding = [
            (0, n * BLOCK - size) for n, size in zip((rows, columns), courant.shape, strict=True)
        ]
        blocks = np.pad(courant, padding, mode="edge").reshape(rows, BLOCK, columns, BLOCK)
        cells_per_step = np.sqrt(blocks.max(axis=(1, 3)))
        margin = _MARGIN / cells_per_step
        arrivals = []
        for places in (self._source_place, self._receiver_places):
            times = np.full((rows + 2, columns + 2), 1e9, np.float32)
            kernels.travel_times(times, BLOCK / cells_per_step, places // BLOCK, medium.joined)
            arrivals.append((1 - _EARLIER) * times[1:-1, 1:-1] - margin)
        first, last = arrivals[0], self.steps - arrivals[1]
        return Window(first.astype(np.int32), last.astype(np.int32))

    def forward(
        self,
        state: "_State",
        begin: int,
        end: int,
        record: np.ndarray,
        kept: np.ndarray = _NOT_KEPT,
    ) -> None:
        """Run the state from one step to another, recording."""
        amplitude = self.experiment.amplitudes[self.number] * self.strength
        series = (amplitude * self.experiment.wavelets[self.number]).astype(np.float32)
        kernels.forward(
            self.medium, self.window, state.now, state.before, state.memory, begin, end,
            self.source, series, self.receivers, record, kept,
        )  # fmt: skip
        state.advance(end - begin)

    def backward(
        self, states: "list[_State]", part: int, cotangent: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Gradient with respect to velocity, wavelet and amplitude.

        Args:
            states: Those before each part.
            part: Steps of a part.
            cotangent: ``(time, receivers)``.
        """
        medium, experiment = self.medium, self.experiment
        series = medium.courant[self.receivers] * cotangent
        adjoint, at_source = _State.zero(medium), np.empty(self.steps, np.float32)
        record = np.empty((self.steps, len(self.receivers)), np.float32)
        kept = np.empty((part, len(medium.courant)), np.float32)
        # Used again for every part: fresh memory costs more than what is done with it.
        state, recent = _State.zero(medium), np.zeros(len(medium.courant), np.float32)
        gradient = np.zeros(len(medium.courant))
        for begin in reversed(range(0, self.steps, part)):
            end = min(begin + part, self.steps)
            state.copy_from(states[begin // part])
            self.forward(state, begin, end, record, kept[: end - begin])
            kernels.backward(
                medium, self.window, adjoint.now, adjoint.before, adjoint.memory, begin, end,
                self.receivers, series, self.source, at_source, kept, recent,
            )  # fmt: skip
            adjoint.advance(end - begin)
            # float32 sums of a few hundred steps are good to 1e-6.
            if begin // part % _PARTS_PER_SUM == 0:
                gradient += recent
                recent[:] = 0
        # The kernels' sum is the derivative with respect to (v dt / dx)^2, times that.
        depth, width = self.velocity.shape
        gradient = gradient.reshape(medium.height, medium.width)[HALO:-HALO, HALO:-HALO]
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


def _fold(gradient: np.ndarray, axis: int, before: int, size: int) -> np.ndarray:
    """Sum what lies beyond the model's edges onto them, since it repeats their velocity."""
    index = np.arange(gradient.shape[axis])
    edge = np.clip(index - before, 0, size - 1)
    starts = np.flatnonzero(np.diff(edge, prepend=-1))
    return np.add.reduceat(gradient, starts, axis=axis)
