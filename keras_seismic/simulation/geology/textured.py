"""Fine layering as fractal as well logs, in dipping, folded and faulted sequences."""

import numpy as np

from keras_seismic.simulation.geology.layered import FAULT_HALF_WIDTH

FEWEST_ROWS = 5
_MINIMUM, _MAXIMUM = 1500.0, 4500.0  # m/s
_TOP, _BASE = (1600.0, 2400.0), (2600.0, 3700.0)  # trend with depth, m/s
_SEQUENCES = 1, 3
_STEP = 1.0, 1.1  # from a sequence to the older one below it, of velocity
_FLUCTUATION = 0.04, 0.12  # standard deviation of the logarithm of velocity
# Power spectra of reflection coefficients grow as f^0.5 to f^1.5 (Walden and Hosken 1985), so
# that those of the logs fall as 1/f^1.5 to 1/f^0.5: fractals of Hurst exponent -0.25 to 0.25.
_SPECTRAL_DECAY = 0.5, 1.5
_OLDER_DIP, _YOUNGEST_DIP = 20.0, 5.0  # degrees, at most
_RELIEF = 0.0, 0.1  # of folds and unconformities, over the depth
_FAULTS = 0, 2  # during each sequence
_FAULT_DIP = 45.0, 85.0  # degrees
_THROW = 0.03, 0.15  # over the depth


def draw(depth: int, width: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One model ``(depth, width)``, m/s, from the youngest event to the oldest rock.

    And its faults, true in the three cells of each row that they run through.
    """
    z, x = np.meshgrid(np.arange(depth) + 0.5, np.arange(width) + 0.5, indexing="ij")
    sequences = int(rng.integers(_SEQUENCES[0], _SEQUENCES[1] + 1))
    top, base = rng.uniform(*_TOP), rng.uniform(*_BASE)
    trend = np.log(top + (base - top) * z / depth)
    unconformities = depth * np.sort(rng.uniform(0.2, 0.8, sequences - 1))
    logarithm = np.empty_like(z)
    inside, faulted = np.ones(z.shape, bool), np.zeros(z.shape, bool)
    older = 0.0
    for sequence in range(sequences):
        if sequence:
            # Eroded after the faults of the rock below it, before those of the rock above.
            inside &= z >= unconformities[sequence - 1] + _undulation(x, depth, width, rng)
            older += np.log(rng.uniform(*_STEP))
        for _ in range(int(rng.integers(_FAULTS[0], _FAULTS[1] + 1))):
            z, x, distance = _before_the_fault(z, x, depth, width, rng)
            faulted |= inside & (np.abs(distance) <= FAULT_HALF_WIDTH)
        dip = np.radians(rng.uniform(-1, 1) * (_OLDER_DIP if sequence else _YOUNGEST_DIP))
        stratigraphic = z - np.tan(dip) * x - _undulation(x, depth, width, rng)
        logarithm = np.where(inside, older + _log(stratigraphic, rng), logarithm)
    return np.clip(np.exp(trend + logarithm), _MINIMUM, _MAXIMUM), faulted


def _log(stratigraphic: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A fractal log of one sample a cell, at stratigraphic depths."""
    first = np.floor(stratigraphic.min())
    size = 2 * int(np.ceil(np.ptp(stratigraphic)) // 2 + 2)
    frequency = np.arange(size // 2 + 1.0)
    frequency[0] = np.inf
    spectrum = rng.standard_normal((2, len(frequency))) * frequency ** (
        -rng.uniform(*_SPECTRAL_DECAY) / 2
    )
    log = np.fft.irfft(spectrum[0] + 1j * spectrum[1], size)
    log *= rng.uniform(*_FLUCTUATION) / log.std()
    return np.interp(stratigraphic - first, np.arange(size), log)


def _undulation(x: np.ndarray, depth: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Two sines of up to two periods over the width."""
    bend = np.zeros_like(x)
    for amplitude in depth * rng.uniform(*_RELIEF, 2) / 4:
        cycles, phase = rng.uniform(0.5, 2), rng.uniform(0, 2 * np.pi)
        bend += amplitude * np.sin(2 * np.pi * cycles * x / width + phase)
    return bend


def _before_the_fault(
    z: np.ndarray, x: np.ndarray, depth: int, width: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each cell was before a normal fault moved, and how far it is from the fault.

    The hanging wall, where the distance is positive, goes back up.
    """
    cotangent = 1 / np.tan(np.radians(rng.uniform(*_FAULT_DIP)))
    side = rng.choice([-1, 1])
    throw = depth * rng.uniform(*_THROW)
    trace = rng.uniform(0.1, 0.9) * width + side * (z - depth / 2) * cotangent
    distance = side * (x - trace)
    hanging = distance > 0
    return z - throw * hanging, x - side * throw * cotangent * hanging, distance
