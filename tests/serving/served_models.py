"""A small model for the serving tests."""

import keras
import numpy as np
import tensorflow as tf

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
    return ks.exporting.with_physical_units(
        keras.Model(gather, velocity),
        ks.layers.GatherNormalization(-20, 50),
        ks.layers.VelocityScaling(1500, 4500),
    )


def gathers(count, seed=0):
    """Raw amplitudes of random waves."""
    random = np.random.default_rng(seed)
    return (5 * random.standard_normal((count, *GATHER_SHAPE))).astype(np.float32)


def export_checked(model, folder):
    """A SavedModel whose graph refuses what it does not take, with three signatures."""

    def check(x, shape):
        received = tf.shape(x)[1:]
        right = tf.Assert(
            tf.reduce_all(tf.equal(received, shape)),
            [f"shot_gather: expected shape (batch, {', '.join(map(str, shape))}), received",
             tf.shape(x)],
        )  # fmt: skip
        finite = tf.Assert(
            tf.reduce_all(tf.math.is_finite(x)), ["shot_gather: expected finite amplitudes"]
        )
        with tf.control_dependencies([right, finite]):
            return tf.ensure_shape(tf.identity(x), (None, *shape))

    def openfwi(x):
        velocity = model(tf.transpose(check(x, channels_first), (0, 2, 3, 1)), training=False)
        return {"velocity": tf.transpose(velocity, (0, 3, 1, 2))}

    channels_first = (GATHER_SHAPE[2], *GATHER_SHAPE[:2])
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name, function, shape in (
        ("serving_default", lambda x: {"velocity": model(check(x, GATHER_SHAPE))}, GATHER_SHAPE),
        ("openfwi", openfwi, channels_first),
        ("normalized", lambda x: {"velocity": model.network(x)}, GATHER_SHAPE),
    ):
        spec = keras.InputSpec(shape=(None, *shape), dtype="float32", name="shot_gather")
        archive.add_endpoint(name=name, fn=function, input_signature=[spec])
    archive.write_out(str(folder), verbose=False)
    return folder
