"""A small training, alone or with others; run by ``test_devices`` in processes of its own.

``JOB_COMPLETION_INDEX=0 python together.py FOLDER mirrored|alone|COORDINATOR``
"""

import os
import signal
import sys

if __name__ == "__main__" and os.environ["KERAS_BACKEND"] == "jax":
    sys.modules["tensorflow"] = None  # which it does without

import keras
import numpy as np

import keras_seismic as ks
from keras_seismic.training.devices import shard


class Lines(ks.datasets.Pairs):
    """Random gathers, whose first samples determine the velocity, from memory."""

    acquisition, family, gather_shape, velocity_shape = None, None, (8, 8, 1), (4, 4)
    reads, dies_after = 0, None

    def __len__(self):
        return 24

    def read(self, numbers, shots, gathers):
        self.reads += 1
        if self.reads == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        made = np.random.default_rng(0).uniform(-1, 1, (len(self), 1, 8, 8)).astype("float32")
        if gathers is not None:
            gathers[:] = made[numbers]
        return 3000 + 1000 * made[numbers, 0, :4, :4]


def train(folder, pairs, epochs, batch_norm):
    """Everything that a program does."""
    keras.utils.set_random_seed(0)
    shot_gather = keras.Input(pairs.gather_shape)
    x = keras.layers.Conv2D(4, 3, 2, "same", use_bias=not batch_norm)(shot_gather)
    x = keras.layers.LeakyReLU()(keras.layers.BatchNormalization()(x) if batch_norm else x)
    network = keras.Model(shot_gather, keras.layers.Conv2D(1, 3, padding="same")(x))
    units = ks.layers.GatherNormalization(-1, 1), ks.layers.VelocityScaling(1500, 4500)
    model = ks.models.with_physical_units(network, *units)
    run = ks.training.RunFolder(folder).create({})
    options = {"epochs": epochs, "batch_size": 4, "learning_rate": 1e-2, "validation": 0.17}
    model = ks.training.fit_pairs(model, pairs, range(len(pairs)), run, **options)
    run.save_model(model)
    predicted = ks.inference.predict(model, pairs[:3][0])
    run.finish({"predicted": predicted.ravel().tolist()})


def main(folder, kind):
    """Train as one of several, and perhaps die."""
    if kind == "mirrored":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        train(f"{folder}/alone", Lines(), epochs=2, batch_norm=False)
        place = {"strategy": "mirrored"}
    elif kind == "alone":
        place = {}
    else:
        place = {"coordinator": kind, "num_processes": 2}
    with ks.training.on_devices(**place):
        train(f"{folder}/run", Lines(), epochs=2, batch_norm=kind != "mirrored")
        if shard()[1] > 1:  # and now one dies
            pairs = Lines()
            pairs.dies_after = 20 if shard()[0] else None
            train(f"{folder}/ended", pairs, epochs=10**6, batch_norm=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
