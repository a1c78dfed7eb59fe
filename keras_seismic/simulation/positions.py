"""Positions of sources and receivers: checked, and brought onto a grid."""

from typing import Any

import numpy as np

#: ``(x, depth)`` in m.
Position = tuple[float, float]

#: Positions for every shot alike, or one tuple of them for each shot.
Receivers = tuple[Position, ...] | tuple[tuple[Position, ...], ...]


def snap_to_grid(positions: Any, dx: float) -> tuple[np.ndarray, float]:
    """Move positions to the nearest grid points.

    An ``Acquisition`` takes positions on grid points only. Halfway between two, the right one and
    the deeper one are taken. A position off by a quarter of a cell shifts arrivals by up to
    ``dx / 4 v``; take a finer grid where that matters.

    Args:
        positions: ``(x, depth)`` in m along the last axis, from the model's upper left corner.
        dx: Grid spacing, m.

    Returns:
        The positions on the grid, and the longest way that one was moved, m.

    Raises:
        ValueError: If they are not finite pairs, or the spacing is not positive.

    Example:
        >>> snap_to_grid([(103.0, 9.0), (155.0, 12.0)], 10.0)
        (array([[100.,  10.],
               [160.,  10.]]), 5.385164807134504)
    """
    places = np.asarray(positions, np.float64)
    if places.ndim < 1 or places.shape[-1] != 2 or not np.isfinite(places).all() or not dx > 0:
        raise ValueError(
            "snap_to_grid: expected finite pairs (x, depth) in m and a positive dx, received "
            f"positions of shape {places.shape} and dx={dx}"
        )
    snapped = np.floor(places / dx + 0.5) * dx
    return snapped, float(np.hypot(*np.moveaxis(snapped - places, -1, 0)).max(initial=0))


def checked_receivers(receivers: Any, shots: int, dx: float) -> Receivers:
    """Receivers for all shots alike, or one tuple for each; never as many equal tuples."""
    receivers = list(receivers)
    try:
        by_shot = np.ndim(receivers[0][0]) > 0
    except (IndexError, TypeError):
        by_shot = False
    if not by_shot:
        return checked_positions(receivers, "receivers", dx)
    checked = tuple(checked_positions(r, f"receivers[{i}]", dx) for i, r in enumerate(receivers))
    counts = sorted({len(r) for r in checked})
    if len(checked) != shots or len(counts) > 1:
        raise ValueError(
            f"Acquisition: receivers of each shot must be {shots} lists of the same length, one "
            f"for each source, received {len(checked)} lists of {' to '.join(map(str, counts))}"
        )
    return checked[0] if len(set(checked)) == 1 else checked


def checked_positions(positions: Any, name: str, dx: float) -> tuple[Position, ...]:
    """Pairs ``(x, depth)`` in m, each exactly on its grid point."""
    checked = tuple(_checked_position(position, name, dx) for position in positions)
    if not checked:
        raise ValueError(f"Acquisition: {name} is empty; at least one is needed")
    return checked


def _checked_position(position: Any, name: str, dx: float) -> Position:
    try:
        x, depth = (float(value) for value in position)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"Acquisition: {name} must be pairs (x, depth) in m, received {position!r}"
        ) from None
    column, row = np.rint((x / dx, depth / dx))
    if not max(abs(x / dx - column), abs(depth / dx - row)) < 1e-3:  # NaN is refused as well
        raise ValueError(
            f"Acquisition: {name} must stand on grid points, multiples of dx={dx:g} m; "
            f"received x={x:g} m, depth={depth:g} m; snap_to_grid brings them there"
        )
    return float(column * dx), float(row * dx)
