"""An acquisition over models as the compiled loops need it: grids, coefficients, states."""

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np

from keras_seismic.simulation import kernels
from keras_seismic.simulation.acquisition import Acquisition
from keras_seismic.simulation.boundaries import BOUNDARIES, DampingLayer, boundary_cells
from keras_seismic.simulation.kernels import BLOCK, HALO, VECTOR, Medium

# How long before the computed first arrival a block counts as reached, as a part of that time
# and in cells: travel times on blocks are late by a few percent, the scheme's own waves are
# not, and a wavelet of finite steps spreads. The gathers change by less than 3e-6.
_EARLIER, _MARGIN = 0.05, 8

_NOTHING = np.empty(0, np.float32)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """An acquisition on the grid with its boundary, and what its sources send."""

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
    ) -> "Experiment":
        """Of models of a shape ``(depth, width)``; wavelet and amplitudes as in ``propagate``."""
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

    def medium(self, model: np.ndarray) -> Medium:
        """A model with its boundary, on the grid of the loops."""
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
        common = rows + 2 * HALO, width, columns, aligned(np.pad(courant, halo))
        free_surface = self.acquisition.free_surface
        if scheme is DampingLayer:
            kept = aligned(np.pad(1 - rest[0], ((0, 0), halo[1])))
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
            aligned(depth_stretch), aligned(width_stretch), False, free_surface,
        )  # fmt: skip


def arrival_times(medium: Medium) -> Callable[[bytes], np.ndarray]:
    """A function of blocks, int64 ``(number, 2)``: the steps when each has heard from any of them.

    It remembers what it was asked, since the shots of most experiments have the same receivers.
    """
    courant = without_halo(medium.courant, medium)
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


def without_halo(field: np.ndarray, medium: Medium) -> np.ndarray:
    """The part of a field that is not halo, as an array of two axes."""
    return field.reshape(medium.height, medium.width)[HALO:-HALO, : medium.columns]


def aligned_room(size: int) -> np.ndarray:
    """float32 values that begin where a vector does in memory."""
    room = np.empty(size + VECTOR, np.float32)
    start = -room.ctypes.data // room.itemsize % VECTOR
    return room[start : start + size]


def aligned(values: np.ndarray) -> np.ndarray:
    """A flat copy that begins where a vector does."""
    flat = aligned_room(values.size)
    flat[:] = values.ravel()
    return flat


def aligned_zeros(size: int) -> np.ndarray:
    """float32 zeros that begin where a vector does."""
    flat = aligned_room(size)
    flat[:] = 0
    return flat
