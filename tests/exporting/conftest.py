"""A small trained model and its gathers."""

from typing import NamedTuple

import keras
import numpy as np
import pytest

import keras_seismic as ks


@pytest.fixture(scope="session")
def gathers():
    acquisition = ks.simulation.Acquisition.surface(
        width=70, dx=10.0, dt=0.001, nt=128, peak_frequency=15.0, shots=2, receiver_step=4,
        boundary="cpml",
    )  # fmt: skip
    velocity = ks.simulation.sample_velocity("curvevel_a", 12, seed=2)
    return acquisition, velocity, ks.simulation.simulate(velocity, acquisition)


@pytest.fixture(scope="session")
def model(gathers):
    """Trained until its predictions vary as velocities do."""
    keras.utils.set_random_seed(0)
    acquisition, velocity, raw = gathers
    normalization = ks.layers.GatherNormalization.openfwi("curvevel_a")
    scaling = ks.layers.VelocityScaling(1500, 4500)
    network = ks.models.InversionNet(acquisition.gather_shape, filters=2)
    network.compile(keras.optimizers.AdamW(5e-3), "mean_absolute_error", jit_compile=False)
    x, y = normalization(raw), scaling.inverse(velocity[..., None])
    network.fit(x, y, batch_size=6, epochs=40, verbose=0)
    return ks.exporting.with_physical_units(network, normalization, scaling, acquisition)


class Varied(NamedTuple):
    """A model whose output varies, and raw gathers for it."""

    model: keras.Model
    gathers: np.ndarray


@pytest.fixture(scope="session")
def varied(model, gathers):
    return Varied(model, gathers[2])
