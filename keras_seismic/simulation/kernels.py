"""The acoustic scheme of ``boundaries.py`` as compiled loops for processors (Numba).

One shot at a time, in place. What makes it quick, each point measured:

- Arrays are flat and indexed by unsigned numbers, so that the compiler vectorizes the rows.
- Only cells that the wave can have reached, and from which it can still return to a
  receiver, are updated (``Window``, from travel times between blocks of cells).
- Numbers too small to matter become zero every few steps: denormal numbers take ten times as
  long as others.

The adjoint of the scheme is the scheme itself, run backward in time with sources at the
receivers, for the field ``w = (v dt / dx)^2 q`` where ``q`` is the derivative of the misfit with
respect to the pressure; only the memory variables of the perfectly matched layer have an
adjoint of their own.

All fields have a halo of two cells on every side, and are flat: cell ``(row, column)`` is at
``row * width + column``, halo included.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import uintp

from keras_seismic.simulation.boundaries import FIRST_DIFFERENCE, SECOND_DIFFERENCE

HALO = 2
#: Cells along the side of a block, and steps between two updates, of the moving window.
BLOCK, WINDOW_STEPS = 4, 16

_CENTER, _NEAR, _FAR = (np.float32(c) for c in SECOND_DIFFERENCE)
_ODD_NEAR, _ODD_FAR = (np.float32(c) for c in FIRST_DIFFERENCE)
_TWICE, _ZERO, _TINY = np.float32(2), np.float32(0), np.float32(1e-22)
_1, _2, _3, _4 = (np.uintp(n) for n in (1, 2, 3, 4))


class Medium(NamedTuple):
    """What the loops need to know of a model and its boundary; float32, flat, with halos."""

    height: int  #: rows of a field, with halo
    width: int
    courant: np.ndarray  #: (v dt / dx)^2
    kept: np.ndarray  #: 1 - damping dt, the distinct rows of it
    kept_row: np.ndarray  #: which of them belongs to each row
    cells: int  #: width of the matched layer; 0 without one
    layer: int  #: cells across which it acts at the sides, with those that fill up a vector
    depth_stretch: np.ndarray  #: a and b of the matched layer (2, side, layer + 4)
    width_stretch: np.ndarray
    joined: bool  #: whether opposite edges are neighbors
    free_surface: bool  #: whether pressure is zero in the first row


class Memory(NamedTuple):
    """The matched layer's memory variables, psi and zeta, flat."""

    depth_psi: np.ndarray  #: (side, layer + 4, width)
    depth_zeta: np.ndarray
    width_psi: np.ndarray  #: (height, side, layer + 4)
    width_zeta: np.ndarray


class Window(NamedTuple):
    """First and last step that matter to each block of cells."""

    first: np.ndarray
    last: np.ndarray


def _compiled(function: Callable[..., Any]) -> Any:
    """The function compiled at its first call, kept on disk where a folder can be written."""
    try:
        return numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")(function)
    except RuntimeError:  # Numba found no folder for it
        return numba.njit(nogil=True, fastmath=True, error_model="numpy")(function)


@_compiled
def _step(
    before: np.ndarray,
    now: np.ndarray,
    medium: Medium,
    left: np.ndarray,
    right: np.ndarray,
    change: np.ndarray,
    stride: int,
) -> None:
    """All rows one step on, in place of the step before; ``change`` gets their Laplacian."""
    w, courant, kept = uintp(medium.width), medium.courant, medium.kept
    for i in range(HALO + medium.free_surface, medium.height - HALO):
        if left[i] >= right[i]:
            continue
        first = uintp(i * medium.width + left[i])
        first_kept = uintp(medium.kept_row[i] * medium.width + left[i])
        first_change = uintp(i * stride + left[i])
        for j in range(uintp(right[i] - left[i])):
            k = first + j
            center = now[k]
            laplacian = (
                _TWICE * _CENTER * center
                + _NEAR * (now[k - w] + now[k + w] + now[k - _1] + now[k + _1])
                + _FAR * (now[k - w - w] + now[k + w + w] + now[k - _2] + now[k + _2])
            )
            before[k] = (
                center + kept[first_kept + j] * (center - before[k]) + courant[k] * laplacian
            )
            change[first_change + j] = laplacian


