"""Which cells matter when: those that the wave has reached and from which it can return."""

from typing import NamedTuple

import numpy as np

from keras_seismic.simulation.kernels.grid import HALO, VECTOR, Active, Medium, compiled

#: Cells along the side of a block, and steps between two updates, of the moving window.
BLOCK, WINDOW_STEPS = 4, 16

_TWICE = np.float32(2)


class Window(NamedTuple):
    """First and last step that matter to each block of cells."""

    first: np.ndarray
    last: np.ndarray


@compiled
def update_window(window: Window, step: int, medium: Medium, active: Active) -> tuple[int, int]:
    """Find the active cells of the ``WINDOW_STEPS`` from ``step`` on; stretches and cells."""
    rows, columns = window.first.shape
    stretches, count, size, end = active.stretches, 0, 0, -1
    for i in range(rows):
        first, last = columns, 0
        for j in range(columns):
            if window.first[i, j] < step + WINDOW_STEPS and window.last[i, j] >= step:
                first = min(first, j)
                last = j + 1
        begin, stop = medium.width, 0
        if first < last:
            begin = first * BLOCK // VECTOR * VECTOR
            stop = min((last * BLOCK + VECTOR - 1) // VECTOR * VECTOR, medium.width)
        top = HALO + i * BLOCK
        for k in range(top, min(top + BLOCK, medium.height - HALO)):
            active.left[k], active.right[k] = begin, stop
            if begin >= stop or (medium.free_surface and k == HALO):
                continue
            cell = k * medium.width + begin
            if medium.cells and cell == end:
                stretches[count - 1, 1] += stop - begin
            else:
                stretches[count, 0], stretches[count, 1] = cell, stop - begin
                stretches[count, 2] = medium.kept_row[k] * medium.width + begin
                stretches[count, 3] = size
                count += 1
            size += stop - begin
            end = cell + stop - begin
    return count, size


@compiled
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
