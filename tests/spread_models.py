"""Pairs whose errors have a known distribution, and a network for them."""

import keras
import numpy as np

import keras_seismic as ks

#: Normal errors of deviation s lie within 1.645 s in 90 % of the cases.
NORMAL = 1.6448536


class KnownErrors(ks.datasets.Pairs):
    """Gathers of two shots: a normalized velocity, and the deviation of its normal error.

    Args:
        count: Number of pairs.
        seed: Of the pairs.
    """

    acquisition, family = None, None
    gather_shape, velocity_shape = (16, 12, 2), (16, 12)

    def __init__(self, count, seed=0):
        rng = np.random.default_rng(seed)
        shape = (count, *self.velocity_shape)
        velocity, deviation = rng.uniform(-0.7, 0.7, shape), rng.uniform(0.01, 0.1, shape)
        self.deviation = deviation[..., None] * 1500
        self.gathers = np.stack([velocity, deviation], -1).astype(np.float32)
        self.true = 3000 + 1500 * (velocity + deviation * rng.standard_normal(shape))

    def __len__(self):
        return len(self.gathers)

    def read(self, numbers, shots, gathers):
        if gathers is not None:
            gathers[:] = np.moveaxis(self.gathers[numbers][..., list(shots)], -1, 1)
        return self.true[numbers].astype(np.float32)


def known_model():
    """Returns the first shot as velocity; its last map also holds the second."""
    gather = keras.Input(KnownErrors.gather_shape, name="shot_gather")
    maps = keras.layers.Conv2D(2, 1, name="encoder_1")(gather)
    velocity = keras.layers.Conv2D(1, 1, name="velocity")(maps)
    network = keras.Model(gather, velocity)
    identity = np.eye(2)[None, None]
    network.set_weights([identity, np.zeros(2), identity[..., :1], np.zeros(1)])
    return ks.models.with_physical_units(
        network,
        ks.layers.GatherNormalization(-1, 1, k=0),
        ks.layers.VelocityScaling(1500, 4500),
    )


def stated_model():
    """``known_model`` with a spread of random weights, and gathers for it."""
    model = known_model()
    network = ks.models.VelocityWithSpread(model.network, filters=2)
    rng = np.random.default_rng(0)
    for weight in network.head.weights:
        weight.assign(rng.normal(0, 0.7, weight.shape))
    return model.around(network), KnownErrors(3).gathers
