"""A few training steps of a small VelocityGAN, from the same weights whatever runs them.

In a process of its own for another backend or several devices::

    KERAS_BACKEND=jax JAX_ENABLE_X64=1 python -m tests.models.velocity_gan_steps OUT.npz 1 CASE
    python -m tests.models.velocity_gan_steps OUT.npz 2 CASE

writes the weights that the steps leave with that many devices.
"""

import contextlib
import sys

import keras
import numpy as np

from keras_seismic.layers import convolution_block
from keras_seismic.models import VelocityCritic, VelocityGAN

SHAPE, MAP = (16, 12, 4), (16, 12)
#: Global policy, arguments of the critic, and whether gathers without velocity take part.
CASES = {
    "float32": ("float32", {}, False),
    "float64": ("float64", {}, False),
    "bfloat16": ("mixed_bfloat16", {}, False),
    "float16": ("mixed_float16", {}, False),
    "paper": ("float64", {"variant": "paper"}, False),
    "patches": ("float64", {"variant": "paper", "patch_size": 4}, True),
}


def make(case, eagerly=False):
    """The GAN of a case, with plain descent.

    Adam's first updates are little more than the gradient's sign, which rounding decides where a
    gradient is small.
    """
    policy, critic, _ = CASES[case]
    keras.config.set_dtype_policy(policy)
    gathers = keras.Input(SHAPE)
    y = convolution_block(gathers, 6, 3, normalization="layer", name="hidden")
    output = "float64" if policy == "float64" else "float32"
    y = keras.layers.Conv2D(1, 3, padding="same", name="head", dtype=output)(y)
    critic = VelocityCritic(MAP, 2, normalization="layer", **critic)
    gan = VelocityGAN(keras.Model(gathers, y), critic, seed=3)
    randomize(gan)
    # On JAX, every operation would be compiled by itself.
    xla = keras.backend.backend() == "jax"
    descents = [keras.optimizers.SGD(1e-3, momentum=0.5) for _ in range(2)]
    gan.compile(*descents, generator_every=2, run_eagerly=eagerly, jit_compile=xla)
    return gan


def randomize(gan):
    random = np.random.default_rng(5)
    for weight in gan.trainable_weights:
        spread = 1 / np.sqrt(np.prod(weight.shape[:-1])) if len(weight.shape) > 1 else 0.1
        scales = weight.path.endswith("gamma")
        weight.assign(scales + spread * random.standard_normal(weight.shape))


def data(case):
    """Three batches of six, in float32 for every backend."""
    random = np.random.default_rng(2)
    samples = 17 if case == "patches" else 18  # two devices get 3 and 2 of the last batch
    x = random.uniform(-1, 1, (samples, *SHAPE)).astype("float32")
    y = random.uniform(-0.8, 0.8, (samples, *MAP, 1)).astype("float32")
    weight = np.tile([1.0, 0.0, 1.0, 0.0, 0.0, 1.0], 3)[:samples].astype("float32")
    return x, y, weight if CASES[case][2] else None


def steps(case, gan=None):
    """Train for three steps and return what they leave: weights, optimizers, logs."""
    gan = gan or make(case, eagerly=True)
    x, y, weight = data(case)
    # The generator learns from the second batch and from the third, the last.
    history = gan.fit(x, y, sample_weight=weight, batch_size=6, shuffle=False, verbose=0).history
    left = [*gan.generator.variables, *gan.critic.variables]
    for optimizer in (gan.generator_optimizer, gan.critic_optimizer):
        left += getattr(optimizer, "inner_optimizer", optimizer).variables
    arrays = {f"{i}:{v.name}": keras.ops.convert_to_numpy(v) for i, v in enumerate(left)}
    return arrays | {f"log:{name}": np.array(values[0]) for name, values in history.items()}


def after_an_overflow(strategy):
    """A weight of one after a step whose gradient is infinite in the last replica only."""
    import tensorflow as tf

    from keras_seismic.models.velocity_gan_tensorflow import _agreed

    with strategy.scope():
        weight = keras.Variable(1.0)
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))
        optimizer.build([weight])

    def step():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        slope = tf.where(replica == 1, float("inf"), 1.0)
        optimizer.apply(_agreed([slope]), [weight])

    strategy.run(step)
    return weight.numpy()


def main(out, devices, case):
    scope, more = contextlib.nullcontext, {}
    if int(devices) > 1:
        import tensorflow as tf

        (processor,) = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration()] * int(devices)
        tf.config.set_logical_device_configuration(processor, parts)
        names = [device.name for device in tf.config.list_logical_devices("CPU")]
        strategy = tf.distribute.MirroredStrategy(names)
        scope, more = strategy.scope, {"after_an_overflow": after_an_overflow(strategy)}
    with scope():
        gan = make(case)
    np.savez(out, **steps(case, gan), **more)


if __name__ == "__main__":
    main(*sys.argv[1:])
