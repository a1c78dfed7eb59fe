"""The critics and the WGAN-GP losses against PyTorch twins.

Weights, scores, losses, gradients and the weights after two updates are recorded in
``tests/fixtures/velocity_gan_twin.npz`` by the program of the same name.
"""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seismic.models import VelocityCritic, VelocityGAN
from keras_seismic.models.wasserstein import Batch, critic_loss, generator_loss

FIXTURE = pathlib.Path(__file__).parents[1] / "fixtures" / "velocity_gan_twin.npz"
CRITICS = {
    "code": {},
    "paper": {"variant": "paper"},
    "patch": {"variant": "paper", "patch_size": 4},
}


@pytest.fixture(scope="module")
def records():
    with np.load(FIXTURE, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(params=CRITICS)
def case(request, records):
    """Name of a critic, and what was recorded for it."""
    prefix = f"{request.param}/"
    record = {k.removeprefix(prefix): v for k, v in records.items() if k.startswith(prefix)}
    return request.param, record


@pytest.fixture
def examples():
    """Real and generated velocity and mixing fractions, made as the twin's program makes them."""
    rng = np.random.default_rng(7)
    real, fake = (
        (2 * rng.random((3, 1, 10, 7)) - 1).repeat(7, axis=2).repeat(10, axis=3)
        + 0.1 * rng.standard_normal((3, 1, 70, 70))
        for _ in range(2)
    )
    alpha = rng.random((3, 1, 1, 1))
    real, fake = (array.astype("float32") for array in (real, fake))
    return [np.moveaxis(array, 1, -1).astype("float64") for array in (real, fake, alpha)]


def values(variables):
    return [tf.convert_to_tensor(variable.value) for variable in variables]


def weighted_layers(critic):
    kinds = keras.layers.Conv2D | keras.layers.Dense | keras.layers.BatchNormalization
    return [layer for layer in critic.layers if isinstance(layer, kinds)]


def positions(record):
    """The twin's layers with weights in order: its state dictionary counts all layers."""
    names = (name.split("/")[1] for name in record if name.startswith("before/"))
    return sorted({int(name.split(".")[0]) for name in names})


def as_keras(kernel):
    """(out, in, h, w) to (h, w, in, out), (out, in) to (in, out)."""
    return kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T


def with_twins_weights(name, record, dtype):
    critic = VelocityCritic(filters=2, dtype=dtype, **CRITICS[name])
    for i, layer in zip(positions(record), weighted_layers(critic), strict=True):
        if isinstance(layer, keras.layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([record[f"before/{i}.{part}"] for part in parts])
        else:
            kernel = as_keras(record[f"before/{i}.weight"])
            layer.set_weights([kernel, record[f"before/{i}.bias"]])
    return critic


@pytest.fixture
def gan(case):
    """A GAN around the twin's critic; its generator does not matter here.

    In float64: the first update of Adam is little more than the gradient's sign, which
    rounding decides for small gradients.
    """
    critic = with_twins_weights(*case, "float64")
    made = keras.Input((70, 70, 1), dtype="float64")
    gan = VelocityGAN(keras.Model(made, keras.layers.Identity(dtype="float64")(made)), critic)
    optimizer = keras.optimizers.AdamW(1e-3, 1e-2, beta_1=0.0, beta_2=0.9, epsilon=1e-8)
    gan.compile(critic_optimizer=optimizer, l1=100, l2=50, adversarial=2, jit_compile=False)
    return gan


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-6), ("float32", 1e-5)])
def test_scores_equal_the_twins(case, examples, dtype, tolerance):
    name, record = case
    scores = with_twins_weights(name, record, dtype)(examples[0])
    assert record["evaluated"].std() > 1e-3
    np.testing.assert_allclose(scores, record["evaluated"], rtol=0, atol=tolerance)


def test_two_updates_equal_the_twins(case, gan, examples):
    """Losses and penalty with the same mixing, gradients, and the weights left behind."""
    from keras_seismic.models.velocity_gan_tensorflow import gradient

    _, record = case
    real, fake, alpha = (tf.constant(example) for example in examples)
    batch = Batch(None, real, None, 0, len(real), len(real))
    variables, others = gan.critic.trainable_variables, gan.critic.non_trainable_variables
    for step in (1, 2):
        gradients, (updated, terms) = gradient(
            lambda weights: critic_loss(gan, weights, values(others), batch, fake, alpha, gradient),
            values(variables),
        )
        for variable, value in zip(others, updated, strict=True):
            variable.assign(value)
        difference, penalty = terms["score_difference"], terms["gradient_penalty"]
        np.testing.assert_allclose(difference, record[f"difference/{step}"], atol=1e-4)
        np.testing.assert_allclose(penalty, record[f"penalty/{step}"], rtol=1e-4, atol=1e-4)
        if step == 1:
            by_path = {v.path: g for v, g in zip(variables, gradients, strict=True)}
        gan.critic_optimizer.apply(gradients, variables)
    normalized = any("batch_norm" in layer.name for layer in gan.critic.layers)
    assert normalized
    for i, layer in zip(positions(record), weighted_layers(gan.critic), strict=True):
        for ours, theirs in (("kernel", "weight"), ("gamma", "weight"), ("beta", "bias")):
            if not hasattr(layer, ours):
                continue
            expected, after = record[f"gradient/{i}.{theirs}"], record[f"after/{i}.{theirs}"]
            if ours == "kernel":
                expected, after = as_keras(expected), as_keras(after)
            variable = getattr(layer, ours)
            scale = np.abs(expected).max()
            np.testing.assert_allclose(
                by_path[variable.path], expected, atol=1e-4 * scale, err_msg=variable.path
            )
            np.testing.assert_allclose(variable, after, rtol=0, atol=1e-4, err_msg=variable.path)


def test_generator_loss_equals_the_twins(case, gan, examples):
    name, record = case
    after = {k.replace("after/", "before/"): v for k, v in record.items() if "after/" in k}
    gan.critic.set_weights(with_twins_weights(name, after, "float32").get_weights())
    real, fake = (tf.constant(v) for v in examples[:2])
    with tf.GradientTape() as tape:
        tape.watch(fake)
        batch = Batch(fake, real, None, 0, len(real), len(real))
        critic = gan.critic.trainable_variables, gan.critic.non_trainable_variables
        loss, _ = generator_loss(gan, [], [], *map(values, critic), batch)
    np.testing.assert_allclose(loss, record["generator_loss"], rtol=1e-5)
    slope = np.linalg.norm(tape.gradient(loss, fake))
    np.testing.assert_allclose(slope, record["generator_slope"], rtol=1e-4)
