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
    return ks.models.with_physical_units(network, normalization, scaling, acquisition)


class Varied(NamedTuple):
    """A model whose output varies, and raw gathers for it."""

    model: keras.Model
    gathers: np.ndarray


@pytest.fixture(scope="session")
def varied(gathers):
    """As wide as ``model`` and at once there, with random scales instead of training."""
    acquisition, _, raw = gathers
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    network = ks.models.InversionNet(acquisition.gather_shape, filters=2)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            (n,) = layer.gamma.shape
            scales = rng.uniform(0.8, 1.4, n), rng.normal(0, 0.3, n)
            layer.set_weights([*scales, rng.normal(0, 0.3, n), rng.uniform(0.2, 1.0, n)])
    normalization = ks.layers.GatherNormalization.openfwi("curvevel_a")
    scaling = ks.layers.VelocityScaling(1500, 4500)
    model = ks.models.with_physical_units(network, normalization, scaling, acquisition)
    assert np.asarray(model(raw, training=False)).std() > 100
    return Varied(model, raw)