@_compiled
def _layer_along_width(
    after: np.ndarray,
    now: np.ndarray,
    memory: Memory,
    medium: Medium,
    left: np.ndarray,
    right: np.ndarray,
    change: np.ndarray,
    stride: int,
) -> None:
    """Add the matched layer's part of a step at the left and right.

    All rows of one memory variable before the next, here and in the adjoint: a processor waits
    where it reads numbers, at other offsets, that it has only just written.
    """
    n, courant, stretch = uintp(medium.layer), medium.courant, medium.width_stretch
    psi, zeta = memory.width_psi, memory.width_zeta
    block = medium.layer + 4
    for stage in range(2):
        for i in range(HALO + medium.free_surface, medium.height - HALO):
            for side in range(2):
                begin = side * (medium.width - block)
                if left[i] > begin + HALO or right[i] < begin + block - HALO:
                    continue
                p = uintp(i * medium.width + begin)
                m = uintp((2 * i + side) * block)
                a, b = uintp(side * block) + _2, uintp((2 + side) * block) + _2
                if stage == 0:
                    for j in range(n):
                        k = p + j
                        slope = _ODD_NEAR * (now[k + _3] - now[k + _1])
                        slope += _ODD_FAR * (now[k + _4] - now[k])
                        psi[m + j + _2] = stretch[b + j] * psi[m + j + _2] + stretch[a + j] * slope
                else:
                    c = uintp(i * stride + begin) + _2
                    for j in range(n):
                        k, q = p + j, m + j
                        slope = _ODD_NEAR * (psi[q + _3] - psi[q + _1])
                        slope += _ODD_FAR * (psi[q + _4] - psi[q])
                        second = (
                            _CENTER * now[k + _2]
                            + _NEAR * (now[k + _1] + now[k + _3])
                            + _FAR * (now[k] + now[k + _4])
                        )
                        after_this = stretch[b + j] * zeta[q + _2] + stretch[a + j] * (
                            second + slope
                        )
                        zeta[q + _2] = after_this
                        after[k + _2] += courant[k + _2] * (slope + after_this)
                        change[c + j] += slope + after_this


@_compiled
def _layer_along_depth(
    after: np.ndarray,
    now: np.ndarray,
    memory: Memory,
    medium: Medium,
    left: np.ndarray,
    right: np.ndarray,
    change: np.ndarray,
    stride: int,
) -> None:
    """Add the matched layer's part of a step at the top and bottom."""
    w, block, courant = uintp(medium.width), medium.layer + 4, medium.courant
    psi, zeta = memory.depth_psi, memory.depth_zeta
    for side in range(medium.free_surface, 2):
        begin = side * (medium.height - block)
        outer = side * (block - 2 * HALO - medium.cells) + HALO  # the layer's first row
        for k in range(outer, outer + medium.cells):
            i = begin + k
            if left[i] >= right[i]:
                continue
            a = medium.depth_stretch[side * block + k]
            b = medium.depth_stretch[(2 + side) * block + k]
            p = uintp(i * medium.width + left[i])
            m = uintp((side * block + k) * medium.width + left[i])
            for j in range(uintp(right[i] - left[i])):
                q = p + j
                slope = _ODD_NEAR * (now[q + w] - now[q - w]) + _ODD_FAR * (
                    now[q + w + w] - now[q - w - w]
                )
                psi[m + j] = b * psi[m + j] + a * slope
        for k in range(outer - side * HALO, outer + medium.cells + (1 - side) * HALO):
            i = begin + k
            if left[i] >= right[i]:
                continue
            a = medium.depth_stretch[side * block + k]
            b = medium.depth_stretch[(2 + side) * block + k]
            p = uintp(i * medium.width + left[i])
            m = uintp((side * block + k) * medium.width + left[i])
            c = uintp(i * stride + left[i])
            for j in range(uintp(right[i] - left[i])):
                q, r = p + j, m + j
                slope = _ODD_NEAR * (psi[r + w] - psi[r - w]) + _ODD_FAR * (
                    psi[r + w + w] - psi[r - w - w]
                )
                second = (
                    _CENTER * now[q]
                    + _NEAR * (now[q - w] + now[q + w])
                    + _FAR * (now[q - w - w] + now[q + w + w])
                )
                memory_after = b * zeta[r] + a * (second + slope)
                zeta[r] = memory_after
                after[q] += courant[q] * (slope + memory_after)
                change[c + j] += slope + memory_after


@_compiled
def _fill_halo(field: np.ndarray, medium: Medium, left: np.ndarray, right: np.ndarray) -> None:
    """Values beyond the edges, where they are not zero."""
    height, width = medium.height, medium.width
    if medium.joined:
        for i in range(HALO, height - HALO):
            if left[i] < right[i] and (left[i] < 2 * HALO or right[i] > width - 2 * HALO):
                row = i * width
                for k in range(HALO):
                    field[row + k] = field[row + width - 2 * HALO + k]
                    field[row + width - HALO + k] = field[row + HALO + k]
        if not medium.free_surface:
            for k in range(HALO * width):
                field[k] = field[(height - 2 * HALO) * width + k]
                field[(height - HALO) * width + k] = field[HALO * width + k]
    if medium.free_surface:
        for k in range(width):
            field[HALO * width + k] = _ZERO
            field[(HALO - 1) * width + k] = -field[(HALO + 1) * width + k]


