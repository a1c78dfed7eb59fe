"""The ten families as versions up to 0.1 drew them, bit for bit: ``flatvel_a_v1`` and so on.

Frozen: results obtained with these models stay reproducible. Do not edit.

- ``flatvel``: 2-6 flat layers of at least 5 cells, uniform among all such layerings. Velocities
  are uniform in 1500-4500 m/s; ``a`` sorts them downward, ``b`` leaves them unsorted with
  neighbors at least 150 m/s apart.
- ``curvevel``: the same, each horizon bent by the model's one fold, a sum of 1-3 sines of 1-5
  periods with uniform phase (conformable); the fold's total amplitude at a horizon is between
  half and all of the smaller of 8 cells and half the thinner neighboring layer.
- ``flatfault``, ``curvefault``: the same with 2-4 (``a``) or 5-8 (``b``) layers, cut by one
  straight normal fault that dips 45-85 degrees to either side, with a throw of 3-15 cells; the
  hanging wall has slid down along the fault.
- ``style``: a Gaussian random texture with correlation length 8-14 cells (``a``) or 3-6 (``b``)
  (the distance at which the correlation falls to 1/e), plus a trend with depth of weight
  0.1-0.3, scaled to 1500-4500 m/s.
"""

import numpy as np

MINIMUM_VELOCITY, MAXIMUM_VELOCITY = 1500.0, 4500.0

_THINNEST_LAYER = 5  # cells
_SMALLEST_STEP = 150.0  # m/s between neighboring layers of the B families
_LARGEST_RELIEF = 8.0  # cells, total amplitude of a horizon's sines
_LAYERS = {"vel_a": (2, 6), "vel_b": (2, 6), "fault_a": (2, 4), "fault_b": (5, 8)}
_CORRELATION = {"a": (8.0, 14.0), "b": (3.0, 6.0)}  # cells


def draw(family: str, depth: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """One model of a family, named without its suffix."""
    return (_style if family.startswith("style") else _layered)(family, depth, width, rng)


def fewest_rows(family: str) -> int:
    """Cells of depth that a family's layers need."""
    return _THINNEST_LAYER * (_layer_range(family)[1] if "style" not in family else 1)


def _layer_range(family: str) -> tuple[int, int]:
    return _LAYERS[family.removeprefix("flat").removeprefix("curve")]


def _layered(family: str, depth: int, width: int, rng: np.random.Generator) -> np.ndarray:
    fewest, most = _layer_range(family)
    layers = int(rng.integers(fewest, most + 1))
    horizons = _horizon_depths(layers, depth, rng)
    velocities = _layer_velocities(layers, family.endswith("_a"), rng)
    relief = np.zeros(layers - 1)
    fold: list[tuple[float, float, float]] = []
    if family.startswith("curve"):
        thickness = np.diff([0, *horizons, depth])
        thinner = np.minimum(thickness[:-1], thickness[1:])
        relief = np.minimum(_LARGEST_RELIEF, thinner / 2) * rng.uniform(0.5, 1)
        fold = _fold(rng)

    z, x = np.meshgrid(np.arange(depth) + 0.5, np.arange(width) + 0.5, indexing="ij")
    if "fault" in family:
        z, x = _restored(z, x, rng)
    bend = np.zeros_like(x)
    for periods, phase, fraction in fold:
        bend += fraction * np.sin(2 * np.pi * periods * x / width + phase)
    layer = np.zeros(z.shape, int)
    for horizon, amplitude in zip(horizons, relief, strict=True):
        layer += z >= horizon + amplitude * bend
    return velocities[layer]


def _horizon_depths(layers: int, depth: int, rng: np.random.Generator) -> np.ndarray:
    """Depths of the horizons, uniform among all layerings that keep the minimum thickness."""
    # Choose cuts among the cells that remain once every layer has its minimum.
    spare = depth - _THINNEST_LAYER * layers
    cuts = np.sort(rng.choice(spare + layers - 1, size=layers - 1, replace=False))
    return cuts - np.arange(layers - 1) + _THINNEST_LAYER * np.arange(1, layers)


def _layer_velocities(layers: int, ascending: bool, rng: np.random.Generator) -> np.ndarray:
    while True:
        velocities = rng.uniform(MINIMUM_VELOCITY, MAXIMUM_VELOCITY, layers)
        if ascending:
            return np.sort(velocities)
        if (np.abs(np.diff(velocities)) >= _SMALLEST_STEP).all():
            return velocities


def _fold(rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """``(periods, phase, fraction of the amplitude)`` of 1-3 sines; the fractions add up to 1."""
    sines = int(rng.integers(1, 4))
    fractions = rng.dirichlet(np.ones(sines))
    periods = rng.integers(1, 6, sines)
    return list(zip(periods, rng.uniform(0, 2 * np.pi, sines), fractions, strict=True))


def _restored(
    z: np.ndarray, x: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Where each cell was before the fault moved: the hanging wall goes back up."""
    depth, width = z.shape
    dip = np.radians(rng.uniform(45, 85))
    side = rng.choice([-1, 1])
    throw = rng.uniform(3, 15)
    middle = rng.uniform(0.25, 0.75) * width
    # The fault's x at each depth; the rock above an inclined fault is its hanging wall.
    fault = middle + side * (z - depth / 2) / np.tan(dip)
    hanging = side * (x - fault) > 0
    return z - throw * hanging, x - side * throw / np.tan(dip) * hanging


def _style(family: str, depth: int, width: int, rng: np.random.Generator) -> np.ndarray:
    length = rng.uniform(*_CORRELATION[family[-1]])
    rows, columns = _smoothing(depth, length), _smoothing(width, length)
    texture = rows @ rng.standard_normal((rows.shape[1], columns.shape[1])) @ columns.T
    texture = (texture - texture.min()) / np.ptp(texture)
    trend = rng.uniform(0.1, 0.3)
    mixed = (1 - trend) * texture + trend * np.linspace(0, 1, depth)[:, None]
    mixed = (mixed - mixed.min()) / np.ptp(mixed)
    return MINIMUM_VELOCITY + (MAXIMUM_VELOCITY - MINIMUM_VELOCITY) * mixed


def _smoothing(size: int, length: float) -> np.ndarray:
    """Matrix that turns white noise into a texture with correlation ``exp(-(d / length)^2)``."""
    # A Gaussian of this standard deviation, convolved with itself, has that correlation;
    # the noise extends past the edges, so that they are no smoother than the middle.
    sigma = length / 2
    margin = int(np.ceil(4 * sigma))
    distance = np.arange(size)[:, None] + margin - np.arange(size + 2 * margin)
    return np.exp(-(distance**2) / (2 * sigma**2))
