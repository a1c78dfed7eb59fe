"""Salt bodies in layered sediments, after the models that FCNVMB was trained on."""

import numpy as np

#: Velocity of salt, m/s; no other rock of the family has it.
SALT_VELOCITY = 4480.0

FEWEST_ROWS = 24
_LAYERS = 5, 12
_SEDIMENTS = 2000.0, 4000.0  # m/s
_CYCLES = 3.0, 6.0  # of a horizon's relief over the width
_RELIEF = 0.005, 0.02  # amplitude of each horizon's own relief over the depth
_TOP = 0.3, 0.75  # of the body, over the depth
_HALF_WIDTH, _HALF_HEIGHT = (0.15, 0.4), (0.15, 0.5)  # over width and depth
_LUMPS = np.arange(2, 7)  # lumps around the outline
_LUMPINESS = 0.25


def draw(depth: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """One model ``(depth, width)``, m/s: the sediments, then the salt."""
    velocity = sediments(depth, width, rng)
    velocity[body(depth, width, rng)] = SALT_VELOCITY
    return velocity


def sediments(depth: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Curved layers whose velocity increases downward, ``(depth, width)``, m/s."""
    layers = int(rng.integers(_LAYERS[0], _LAYERS[1] + 1))
    thickness = rng.uniform(0.5, 1.5, layers)
    horizons = depth * np.cumsum(thickness)[:-1, None] / thickness.sum()
    # Each horizon bends the one below it a little more.
    cycles, phase = rng.uniform(*_CYCLES, layers - 1), rng.uniform(0, 2 * np.pi, layers - 1)
    amplitude = depth * rng.uniform(*_RELIEF, layers - 1)
    x = (np.arange(width) + 0.5) / width
    bend = amplitude[:, None] * np.sin(2 * np.pi * np.outer(cycles, x) + phase[:, None])
    horizons = np.maximum.accumulate(horizons + np.cumsum(bend, axis=0))
    velocities = np.sort(rng.uniform(*_SEDIMENTS, layers))
    z = np.arange(depth)[:, None] + 0.5
    layer = np.zeros((depth, width), np.intp)
    for horizon in horizons:
        layer += z >= horizon
    return velocities[layer]


def body(depth: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Where the salt is, ``(depth, width)`` of bool: one lumpy, tilted ellipse."""
    half_width = width * rng.uniform(*_HALF_WIDTH)
    half_height = depth * rng.uniform(*_HALF_HEIGHT)
    tilt = np.tan(np.radians(rng.uniform(-20, 20)))
    amplitude = _LUMPINESS * rng.standard_normal(len(_LUMPS)) / _LUMPS
    phase = rng.uniform(0, 2 * np.pi, len(_LUMPS))

    def radius(angle: np.ndarray) -> np.ndarray:
        lumps = np.cos(angle[..., None] * _LUMPS + phase) @ amplitude
        return np.maximum(1 + lumps, 0.3)

    # The outline's highest point is placed, so that every model shows its salt.
    angle = np.linspace(0, 2 * np.pi, 256)
    outline_x = half_width * radius(angle) * np.cos(angle)
    outline_z = half_height * radius(angle) * np.sin(angle) + tilt * outline_x
    highest = outline_z.argmin()
    x = np.arange(width) + 0.5 - width * rng.uniform(0.25, 0.75) + outline_x[highest]
    z = np.arange(depth)[:, None] + 0.5 - depth * rng.uniform(*_TOP) + outline_z[highest]
    x, z = x / half_width, (z - tilt * x) / half_height
    return np.hypot(x, z) < radius(np.arctan2(z, x))