@_compiled
def _flush(field: np.ndarray, begin: int, end: int) -> None:
    for k in range(uintp(end - begin)):
        value = field[uintp(begin) + k]
        field[uintp(begin) + k] = value if abs(value) > _TINY else _ZERO


@_compiled
def _flush_all(
    now: np.ndarray,
    before: np.ndarray,
    memory: Memory | None,
    medium: Medium,
    left: np.ndarray,
    right: np.ndarray,
) -> None:
    """Set to zero what is too small to matter, since denormal numbers are slow."""
    for i in range(HALO, medium.height - HALO):
        if left[i] < right[i]:
            row = i * medium.width
            _flush(now, row + left[i], row + right[i])
            _flush(before, row + left[i], row + right[i])
    if memory is not None:
        start = left[0]  # 0, of the type that _flush is compiled for
        _flush(memory.depth_psi, start, start + len(memory.depth_psi))
        _flush(memory.depth_zeta, start, start + len(memory.depth_zeta))
        _flush(memory.width_psi, start, start + len(memory.width_psi))
        _flush(memory.width_zeta, start, start + len(memory.width_zeta))


@_compiled
def _update_window(
    window: Window, step: int, medium: Medium, left: np.ndarray, right: np.ndarray
) -> None:
    """Active columns of each row in the steps from ``step`` on; none where right <= left."""
    rows, columns = window.first.shape
    last_step, edge = step + WINDOW_STEPS - 1, medium.width - HALO
    for i in range(rows):
        begin, end = columns, 0
        for j in range(columns):
            if window.first[i, j] <= last_step and window.last[i, j] >= step:
                begin = min(begin, j)
                end = j + 1
        begin, end = HALO + begin * BLOCK, min(HALO + end * BLOCK, edge)
        if medium.layer and begin < end:  # the matched layer at the sides, whole or not at all
            if begin < HALO + medium.layer:
                begin, end = HALO, max(end, HALO + medium.layer)
            if end > edge - medium.layer:
                begin, end = min(begin, edge - medium.layer), edge
        for k in range(HALO + i * BLOCK, min(HALO + (i + 1) * BLOCK, medium.height - HALO)):
            left[k], right[k] = begin, end


@_compiled
def forward(
    medium: Medium,
    window: Window,
    now: np.ndarray,
    before: np.ndarray,
    memory: Memory | None,
    begin: int,
    end: int,
    source: int,
    series: np.ndarray,
    receivers: np.ndarray,
    record: np.ndarray,
    kept: np.ndarray,
) -> None:
    """Run a shot from step ``begin`` to ``end``.

    Args:
        medium: The model.
        window: Where and when the wave matters.
        now: Pressure, changed in place; after an odd number of steps, ``now`` and ``before``
            have changed places.
        before: Pressure one step ago.
        memory: The matched layer's memory variables, changed in place; None without one.
        begin: First step.
        end: Past the last step.
        source: Cell that ``series`` is added to.
        series: What is injected, for each step.
        receivers: Cells that are recorded.
        record: ``(steps, receivers)``, filled.
        kept: ``(end - begin, cells)``, filled with what multiplies ``(v dt / dx)^2`` in each
            step; of length 0, nothing is kept.
    """
    left, right = np.zeros(medium.height, np.int64), np.zeros(medium.height, np.int64)
    # Where nothing is kept, one row takes all of it, and stays in the cache.
    stride = medium.width if len(kept) else 0
    change = np.empty(max(stride * medium.height, medium.width), np.float32)
    for t in range(begin, end):
        if t == begin or t % WINDOW_STEPS == 0:
            _update_window(window, t - t % WINDOW_STEPS, medium, left, right)
            _flush_all(now, before, memory, medium, left, right)
        if len(kept):
            change = kept[t - begin]
        _step(before, now, medium, left, right, change, stride)
        if memory is not None:
            _layer_along_width(before, now, memory, medium, left, right, change, stride)
            _layer_along_depth(before, now, memory, medium, left, right, change, stride)
        before[source] += series[t]
        for k in range(len(receivers)):
            record[t, k] = before[receivers[k]]
        _fill_halo(before, medium, left, right)
        now, before = before, now


