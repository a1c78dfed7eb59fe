"""The acoustic scheme as one differentiable operation of the Keras backend.

Automatic differentiation through the time loop would keep every step. Here the transposed scheme
runs backwards in time: the gathers' gradient is injected at the receivers, and what arrives meets
the wave field, of which only some steps were kept and the others are computed again.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from keras_seismic.backend import compiled
from keras_seismic.simulation.acquisition import Acquisition
from keras_seismic.simulation.boundaries import BOUNDARIES, State, boundary_cells
from keras_seismic.types import Tensor

#: Axes of padded velocity.
_ROWS, _COLUMNS = 1, 2


class TimeLoop:
    """The time loop over models of one shape, forward and backward, for ``compiled``.

    Cells of all shots are numbered together, so that every shot can have its own receivers.

    Args:
        acquisition: The experiment.
        shape: ``(depth, width)`` of the models.
        backward: Whether ``backward`` will follow, for which states are kept.
    """

    def __init__(
        self, acquisition: Acquisition, shape: tuple[int, int], backward: bool = True
    ) -> None:
        self.acquisition, self.shape = acquisition, shape
        self.scheme = BOUNDARIES[acquisition.boundary]
        self.padding = boundary_cells(acquisition)
        self.grid = tuple(
            before + n + after for n, (before, after) in zip(shape, self.padding, strict=True)
        )
        self.nt, self.receivers, self.shots = acquisition.gather_shape
        rows, columns = acquisition.grid_indices("sources", shape)
        self.source_cells = (rows * shape[1] + columns).astype(np.int32)  # of the model
        self.source_rows = rows + self.padding[0][0]
        self.source_columns = columns + self.padding[1][0]
        self.sources = self._cells(self.source_rows[:, None], self.source_columns[:, None])[:, 0]
        rows, columns = acquisition.grid_indices("receivers", shape)
        rows, columns = rows + self.padding[0][0], columns + self.padding[1][0]
        receivers = self._cells(
            *(np.broadcast_to(x, (self.shots, self.receivers)) for x in (rows, columns))
        )
        self.recorded = receivers.ravel()
        self.injected = _inverse(self.recorded, self.shots * math.prod(self.grid))
        # The steps between two kept states: as many bytes for these as for those.
        fields = len(self.scheme.initial_state(np.zeros(())))
        self.kept_every = math.ceil(math.sqrt(fields * self.nt)) if backward else self.nt
        self.segments = math.ceil(self.nt / self.kept_every)

    def _cells(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Numbers of ``(shots, ...)`` cells in the wave fields of all shots, flattened."""
        shot = np.arange(self.shots)[:, None] * math.prod(self.grid)
        return (shot + rows * self.grid[1] + columns).astype(np.int32)

    def _first(self, segment: Tensor) -> Tensor:
        return segment * self.kept_every

    def _length(self, segment: Tensor) -> Tensor:
        return ops.minimum(self.kept_every, self.nt - self._first(segment))

    def _at(self, field: Tensor, cells: np.ndarray) -> Tensor:
        """Values ``(models, cells)`` of a wave field."""
        flat = ops.reshape(field, (-1, self.shots * math.prod(self.grid)))
        return ops.take(flat, cells, axis=1)

    def _padded(self, velocity: Tensor) -> Tensor:
        for axis, size, (before, after) in zip(
            (_ROWS, _COLUMNS), self.shape, self.padding, strict=True
        ):
            nearest = np.arange(-before, size + after).clip(0, size - 1)
            velocity = ops.take(velocity, nearest.astype(np.int32), axis=axis)
        return velocity

    def _coefficients(self, velocity: Tensor) -> list[Tensor]:
        return self.scheme.coefficients(self._padded(velocity), self.acquisition, ops)

    def _strength(self, velocity: Tensor, amplitudes: Tensor) -> tuple[Tensor, Tensor]:
        """What multiplies the wavelet, ``(models, shots)``, and velocity at the sources."""
        flat = ops.reshape(velocity, (-1, math.prod(self.shape)))
        at_source = ops.take(flat, self.source_cells, axis=1)
        return (at_source * self.acquisition.dt) ** 2 * amplitudes, at_source

    def _step(
        self, state: State, coefficients: list[Tensor], strength: Tensor, samples: Tensor
    ) -> tuple[State, Tensor]:
        """One step with the sources, and what the squared velocity multiplied in it."""
        (after, *rest), stretched = self.scheme.step(
            state, coefficients, self.acquisition.free_surface
        )
        # An outer product is added in the same pass as the update; scattering would copy the field.
        dtype = after.dtype
        row = ops.one_hot(self.source_rows, self.grid[0], dtype=dtype)[:, :, None]
        column = ops.one_hot(self.source_columns, self.grid[1], dtype=dtype)[:, None, :]
        after = after + (strength * samples)[:, :, None, None] * row * column
        return (after, *rest), stretched

    def _zero_state(self, velocity: Tensor) -> State:
        models = ops.shape(velocity)[0]
        zeros = ops.zeros((models, self.shots, *self.grid), dtype=velocity.dtype)
        return self.scheme.initial_state(zeros)

    def forward(
        self, velocity: Tensor, wavelet: Tensor, amplitudes: Tensor
    ) -> tuple[Tensor, State]:
        """Gathers, and the wave fields at the beginning of every segment.

        Args:
            velocity: ``(models, depth, width)``.
            wavelet: ``(shots, time)``.
            amplitudes: ``(shots,)``.
        """
        coefficients = self._coefficients(velocity)
        strength, _ = self._strength(velocity, amplitudes)
        start = self._zero_state(velocity)
        models = ops.shape(velocity)[0]
        record = ops.zeros((self.nt, models, len(self.recorded)), dtype=velocity.dtype)
        kept = tuple(
            ops.zeros((self.segments, *ops.shape(field)), dtype=velocity.dtype) for field in start
        )

        def segment(number: Tensor, carry: tuple[State, State, Tensor]) -> tuple[State, ...]:
            state, kept, record = carry
            kept = tuple(_put(all_, number, one) for all_, one in zip(kept, state, strict=True))
            first = self._first(number)

            def body(i: Tensor, carry: tuple[State, Tensor]) -> tuple[State, Tensor]:
                state, record = carry
                state, _ = self._step(state, coefficients, strength, wavelet[:, first + i])
                return state, _put(record, first + i, self._at(state[0], self.recorded))

            state, record = ops.fori_loop(0, self._length(number), body, (state, record))
            return state, kept, record

        _, kept, record = ops.fori_loop(0, self.segments, segment, (start, kept, record))
        record = ops.reshape(record, (self.nt, -1, self.shots, self.receivers))
        return ops.transpose(record, (1, 0, 3, 2)), kept

    def backward(
        self,
        velocity: Tensor,
        wavelet: Tensor,
        amplitudes: Tensor,
        kept: State,
        cotangent: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients for the arguments of ``forward`` from the gradient for the gathers."""
        coefficients = self._coefficients(velocity)
        strength, at_source = self._strength(velocity, amplitudes)
        zeros = self._zero_state(velocity)
        cotangent = ops.reshape(
            ops.transpose(cotangent, (1, 0, 3, 2)), (self.nt, -1, len(self.recorded))
        )
        # One more value, zero, for cells without a receiver.
        cotangent = ops.pad(cotangent, ((0, 0), (0, 0), (0, 1)))
        stretched = ops.zeros((self.kept_every, *ops.shape(zeros[0])), dtype=velocity.dtype)

        def segment(backwards: Tensor, carry: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            number = self.segments - 1 - backwards
            first, length = self._first(number), self._length(number)

            def again(i: Tensor, carry: tuple[State, Tensor]) -> tuple[State, Tensor]:
                state, fields = carry
                state, field = self._step(state, coefficients, strength, wavelet[:, first + i])
                return state, _put(fields, i, field)

            def body(i: Tensor, carry: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
                adjoint, courant, strengths, samples = carry
                i = length - 1 - i
                pressure = adjoint[0]
                for cells in self.injected:
                    values = ops.take(cotangent[first + i], cells, axis=1)
                    pressure = pressure + ops.reshape(values, (-1, self.shots, *self.grid))
                arrived = self._at(pressure, self.sources)
                strengths = strengths + arrived * wavelet[:, first + i]
                samples = _put(samples, first + i, ops.sum(arrived * strength, axis=0))
                courant = courant + ops.sum(pressure * fields[i], axis=1)
                adjoint = self.scheme.adjoint_step(
                    (pressure, *adjoint[1:]), coefficients, self.acquisition.free_surface
                )
                return adjoint, courant, strengths, samples

            state = tuple(all_[number] for all_ in kept)
            *rest, fields = carry
            _, fields = ops.fori_loop(0, length, again, (state, fields))
            return (*ops.fori_loop(0, length, body, tuple(rest)), fields)

        courant = ops.zeros_like(zeros[0][:, 0])
        samples = ops.zeros((self.nt, self.shots), dtype=velocity.dtype)
        start = (zeros, courant, ops.zeros_like(strength), samples, stretched)
        _, courant, strengths, samples, _ = ops.fori_loop(0, self.segments, segment, start)

        dt, dx = self.acquisition.dt, self.acquisition.dx
        gradient = self._folded(courant * self._padded(velocity)) * (2 * (dt / dx) ** 2)
        cells = ops.one_hot(self.source_cells, math.prod(self.shape), dtype=velocity.dtype)
        at_sources = strengths * amplitudes * at_source * (2 * dt**2)
        at_sources = ops.sum(at_sources[..., None] * cells, axis=1)
        return (
            gradient + ops.reshape(at_sources, (-1, *self.shape)),
            ops.transpose(samples),
            ops.sum(strengths * (at_source * dt) ** 2, axis=0),
        )

    def _folded(self, values: Tensor) -> Tensor:
        """The transpose of ``_padded``: sums over the cells that repeat an edge."""
        for axis, size, (before, after) in zip(
            (_ROWS, _COLUMNS), self.shape, self.padding, strict=True
        ):
            parts = np.split(np.arange(before + size + after), [before + 1, before + size - 1])
            first, inner, last = (ops.take(values, p.astype(np.int32), axis=axis) for p in parts)
            edges = (ops.sum(x, axis=axis, keepdims=True) for x in (first, last))
            values = ops.concatenate([next(edges), inner, next(edges)], axis=axis)
        return values


def _put(fields: Tensor, index: Tensor, field: Tensor) -> Tensor:
    """The fields with one of them replaced."""
    return ops.slice_update(fields, (index, *[0] * len(field.shape)), field[None])


def _inverse(cells: np.ndarray, count: int) -> list[np.ndarray]:
    """For each of ``count`` cells, which entry of ``cells`` names it, ``len(cells)`` for none.

    As many such arrays as one cell is named, at most.
    """
    inverses, left = [], np.arange(len(cells))
    while len(left):
        _, first = np.unique(cells[left], return_index=True)
        inverse = np.full(count, len(cells), np.int32)
        inverse[cells[left[first]]] = left[first]
        inverses.append(inverse)
        left = np.delete(left, first)
    return inverses


@functools.lru_cache(maxsize=8)
def differentiable_loop(
    acquisition: Acquisition, shape: tuple[int, int], backend: str
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Gathers as a differentiable function of velocity, wavelet and amplitudes.

    Args:
        acquisition: The experiment.
        shape: ``(depth, width)`` of the models.
        backend: Keras' backend, which compiles it.

    Returns:
        A function of velocity ``(models, depth, width)``, wavelet ``(shots, time)`` and amplitudes
        ``(shots,)``, all of one floating-point type.
    """
    loop = TimeLoop(acquisition, shape)
    forward, backward = compiled(loop.forward, backend), compiled(loop.backward, backend)

    @ops.custom_gradient
    def gathers(*arguments: Tensor) -> Any:
        # TensorFlow would otherwise look for the gradient of the loop as well.
        arguments = tuple(map(ops.stop_gradient, arguments))
        values, kept = forward(*arguments)

        def gradient(cotangent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            return backward(*arguments, kept, cotangent)

        return values, gradient

    return gathers
