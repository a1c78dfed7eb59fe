"""Fields on the grid: how they lie in memory, and the step that both boundaries share.

A field has two more rows above and below than the grid, and at least two more cells at the end of
each row (four where opposite edges are neighbors), which are what lies to the left of the next
row too: cell ``(row, column)`` is at ``(row + 2) * width + column``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import uintp

from keras_seismic.simulation.boundaries import FIRST_DIFFERENCE, SECOND_DIFFERENCE

HALO = 2
#: Numbers in a processor's widest vector.
VECTOR = 16

CENTER, NEAR, FAR = (np.float32(c) for c in SECOND_DIFFERENCE)
ODD_NEAR, ODD_FAR = (np.float32(c) for c in FIRST_DIFFERENCE)
ZERO = np.float32(0)
ONE_ON, TWO_ON = np.uintp(1), np.uintp(2)
_TWICE, _TINY = np.float32(2), np.float32(1e-22)


class Medium(NamedTuple):
    """What the loops need to know of a model and its boundary; float32, flat."""

    height: int  #: rows of a field
    width: int  #: cells from one row to the next, in whole vectors
    columns: int  #: cells of a row in the grid
    courant: np.ndarray  #: (v dt / dx)^2, a field; zero outside the grid
    kept: np.ndarray  #: 1 - damping dt, the distinct rows of it
    kept_row: np.ndarray  #: which of them belongs to each row
    cells: int  #: width of the matched layer; 0 without one
    depth_stretch: np.ndarray  #: a and b of the matched layer (2, side, cells + 6)
    width_stretch: np.ndarray  #: a and b of it (2, run)
    joined: bool  #: whether opposite edges are neighbors
    free_surface: bool  #: whether pressure is zero in the first row


class Memory(NamedTuple):
    """The matched layer's memory variables, flat.

    Along the depth: the first and the last ``cells + 6`` rows of a field. Along the width: for
    each row a run of cells, which is the layer and two cells more at its right end, what lies
    between the rows, and as much at the left end of the next row.
    """

    depth_psi: np.ndarray  #: (side, cells + 6, width)
    depth_zeta: np.ndarray
    width_psi: np.ndarray  #: (height, run)
    width_zeta: np.ndarray
    all_four: np.ndarray  #: those above lie in it
    scratch: np.ndarray  #: (height, run)


class Active(NamedTuple):
    """The cells that a step updates, in whole vectors."""

    left: np.ndarray  #: the first of each row, ``width`` where there is none
    right: np.ndarray  #: the end of each row's, 0 where there is none
    #: ``(height, 4)``: first cell and length of active cells in a row, or in several where nothing
    #: damps; the first cell's place in ``Medium.kept``; how many cells come before
    stretches: np.ndarray


def compiled(function: Callable[..., Any]) -> Any:
    """The function compiled at its first call, kept on disk where a folder can be written.

    Inlined wherever it is called: of a function that is also there by itself, a process that has
    just compiled may take another copy than one that reads the code from disk, rounded otherwise.
    """
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": True,
        "error_model": "numpy",
        "forceinline": True,
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # Numba found no folder for it
        return numba.njit(**options)(function)


@compiled
def nothing_active(medium: Medium) -> Active:
    """Room for the active cells, made within the loops: so the compiler knows it to be apart."""
    ends = np.empty((2, medium.height), np.int64)
    for i in range(medium.height):
        ends[0, i], ends[1, i] = medium.width, 0
    return Active(ends[0], ends[1], np.empty((medium.height, 4), np.int64))


@compiled
def step(
    before: np.ndarray,
    now: np.ndarray,
    extra: np.ndarray | None,
    medium: Medium,
    stretches: np.ndarray,
    kept: np.ndarray | None,
    at: int,
) -> None:
    """All active cells one step on, in place of the step before.

    Args:
        before: Pressure one step ago, becomes that one step on.
        now: Pressure.
        extra: Added to the Laplacian; None without a matched layer, nothing damps with one.
        medium: The model.
        stretches: The active cells.
        kept: Gets what ``(v dt / dx)^2`` multiplied, one active cell after the other; or None.
        at: Where in ``kept``.
    """
    w, courant, damping = uintp(medium.width), medium.courant, medium.kept
    for s in range(len(stretches)):
        first, damped = uintp(stretches[s, 0]), uintp(stretches[s, 2])
        to = uintp(at + stretches[s, 3])
        for j in range(uintp(stretches[s, 1])):
            k = first + j
            center = now[k]
            laplacian = (
                _TWICE * CENTER * center
                + NEAR * (now[k - w] + now[k + w] + now[k - ONE_ON] + now[k + ONE_ON])
                + FAR * (now[k - w - w] + now[k + w + w] + now[k - TWO_ON] + now[k + TWO_ON])
            )
            change = center - before[k]
            if extra is None:
                change *= damping[damped + j]
            else:
                laplacian += extra[k]
            before[k] = center + change + courant[k] * laplacian
            if kept is not None:
                kept[to + j] = laplacian


@compiled
def fill_halo(field: np.ndarray, medium: Medium, active: Active) -> None:
    """Values beyond the edges, where they are not zero."""
    height, width, columns = medium.height, medium.width, medium.columns
    if medium.joined and not medium.free_surface:
        for k in range(columns):
            for row in range(HALO):
                field[row * width + k] = field[(row + height - 2 * HALO) * width + k]
                field[(row + height - HALO) * width + k] = field[(row + HALO) * width + k]
    if medium.free_surface:
        for k in range(columns):
            field[HALO * width + k] = ZERO
            field[(HALO - 1) * width + k] = -field[(HALO + 1) * width + k]
    if medium.joined:
        for i in range(HALO, height - HALO):
            if active.left[i] < HALO or active.right[i] > columns - HALO:
                first = i * width
                for k in range(HALO):
                    field[first - HALO + k] = field[first + columns - HALO + k]
                    field[first + columns + k] = field[first + k]


@compiled
def flush(field: np.ndarray, first: int, count: int) -> None:
    """Set to zero what is too small to matter, since denormal numbers are slow."""
    for j in range(uintp(count)):
        value = field[uintp(first) + j]
        field[uintp(first) + j] = value if abs(value) > _TINY else ZERO


@compiled
def flush_all(
    now: np.ndarray, before: np.ndarray, memory: Memory | None, stretches: np.ndarray
) -> None:
    """Flush the active cells and all of the matched layer's memory."""
    for s in range(len(stretches)):
        flush(now, stretches[s, 0], stretches[s, 1])
        flush(before, stretches[s, 0], stretches[s, 1])
    if memory is not None:
        flush(memory.all_four, np.int64(0), len(memory.all_four))
