"""A small model whose predictions vary, and its gathers."""

from typing import NamedTuple

import keras
import numpy as np
import pytest

import keras_seismic as ks
from benchmarks.runtimes import settled


@pytest.fixture(scope="session")
def gathers():
    acquisition = ks.simulation.Acquisition.surface(
        width=70, dx=10.0, dt=0.001, nt=128, peak_frequency=15.0, shots=2, receiver_step=4,
        boundary="cpml",
    )  # fmt: skip
    velocity = ks.simulation.sample_velocity("curvevel_a", 12, seed=2)
    return acquisition, velocity, ks.simulation.simulate(velocity, acquisition)


class Varied(NamedTuple):
    """A model whose output varies, and raw gathers for it."""

    model: keras.Model
    gathers: np.ndarray


@pytest.fixture(scope="session")
def varied(gathers):
    """A narrow InversionNet: batch normalization with the statistics of its gathers."""
    acquisition, _, raw = gathers
    keras.utils.set_random_seed(0)
    model = ks.models.with_physical_units(
        ks.models.InversionNet(acquisition.gather_shape, filters=2),
        ks.layers.GatherNormalization.openfwi("curvevel_a"),
        ks.layers.VelocityScaling(1500, 4500),
        acquisition,
    )
    for _ in range(3):
        settled(model, raw)
    velocity = np.asarray(model(raw, training=False))
    assert velocity.std() > 100
    assert velocity.std(axis=0).mean() > 20  # between examples, not in space alone
    return Varied(model, raw)


@pytest.fixture(scope="session")
def model(varied):
    """The model alone."""
    return varied.model
