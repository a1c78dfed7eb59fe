"""What the tests of several formats share."""

from typing import NamedTuple

import keras
import numpy as np
import pytest

import keras_seismic as ks


class Varied(NamedTuple):
    model: keras.Model
    gathers: np.ndarray


@pytest.fixture(scope="session")
def varied():
    """An InversionNet whose predictions vary as velocities do, and raw gathers for it.

    Not trained: its batch normalisations have random scales and statistics.
    """
    acquisition = ks.simulation.Acquisition.surface(
        width=70, dx=10.0, dt=0.001, nt=128, peak_frequency=15.0, shots=2, receiver_step=4,
        boundary="cpml",
    )  # fmt: skip
    velocity = ks.simulation.sample_velocity("curvevel_a", 12, seed=2)
    gathers = ks.simulation.simulate(velocity, acquisition, progress=False)
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    network = ks.models.InversionNet(acquisition.gather_shape, filters=2)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            (n,) = layer.gamma.shape
            scales = rng.uniform(0.8, 1.4, n), rng.normal(0, 0.3, n)
            layer.set_weights([*scales, rng.normal(0, 0.3, n), rng.uniform(0.2, 1.0, n)])
    model = ks.exporting.with_physical_units(
        network,
        ks.layers.GatherNormalization.openfwi("curvevel_a"),
        ks.layers.VelocityScaling(1500, 4500),
        acquisition,
    )
    assert np.asarray(model(gathers, training=False)).std() > 100
    return Varied(model, gathers)
