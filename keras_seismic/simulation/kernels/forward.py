"""A shot from one step to another."""

import numpy as np
from numba import uintp

from keras_seismic.simulation.kernels.grid import (
    CENTER,
    FAR,
    HALO,
    NEAR,
    ODD_FAR,
    ODD_NEAR,
    ONE_ON,
    TWO_ON,
    ZERO,
    Active,
    Medium,
    Memory,
    compiled,
    fill_halo,
    flush_all,
    nothing_active,
    step,
)
from keras_seismic.simulation.kernels.window import WINDOW_STEPS, Window, update_window


@compiled
def _slopes_along_width(
    now: np.ndarray, memory: Memory, extra: np.ndarray, medium: Medium, active: Active
) -> None:
    """Update psi along the width, and begin what the layer adds there.

    All rows of one memory variable before the next, here and in the adjoint: a processor waits
    where it reads numbers, at other offsets, that it has only just written.
    """
    stretch, psi, second = medium.width_stretch, memory.width_psi, memory.scratch
    run, reach = len(stretch) // 2, medium.cells + HALO
    n = uintp(run)
    for i in range(HALO - 1 + medium.free_surface, medium.height - HALO):
        if active.right[i] <= medium.columns - reach and active.left[i + 1] >= reach:
            continue
        p, m = uintp(i * medium.width + medium.columns - reach), uintp(i * run)
        for j in range(n):
            k, q = p + j, m + j
            slope = ODD_NEAR * (now[k + ONE_ON] - now[k - ONE_ON])
            slope += ODD_FAR * (now[k + TWO_ON] - now[k - TWO_ON])
            psi[q] = stretch[n + j] * psi[q] + stretch[j] * slope
            second[q] = (
                CENTER * now[k]
                + NEAR * (now[k - ONE_ON] + now[k + ONE_ON])
                + FAR * (now[k - TWO_ON] + now[k + TWO_ON])
            )
            extra[k] = ZERO


@compiled
def _add_along_width(memory: Memory, extra: np.ndarray, medium: Medium, active: Active) -> None:
    """Update zeta along the width, and add what the layer adds there."""
    psi, zeta, second = memory.width_psi, memory.width_zeta, memory.scratch
    stretch = medium.width_stretch
    run, reach = len(stretch) // 2, medium.cells + HALO
    n = uintp(run)
    for i in range(HALO - 1 + medium.free_surface, medium.height - HALO):
        if active.right[i] <= medium.columns - reach and active.left[i + 1] >= reach:
            continue
        p, m = uintp(i * medium.width + medium.columns - reach), uintp(i * run)
        for j in range(n):
            q = m + j
            slope = ODD_NEAR * (psi[q + ONE_ON] - psi[q - ONE_ON])
            slope += ODD_FAR * (psi[q + TWO_ON] - psi[q - TWO_ON])
            zeta_after = stretch[n + j] * zeta[q] + stretch[j] * (second[q] + slope)
            zeta[q] = zeta_after
            extra[p + j] += slope + zeta_after


@compiled
def _layer_along_depth(
    now: np.ndarray, memory: Memory, extra: np.ndarray, medium: Medium, active: Active
) -> None:
    """What the matched layer adds at the top and bottom, in place of what is there."""
    w, psi, zeta = uintp(medium.width), memory.depth_psi, memory.depth_zeta
    block = medium.cells + 3 * HALO
    for side in range(medium.free_surface, 2):
        begin = side * (medium.height - block)
        outer = HALO + side * HALO  # the layer's first row
        for stage in range(2):
            start, stop = outer, outer + medium.cells
            if stage == 1:
                start, stop = start - side * HALO, stop + (1 - side) * HALO
            for row in range(start, stop):
                i = begin + row
                left = active.left[i]
                if left >= active.right[i]:
                    continue
                a = medium.depth_stretch[side * block + row]
                b = medium.depth_stretch[(2 + side) * block + row]
                p = uintp(i * medium.width + left)
                m = uintp((side * block + row) * medium.width + left)
                count = uintp(active.right[i] - left)
                if stage == 0:
                    for j in range(count):
                        k, q = p + j, m + j
                        slope = ODD_NEAR * (now[k + w] - now[k - w])
                        slope += ODD_FAR * (now[k + w + w] - now[k - w - w])
                        psi[q] = b * psi[q] + a * slope
                else:
                    for j in range(count):
                        k, q = p + j, m + j
                        slope = ODD_NEAR * (psi[q + w] - psi[q - w])
                        slope += ODD_FAR * (psi[q + w + w] - psi[q - w - w])
                        second = (
                            CENTER * now[k]
                            + NEAR * (now[k - w] + now[k + w])
                            + FAR * (now[k - w - w] + now[k + w + w])
                        )
                        zeta_after = b * zeta[q] + a * (second + slope)
                        zeta[q] = zeta_after
                        extra[k] = slope + zeta_after


@compiled
def forward(
    medium: Medium,
    window: Window,
    now: np.ndarray,
    before: np.ndarray,
    memory: Memory | None,
    extra: np.ndarray | None,
    begin: int,
    end: int,
    source: int,
    series: np.ndarray,
    receivers: np.ndarray,
    record: np.ndarray,
    kept: np.ndarray | None,
) -> int:
    """Run a shot from step ``begin`` to ``end``.

    Args:
        medium: The model.
        window: Where and when the wave matters.
        now: Pressure, changed in place; after an odd number of steps, ``now`` and ``before``
            have changed places.
        before: Pressure one step ago.
        memory: The matched layer's memory variables, changed in place; None without one.
        extra: A field of zeros for what that layer adds to the Laplacian; None without one.
        begin: First step.
        end: Past the last step.
        source: Cell that ``series`` is added to.
        series: What is injected, for each step.
        receivers: Cells that are recorded.
        record: ``(steps, receivers)``, filled.
        kept: Filled with what multiplies ``(v dt / dx)^2`` in the active cells of each step, one
            step after the other; at least a field for each step. None if it is not wanted.

    Returns:
        Where in ``kept`` it ends.
    """
    active = nothing_active(medium)
    stretches, size, at = active.stretches[:0], np.int64(0), np.int64(0)
    for t in range(begin, end):
        if t == begin or t % WINDOW_STEPS == 0:
            count, size = update_window(window, t - t % WINDOW_STEPS, medium, active)
            stretches = active.stretches[:count]
            flush_all(now, before, memory, stretches)
        if memory is not None:
            _slopes_along_width(now, memory, extra, medium, active)
            _layer_along_depth(now, memory, extra, medium, active)
            _add_along_width(memory, extra, medium, active)
        step(before, now, extra, medium, stretches, kept, at)
        at += size
        before[source] += series[t]
        for k in range(len(receivers)):
            record[t, k] = before[receivers[k]]
        fill_halo(before, medium, active)
        now, before = before, now
    return int(at)
