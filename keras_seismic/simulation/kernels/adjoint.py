"""A shot's adjoint from one step back to another, and the gradient with respect to velocity."""

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

# The adjoint of ``psi`` and ``zeta`` is kept multiplied by the layer's ``a``, so that both fade
# as they do forward:
#
#     zeta = b zeta + a w
#     psi = b psi - a D1(w + zeta)
#     extra = D2(zeta) - D1(psi)


@compiled
def _adjoint_zeta_along_width(
    now: np.ndarray, memory: Memory, extra: np.ndarray, medium: Medium, active: Active
) -> None:
    stretch, zeta, total = medium.width_stretch, memory.width_zeta, memory.scratch
    run, reach = len(stretch) // 2, medium.cells + HALO
    n = uintp(run)
    for i in range(HALO - 1 + medium.free_surface, medium.height - HALO):
        if active.right[i] <= medium.columns - reach and active.left[i + 1] >= reach:
            continue
        p, m = uintp(i * medium.width + medium.columns - reach), uintp(i * run)
        for j in range(n):
            k, q = p + j, m + j
            zeta[q] = stretch[n + j] * zeta[q] + stretch[j] * now[k]
            total[q] = now[k] + zeta[q]
            extra[k] = ZERO


@compiled
def _adjoint_psi_along_width(memory: Memory, medium: Medium, active: Active) -> None:
    stretch, psi, total = medium.width_stretch, memory.width_psi, memory.scratch
    run, reach = len(stretch) // 2, medium.cells + HALO
    n = uintp(run)
    for i in range(HALO - 1 + medium.free_surface, medium.height - HALO):
        if active.right[i] <= medium.columns - reach and active.left[i + 1] >= reach:
            continue
        m = uintp(i * run)
        for j in range(n):
            q = m + j
            slope = ODD_NEAR * (total[q + ONE_ON] - total[q - ONE_ON])
            slope += ODD_FAR * (total[q + TWO_ON] - total[q - TWO_ON])
            psi[q] = stretch[n + j] * psi[q] - stretch[j] * slope


@compiled
def _adjoint_add_along_width(
    memory: Memory, extra: np.ndarray, medium: Medium, active: Active
) -> None:
    psi, zeta = memory.width_psi, memory.width_zeta
    run, reach = len(medium.width_stretch) // 2, medium.cells + HALO
    n = uintp(run)
    for i in range(HALO - 1 + medium.free_surface, medium.height - HALO):
        if active.right[i] <= medium.columns - reach and active.left[i + 1] >= reach:
            continue
        p, m = uintp(i * medium.width + medium.columns - reach), uintp(i * run)
        for j in range(n):
            q = m + j
            slope = ODD_NEAR * (psi[q + ONE_ON] - psi[q - ONE_ON])
            slope += ODD_FAR * (psi[q + TWO_ON] - psi[q - TWO_ON])
            second = (
                CENTER * zeta[q]
                + NEAR * (zeta[q - ONE_ON] + zeta[q + ONE_ON])
                + FAR * (zeta[q - TWO_ON] + zeta[q + TWO_ON])
            )
            extra[p + j] += second - slope


@compiled
def _adjoint_along_depth(
    now: np.ndarray, memory: Memory, extra: np.ndarray, medium: Medium, active: Active
) -> None:
    """The adjoint of ``_layer_along_depth``."""
    w, psi, zeta = uintp(medium.width), memory.depth_psi, memory.depth_zeta
    block = medium.cells + 3 * HALO
    for side in range(medium.free_surface, 2):
        begin = side * (medium.height - block)
        outer = HALO + side * HALO  # the layer's first row
        for stage in range(3):
            start, stop = outer, outer + medium.cells
            if stage == 2:
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
                        zeta[m + j] = b * zeta[m + j] + a * now[p + j]
                elif stage == 1:
                    for j in range(count):
                        k, q = p + j, m + j
                        slope = ODD_NEAR * (now[k + w] + zeta[q + w] - now[k - w] - zeta[q - w])
                        slope += ODD_FAR * (
                            now[k + w + w] + zeta[q + w + w] - now[k - w - w] - zeta[q - w - w]
                        )
                        psi[q] = b * psi[q] - a * slope
                else:
                    for j in range(count):
                        k, q = p + j, m + j
                        slope = ODD_NEAR * (psi[q + w] - psi[q - w])
                        slope += ODD_FAR * (psi[q + w + w] - psi[q - w - w])
                        second = (
                            CENTER * zeta[q]
                            + NEAR * (zeta[q - w] + zeta[q + w])
                            + FAR * (zeta[q - w - w] + zeta[q + w + w])
                        )
                        extra[k] = second - slope


@compiled
def _correlate(
    gradient: np.ndarray,
    adjoint: np.ndarray,
    later: np.ndarray,
    kept: np.ndarray,
    at: int,
    at_later: int,
    stretches: np.ndarray,
) -> None:
    """Add two steps' part to the gradient: reading and writing it takes the longest."""
    for s in range(len(stretches)):
        first, offset = uintp(stretches[s, 0]), stretches[s, 3]
        p, q = uintp(at + offset), uintp(at_later + offset)
        for j in range(uintp(stretches[s, 1])):
            k = first + j
            gradient[k] += adjoint[k] * kept[p + j] + later[k] * kept[q + j]


@compiled
def backward(
    medium: Medium,
    window: Window,
    now: np.ndarray,
    before: np.ndarray,
    memory: Memory | None,
    extra: np.ndarray | None,
    begin: int,
    end: int,
    sources: np.ndarray,
    series: np.ndarray,
    cell: int,
    record: np.ndarray,
    kept: np.ndarray,
    at: int,
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
        extra: A field of zeros; None without a matched layer.
        begin: First step of the part.
        end: Past its last step.
        sources: The receivers' cells.
        series: ``(steps, receivers)``, ``(v dt / dx)^2`` times the derivative of the misfit with
            respect to the record.
        cell: The source's cell.
        record: ``(steps,)``, filled with ``w`` there.
        kept: What ``forward`` kept of these steps.
        at: Where it ends.
        gradient: Gets the sum of ``w`` times what was kept added.
    """
    active = nothing_active(medium)
    stretches, size, nowhere = active.stretches[:0], np.int64(0), np.int64(0)
    for t in range(end - 1, begin - 1, -1):
        if t == end - 1 or (t + 1) % WINDOW_STEPS == 0:
            count, size = update_window(window, t - t % WINDOW_STEPS, medium, active)
            stretches = active.stretches[:count]
            flush_all(now, before, memory, stretches)
        if memory is not None:
            _adjoint_zeta_along_width(now, memory, extra, medium, active)
            _adjoint_psi_along_width(memory, medium, active)
            _adjoint_along_depth(now, memory, extra, medium, active)
            _adjoint_add_along_width(memory, extra, medium, active)
        step(before, now, extra, medium, stretches, None, nowhere)
        for k in range(len(sources)):
            before[sources[k]] += series[t, k]
        record[t] = before[cell]
        fill_halo(before, medium, active)
        at -= int(size)
        if t % 2 == 0:  # Past the last step of all, the adjoint field is zero.
            at_later = at + size if t + 1 < end else at
            _correlate(gradient, before, now, kept, at, at_later, stretches)
        now, before = before, now
