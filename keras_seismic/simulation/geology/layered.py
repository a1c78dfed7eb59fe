"""Flat and curved layers, whole and faulted, after OpenFWI's Vel and Fault families."""

from collections.abc import Callable

import numpy as np

MINIMUM_VELOCITY, MAXIMUM_VELOCITY = 1500.0, 4500.0  # m/s

# Lengths in cells are for models of 70 x 70 and scale with the shape.
_CELLS = 70
_LAYERS = {"vel_a": (3, 7), "vel_b": (3, 7), "fault_a": (3, 5), "fault_b": (7, 9)}
_FAULTED_THICKNESS = {"a": (11.0, 18.0), "b": (6.0, 9.0)}  # all layers but the deepest
_UNEVENNESS = 0.1  # of the thickness of layers that are nearly equal
_SMALLEST_STEP = 150.0  # m/s between neighboring layers of the B families
_RELIEF = 3.0, 27.0  # from trough to crest, log-uniform
_THROW = 3.0, 12.0
_DIP = 45.0, 85.0  # degrees
_THINNEST_LAYER = 4  # true cells
#: Cells to either side of a fault that its mask marks.
FAULT_HALF_WIDTH = 1.5


def fewest_rows(family: str) -> int:
    """Cells of depth that a family's layers need."""
    return _THINNEST_LAYER * _LAYERS[_kind(family)][1]


def draw(
    family: str, depth: int, width: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One model ``(depth, width)``, m/s, and where its fault is."""
    faulted, sort = "fault" in family, family.endswith("_a")
    fewest, most = _LAYERS[_kind(family)]
    layers = int(rng.integers(fewest, most + 1))
    if faulted:
        low, high = _FAULTED_THICKNESS[family[-1]]
        thickness = rng.uniform(low, high, layers - 1) * depth / _CELLS
    else:
        # One layer more than the window shows: its top is where the window ends, or just above.
        thickness = depth // layers * rng.uniform(1 - _UNEVENNESS, 1 + _UNEVENNESS, layers)
    horizons = np.cumsum(thickness)
    velocities = _layer_velocities(len(horizons) + 1, sort, rng)
    bend = _fold(depth, width, rng) if family.startswith("curve") else np.zeros_like

    x = np.arange(width) + 0.5
    if not faulted:
        return velocities[_layer(horizons, depth, bend(x))], np.zeros((depth, width), bool)
    distance, throw, heave = fault(depth, width, rng)
    hanging = np.clip(distance + 0.5, 0, 1)  # in between where the fault runs through the cell
    foot_wall = velocities[_layer(horizons, depth, bend(x))]
    moved = velocities[_layer(horizons, depth, bend(x - heave) + throw)]
    return hanging * moved + (1 - hanging) * foot_wall, np.abs(distance) <= FAULT_HALF_WIDTH


def fault(depth: int, width: int, rng: np.random.Generator) -> tuple[np.ndarray, float, float]:
    """One straight normal fault.

    Returns:
        How far each cell ``(depth, width)`` lies from it along its row, positive in the hanging
        wall; the throw and the heave, the hanging wall's way down and to the right, in cells.
    """
    dip = np.radians(rng.uniform(*_DIP))
    side = rng.choice([-1, 1])
    throw = rng.uniform(*_THROW) * depth / _CELLS
    middle = rng.uniform(0.25, 0.75) * width
    # The fault's x at each depth; the rock above an inclined fault is its hanging wall.
    trace = middle + side * (np.arange(depth) + 0.5 - depth / 2) / np.tan(dip)
    distance = side * (np.arange(width) + 0.5 - trace[:, None])
    return distance, float(throw), float(side * throw / np.tan(dip))


def _kind(family: str) -> str:
    return family.removeprefix("flat").removeprefix("curve")


def _layer(horizons: np.ndarray, depth: int, shift: np.ndarray) -> np.ndarray:
    """Number of the layer in each cell, where each column has moved down by ``shift``."""
    z = np.arange(depth)[:, None] + 0.5 - shift
    layer = np.zeros(z.shape, np.intp)
    for horizon in horizons:
        layer += z >= horizon
    return layer


def _layer_velocities(count: int, ascending: bool, rng: np.random.Generator) -> np.ndarray:
    while True:
        velocities = rng.uniform(MINIMUM_VELOCITY, MAXIMUM_VELOCITY, count)
        if ascending:
            return np.sort(velocities)
        if (np.abs(np.diff(velocities)) >= _SMALLEST_STEP).all():
            return velocities


def _fold(depth: int, width: int, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """How far down the fold bends the layers at any x."""
    sines = int(rng.integers(1, 4))
    share = rng.dirichlet(np.ones(sines))
    frequency = 2 * np.pi * rng.integers(1, 6, sines) / width
    phase = rng.uniform(0, 2 * np.pi, sines)
    relief = np.exp(rng.uniform(*np.log(_RELIEF))) * depth / _CELLS

    def shape(x: np.ndarray) -> np.ndarray:
        return share @ np.sin(np.outer(frequency, x) + phase[:, None])

    across = shape(np.arange(width) + 0.5)
    middle, extent = (across.max() + across.min()) / 2, np.ptp(across)
    return lambda x: (shape(x) - middle) * relief / extent