@_compiled
def _adjoint_along_width(
    after: np.ndarray,
    now: np.ndarray,
    memory: Memory,
    medium: Medium,
    left: np.ndarray,
    right: np.ndarray,
    sent: np.ndarray,
    stretched: np.ndarray,
) -> None:
    """Add the adjoint of ``_layer_along_width``; ``sent`` and ``stretched`` are scratch."""
    n, courant, stretch = uintp(medium.layer), medium.courant, medium.width_stretch
    psi, zeta = memory.width_psi, memory.width_zeta
    block = medium.layer + 4
    for stage in range(3):
        for i in range(HALO + medium.free_surface, medium.height - HALO):
            for side in range(2):
                begin = side * (medium.width - block)
                if left[i] > begin + HALO or right[i] < begin + block - HALO:
                    continue
                p = uintp(i * medium.width + begin)
                m = uintp((2 * i + side) * block)
                a, b = uintp(side * block) + _2, uintp((2 + side) * block) + _2
                if stage == 0:
                    for j in range(n):
                        q = m + j + _2
                        total = zeta[q] + now[p + j + _2]
                        sent[q] = stretch[a + j] * total
                        zeta[q] = stretch[b + j] * total
                elif stage == 1:
                    for j in range(n):
                        k, q = p + j, m + j
                        slope = _ODD_NEAR * (
                            now[k + _3] + sent[q + _3] - now[k + _1] - sent[q + _1]
                        )
                        slope += _ODD_FAR * (now[k + _4] + sent[q + _4] - now[k] - sent[q])
                        total = psi[q + _2] - slope
                        stretched[q + _2] = stretch[a + j] * total
                        psi[q + _2] = stretch[b + j] * total
                else:
                    for j in range(n):
                        k, q = p + j + _2, m + j
                        slope = _ODD_NEAR * (stretched[q + _3] - stretched[q + _1])
                        slope += _ODD_FAR * (stretched[q + _4] - stretched[q])
                        second = (
                            _CENTER * sent[q + _2]
                            + _NEAR * (sent[q + _1] + sent[q + _3])
                            + _FAR * (sent[q] + sent[q + _4])
                        )
                        after[k] += courant[k] * (second - slope)


@_compiled
def _adjoint_along_depth(
    after: np.ndarray,
    now: np.ndarray,
    memory: Memory,
    medium: Medium,
    left: np.ndarray,
    right: np.ndarray,
    sent: np.ndarray,
    stretched: np.ndarray,
) -> None:
    """Add the adjoint of ``_layer_along_depth``; ``sent`` and ``stretched`` are scratch."""
    w, block, courant = uintp(medium.width), medium.layer + 4, medium.courant
    psi, zeta = memory.depth_psi, memory.depth_zeta
    for side in range(medium.free_surface, 2):
        begin = side * (medium.height - block)
        outer = side * (block - 2 * HALO - medium.cells) + HALO  # the layer's first row
        for stage in range(3):
            start, stop = outer, outer + medium.cells
            if stage == 2:
                start, stop = start - side * HALO, stop + (1 - side) * HALO
            for k in range(start, stop):
                i = begin + k
                if left[i] >= right[i]:
                    continue
                a = medium.depth_stretch[side * block + k]
                b = medium.depth_stretch[(2 + side) * block + k]
                p = uintp(i * medium.width + left[i])
                m = uintp((side * block + k) * medium.width + left[i])
                count = uintp(right[i] - left[i])
                if stage == 0:
                    for j in range(count):
                        total = zeta[m + j] + now[p + j]
                        sent[m + j] = a * total
                        zeta[m + j] = b * total
                elif stage == 1:
                    for j in range(count):
                        q, r = p + j, m + j
                        slope = _ODD_NEAR * (now[q + w] + sent[r + w] - now[q - w] - sent[r - w])
                        slope += _ODD_FAR * (
                            now[q + w + w] + sent[r + w + w] - now[q - w - w] - sent[r - w - w]
                        )
                        total = psi[r] - slope
                        stretched[r] = a * total
                        psi[r] = b * total
                else:
                    for j in range(count):
                        q, r = p + j, m + j
                        slope = _ODD_NEAR * (stretched[r + w] - stretched[r - w])
                        slope += _ODD_FAR * (stretched[r + w + w] - stretched[r - w - w])
                        second = (
                            _CENTER * sent[r]
                            + _NEAR * (sent[r - w] + sent[r + w])
                            + _FAR * (sent[r - w - w] + sent[r + w + w])
                        )
                        after[q] += courant[q] * (second - slope)


