"""A small model for the serving tests."""

import keras
import numpy as np

import keras_seismic as ks

GATHER_SHAPE, VELOCITY_SHAPE = (64, 8, 2), (16, 16)


def inversion_model(seed=0):
    """Raw gathers to m/s, of random weights whose predictions vary as velocities do."""
    keras.utils.set_random_seed(seed)
    gather = keras.Input(GATHER_SHAPE, name="shot_gather")
    x = keras.layers.Conv2D(4, (7, 3), strides=(4, 2), activation="leaky_relu")(gather)
    x = keras.layers.Dense(256, "tanh", kernel_initializer=keras.initializers.RandomNormal(0, 0.3))(
        keras.layers.Flatten()(x)
    )
    velocity = keras.layers.Reshape((*VELOCITY_SHAPE, 1), name="velocity")(x)
    return ks.models.with_physical_units(
        keras.Model(gather, velocity),
        ks.layers.GatherNormalization(-20, 50),
        ks.layers.VelocityScaling(1500, 4500),
    )


def gathers(count, seed=0):
    """Raw amplitudes of random waves."""
    random = np.random.default_rng(seed)
    return (5 * random.standard_normal((count, *GATHER_SHAPE))).astype(np.float32)
