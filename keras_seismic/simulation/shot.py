"""One shot by the compiled loops, forward and back."""

import dataclasses
import functools
import queue
from collections.abc import Callable, Generator, Iterator
from typing import TypeAlias

import numpy as np

from keras_seismic.simulation import kernels
from keras_seismic.simulation.experiment import (
    Experiment,
    aligned_zeros,
    arrival_times,
    without_halo,
)
from keras_seismic.simulation.kernels import BLOCK, HALO, WINDOW_STEPS, Medium, Memory, Window

#: Parts after which the gradient is summed in double precision.
_PARTS_PER_SUM = 8

SavedState: TypeAlias = list[tuple[slice, np.ndarray]]
ShotGradient: TypeAlias = tuple[np.ndarray, np.ndarray, float]


@dataclasses.dataclass
class State:
    """The fields of a shot in progress."""

    now: np.ndarray
    before: np.ndarray
    memory: Memory | None
    extra: np.ndarray | None  # what the matched layer adds to the Laplacian

    @classmethod
    def zero(cls, medium: Medium) -> "State":
        """Before the shot."""
        cells = medium.height * medium.width
        now, before = aligned_zeros(cells), aligned_zeros(cells)
        if not medium.cells:
            return cls(now, before, None, None)
        across = len(medium.depth_stretch) // 2 * medium.width
        along = len(medium.width_stretch) // 2 * medium.height
        all_four = aligned_zeros(2 * (across + along))
        psi_1, zeta_1, psi_2, zeta_2 = np.split(all_four, np.cumsum([across, across, along]))
        return cls(
            now,
            before,
            Memory(psi_1, zeta_1, psi_2, zeta_2, all_four, aligned_zeros(along)),
            aligned_zeros(cells),
        )

    @property
    def lasting(self) -> tuple[np.ndarray, ...]:
        """What one step leaves to the next."""
        fields = self.now, self.before
        return (*fields, self.memory.all_four) if self.memory else fields

    def save(self, cells: slice) -> SavedState:
        """A copy of the memory variables and of these cells of the fields."""
        places = (cells, cells, slice(None))
        return [
            (place, array[place].copy()) for place, array in zip(places, self.lasting, strict=False)
        ]

    def restore(self, saved: SavedState) -> None:
        """Take the state that was saved, zero elsewhere."""
        for array, (place, values) in zip(self.lasting, saved, strict=True):
            array[: place.start], array[place] = 0, values
            if place.stop is not None:
                array[place.stop :] = 0

    def advance(self, steps: int) -> None:
        """Follow the kernels, which exchange ``now`` and ``before`` at every step."""
        if steps % 2:
            self.now, self.before = self.before, self.now


class Shot:
    """One shot over one model, forward and back."""

    def __init__(
        self,
        experiment: Experiment,
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
        """Time steps of the experiment."""
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
        state: State,
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
        states: list[SavedState],
        part: int,
        cotangent: np.ndarray,
        rooms: queue.SimpleQueue[np.ndarray],
    ) -> Generator[None, None, ShotGradient]:
        """Gradient with respect to velocity, wavelet and amplitude.

        Args:
            states: Those before each part.
            part: Steps of a part.
            cotangent: ``(time, receivers)``.
            rooms: Arrays with room for what is kept of a part, one for each thread.
        """
        medium, experiment = self.medium, self.experiment
        series = medium.courant[self.receivers] * cotangent
        adjoint, at_source = State.zero(medium), np.empty(self.steps, np.float32)
        record = np.empty((self.steps, len(self.receivers)), np.float32)
        state, recent = State.zero(medium), aligned_zeros(len(medium.courant))
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
        gradient = without_halo(gradient, medium)
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


def shots_over(experiment: Experiment, velocity: np.ndarray) -> Iterator[Shot]:
    """The shots over each model; its coefficients are made when it is its turn.

    Args:
        experiment: The acquisition.
        velocity: ``(models, depth, width)``.
    """
    for number, model in enumerate(velocity):
        medium = experiment.medium(model)
        arrivals = arrival_times(medium)
        for shot in range(len(experiment.sources)):
            yield Shot(experiment, model, medium, arrivals, number, shot)


def _fold(gradient: np.ndarray, axis: int, before: int, size: int) -> np.ndarray:
    """Sum what lies beyond the model's edges onto them, since it repeats their velocity."""
    index = np.arange(gradient.shape[axis])
    edge = np.clip(index - before, 0, size - 1)
    starts = np.flatnonzero(np.diff(edge, prepend=-1))
    return np.add.reduceat(gradient, starts, axis=axis)
