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


@pytest.fixture(scope="session")
def tiny():
    """Gathers to velocity by one convolution, where any network will do: exported in no time."""
    keras.utils.set_random_seed(0)
    shot_gather = keras.Input((24, 16, 2), name="shot_gather")
    velocity = keras.layers.Conv2D(1, 3, padding="same", name="velocity")(shot_gather)
    model = ks.models.with_physical_units(
        keras.Model(shot_gather, velocity),
        ks.layers.GatherNormalization(-20, 40),
        ks.layers.VelocityScaling(1500, 4500),
    )
    raw = np.random.default_rng(0).uniform(-20, 40, (3, 24, 16, 2)).astype("float32")
    assert np.asarray(model(raw)).std() > 100
    return Varied(model, raw)
