"""A small inversion network and gathers for it, made once for all tests that share a process."""

import functools
from typing import NamedTuple

import keras
import numpy as np

import keras_seismic as ks


class SmallInversion(NamedTuple):
    """A model in physical units whose output varies, and gathers (raw amplitudes) for it."""

    model: keras.Model
    acquisition: ks.simulation.Acquisition
    gathers: np.ndarray


@functools.cache
def small_inversion() -> SmallInversion:
    """Random scales in the place of training make the velocity vary, on any processor."""
    acquisition = ks.simulation.Acquisition.surface(
        width=70, dx=10.0, dt=0.001, nt=128, peak_frequency=15.0, shots=2, receiver_step=4,
        boundary="cpml",
    )  # fmt: skip
    gathers = ks.simulation.simulate(
        ks.simulation.sample_velocity("curvevel_a", 3, seed=2), acquisition, progress=False
    )
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    network = ks.models.InversionNet(acquisition.gather_shape, filters=2)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            (n,) = layer.gamma.shape
            scales = rng.uniform(0.8, 1.4, n), rng.normal(0, 0.3, n)
            layer.set_weights([*scales, rng.normal(0, 0.3, n), rng.uniform(0.2, 1.0, n)])
    model = ks.models.with_physical_units(
        network,
        ks.layers.GatherNormalization.openfwi("curvevel_a"),
        ks.layers.VelocityScaling(1500, 4500),
        acquisition,
    )
    assert np.asarray(model(gathers, training=False)).std() > 100
    return SmallInversion(model, acquisition, gathers)


@functools.cache
def small_time_depth() -> SmallInversion:
    """The same for TimeDepthUNet, which gets every fourth sample."""
    _, acquisition, gathers = small_inversion()
    keras.utils.set_random_seed(0)
    network = ks.models.TimeDepthUNet((32, 18, 2), filters=(4, 8), groups=2)
    last = network.get_layer("velocity")
    last.set_weights([40 * weight for weight in last.get_weights()])
    model = ks.models.with_physical_units(
        network,
        ks.layers.GatherPreparation(
            [ks.layers.TimeDecimation(4), ks.layers.GatherNormalization.openfwi("curvevel_a")]
        ),
        ks.layers.VelocityScaling(1500, 4500),
        acquisition,
    )
    assert np.asarray(model(gathers, training=False)).std() > 100
    return SmallInversion(model, acquisition, gathers)