@_compiled
def _correlate(
    gradient: np.ndarray,
    adjoint: np.ndarray,
    kept: np.ndarray,
    medium: Medium,
    left: np.ndarray,
    right: np.ndarray,
) -> None:
    for i in range(HALO + medium.free_surface, medium.height - HALO):
        first = uintp(i * medium.width + left[i])
        for j in range(uintp(max(right[i] - left[i], 0))):
            gradient[first + j] += adjoint[first + j] * kept[first + j]


@_compiled
def backward(
    medium: Medium,
    window: Window,
    now: np.ndarray,
    before: np.ndarray,
    memory: Memory | None,
    begin: int,
    end: int,
    sources: np.ndarray,
    series: np.ndarray,
    cell: int,
    record: np.ndarray,
    kept: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Run the adjoint of ``forward`` from step ``end - 1`` down to step ``begin``.

    Args:
        medium: The model.
        window: The same as forward.
        now: The adjoint field ``w``, changed in place; after an odd number of steps, ``now`` and
            ``before`` have changed places.
        before: The adjoint field one step later in time.
        memory: The adjoint of the matched layer's memory variables, changed in place.
        begin: First step of the part.
        end: Past its last step.
        sources: The receivers' cells.
        series: ``(steps, receivers)``, ``(v dt / dx)^2`` times the derivative of the misfit with
            respect to the record.
        cell: The source's cell.
        record: ``(steps,)``, filled with ``w`` there.
        kept: What ``forward`` kept of these steps.
        gradient: Gets the sum of ``w`` times what was kept added.
    """
    left, right = np.zeros(medium.height, np.int64), np.zeros(medium.height, np.int64)
    change = np.empty(medium.width, np.float32)
    across = np.zeros(2 * (medium.layer + 4) * medium.width, np.float32)
    across_too = np.zeros_like(across)
    along = np.zeros(2 * (medium.layer + 4) * medium.height, np.float32)
    along_too = np.zeros_like(along)
    for t in range(end - 1, begin - 1, -1):
        if t == end - 1 or (t + 1) % WINDOW_STEPS == 0:
            _update_window(window, t - t % WINDOW_STEPS, medium, left, right)
            _flush_all(now, before, memory, medium, left, right)
        _step(before, now, medium, left, right, change, 0)
        if memory is not None:
            _adjoint_along_width(before, now, memory, medium, left, right, along, along_too)
            _adjoint_along_depth(before, now, memory, medium, left, right, across, across_too)
        for k in range(len(sources)):
            before[sources[k]] += series[t, k]
        record[t] = before[cell]
        _fill_halo(before, medium, left, right)
        _correlate(gradient, before, kept[t - begin], medium, left, right)
        now, before = before, now


@_compiled
def travel_times(times: np.ndarray, cost: np.ndarray, seeds: np.ndarray, joined: bool) -> None:
    """First arrival, in time steps, at every block from the nearest of the seeds.

    Fast sweeping for the eikonal equation (Zhao 2005, Mathematics of Computation 74, 603-627).

    Args:
        times: Filled; ``(rows + 2, columns + 2)``, since a frame of blocks that are reached never
            spares the loops the question of what is beyond the edge. On entry, never everywhere.
        cost: ``(rows, columns)`` steps to cross each block.
        seeds: ``(seeds, 2)`` rows and columns.
        joined: Whether opposite edges are neighbors.
    """
    rows, columns = cost.shape
    for k in range(len(seeds)):
        times[seeds[k, 0] + 1, seeds[k, 1] + 1] = 0
    for _ in range(8):
        change = np.float32(0)
        for sweep in range(4):
            if joined:
                for j in range(columns + 2):
                    times[0, j], times[rows + 1, j] = times[rows, j], times[1, j]
                for i in range(rows + 2):
                    times[i, 0], times[i, columns + 1] = times[i, columns], times[i, 1]
            for m in range(rows):
                i = m + 1 if sweep < 2 else rows - m
                for n in range(columns):
                    j = n + 1 if sweep % 2 == 0 else columns - n
                    p = min(times[i - 1, j], times[i + 1, j])
                    q = min(times[i, j - 1], times[i, j + 1])
                    step = cost[i - 1, j - 1]
                    if min(p, q) + step >= times[i, j] and abs(p - q) >= step:
                        continue
                    if abs(p - q) >= step:
                        time = min(p, q) + step
                    else:
                        time = (p + q + np.sqrt(_TWICE * step * step - (p - q) ** 2)) / _TWICE
                    if time < times[i, j]:
                        change = max(change, times[i, j] - time)
                        times[i, j] = time
        if change < 1:
            break
