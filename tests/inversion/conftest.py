"""A small experiment with its answer, simulated once."""

import dataclasses

import numpy as np
import pytest

from keras_seismic.simulation import Acquisition, simulate


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A model with a lens, what is recorded over it, and a start without the lens."""

    acquisition: Acquisition
    true: np.ndarray
    gathers: np.ndarray
    start: np.ndarray


@pytest.fixture(scope="session")
def experiment():
    acquisition = Acquisition.surface(
        width=24, dx=10.0, dt=0.001, nt=220, peak_frequency=15.0, shots=3, boundary="cpml"
    )
    depth, x = np.mgrid[:24, :24]
    start = 2000.0 + 20.0 * depth
    true = start + 200.0 * (np.hypot(depth - 11, x - 12) < 5)
    gathers = simulate(true[None], acquisition, progress=False)[0]
    return Experiment(acquisition, true, gathers, start)
