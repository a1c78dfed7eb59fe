"""AdamW with other learning rates in some layers, against Keras' AdamW at those rates."""

import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.training import LayerwiseAdamW

RATE, DECAY, EPSILON = 1e-2, 0.1, 1e-8


def network():
    """Layers whose names begin alike, the same weights in every one made."""
    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((6,))
    for name, units in (("encoder_1", 5), ("encoder_10", 5), ("decoder_1", 4), ("head", 1)):
        x = keras.layers.Dense(units, activation="tanh", name=name)(x)
    return keras.Model(inputs, x)


def trained(optimizer, steps=3, policy="float32", run_eagerly=True):
    """Weights by path before and after some steps, and the network."""
    keras.config.set_dtype_policy(policy)
    model = network()
    before = {w.path: w.numpy() for w in model.weights}
    model.compile(optimizer, "mse", jit_compile=False, run_eagerly=run_eagerly)
    rng = np.random.default_rng(1)
    for _ in range(steps):
        model.train_on_batch(rng.normal(size=(8, 6)), rng.normal(size=(8, 1)))
    return before, {w.path: w.numpy() for w in model.weights}, model


def adamw(rate, **more):
    return ks.optimizers.AdamW(rate, weight_decay=DECAY, epsilon=EPSILON, **more)


def layerwise(multipliers=None, rate=RATE, **more):
    return LayerwiseAdamW(rate, DECAY, multipliers, epsilon=EPSILON, **more)


def test_without_multipliers_it_is_adamw():
    _, ours, _ = trained(layerwise())
    _, theirs, _ = trained(adamw(RATE))
    for path, value in theirs.items():
        np.testing.assert_array_equal(ours[path], value)


# The loss scaling of mixed precision wraps the optimizer. The first step is enough: after it the
# gradients are those of different networks.
@pytest.mark.parametrize(
    ("policy", "run_eagerly"),
    [("float32", True), ("float32", False), ("mixed_bfloat16", True), ("mixed_float16", True)],
)
def test_a_multiplier_is_that_learning_rate(policy, run_eagerly):
    multipliers = {"encoder_1": 0.1, "decoder": 0.0}
    before, ours, model = trained(layerwise(multipliers), 1, policy, run_eagerly)
    _, full, _ = trained(adamw(RATE), 1, policy)
    _, tenth, _ = trained(adamw(0.1 * RATE), 1, policy)
    wrapped = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert wrapped == (policy == "mixed_float16")
    for path, start in before.items():
        layer = path.split("/")[0]
        expected = {"encoder_1": tenth, "decoder_1": before}.get(layer, full)[path]
        # To the rounding of the weight, which the smallest update is a thousand times.
        assert np.all(np.abs(ours[path] - expected) <= 1e-7 * np.abs(start) + 1e-9)
        assert layer == "decoder_1" or np.abs(ours[path] - start).max() > 5e-4


def test_every_step_of_one_rate_in_all_layers_is_adamw():
    """Weight decay, momentum and a schedule over several steps."""
    schedule = keras.optimizers.schedules.ExponentialDecay(RATE, 1, 0.5)
    tenth = keras.optimizers.schedules.ExponentialDecay(0.1 * RATE, 1, 0.5)
    _, ours, _ = trained(layerwise({"encoder": 0.1, "decoder": 0.1, "head": 0.1}, schedule), 6)
    before, theirs, _ = trained(adamw(tenth), 6)
    for path, value in theirs.items():
        update = np.abs(value - before[path]).max()
        assert update > 1e-4
        np.testing.assert_allclose(ours[path], value, rtol=0, atol=1e-4 * update)


def test_weight_decay_alone():
    """Without gradients only the decay is left: each step takes rate x decay of the weight."""
    optimizer = layerwise({"b": 0.5}, rate=0.1)
    weights = [keras.Variable([8.0], name="kernel") for _ in "ab"]
    for weight, name in zip(weights, "ab", strict=True):
        weight._path = f"{name}/kernel"
    optimizer.build(weights)
    for _ in range(2):
        optimizer.apply([np.zeros(1, "float32")] * 2, weights)
    np.testing.assert_allclose(weights[0].numpy(), 8 * (1 - 0.1 * DECAY) ** 2, rtol=1e-6)
    np.testing.assert_allclose(weights[1].numpy(), 8 * (1 - 0.05 * DECAY) ** 2, rtol=1e-6)


def test_layers_can_be_left_out_of_the_decay():
    plain, excluding = adamw(RATE), layerwise()
    for optimizer in (plain, excluding):
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    _, theirs, _ = trained(plain)
    _, ours, _ = trained(excluding)
    _, all_decayed, _ = trained(adamw(RATE))
    for path, value in theirs.items():
        np.testing.assert_allclose(ours[path], value, rtol=1e-6, atol=1e-9)
    assert any(np.abs(theirs[path] - all_decayed[path]).max() > 1e-7 for path in theirs)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_training_goes_on_after_saving(tmp_path, policy):
    multipliers = {"encoder": 0.1, "encoder_10": 3.0}
    _, _, model = trained(layerwise(multipliers, clipnorm=1.0), 3, policy)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    optimizer = getattr(loaded.optimizer, "inner_optimizer", loaded.optimizer)
    assert type(optimizer) is LayerwiseAdamW
    assert optimizer.multipliers == multipliers
    assert optimizer.decoupled_weight_decay == DECAY
    assert optimizer.clipnorm == 1.0
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(8, 6)), rng.normal(size=(8, 1))
    start = model.get_weights()
    for candidate in (model, loaded):
        candidate.train_on_batch(x, y)
    assert np.abs(start[0] - model.get_weights()[0]).max() > 1e-5
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_longest_name_counts_and_numbers_are_whole():
    optimizer = layerwise({"encoder": 0.1, "encoder_1": 0.2, "encoder_10_convolution": 0.3})
    for path, expected in (
        ("encoder_2a_convolution/kernel", 0.1),
        ("encoder_1_batch_norm/gamma", 0.2),
        ("encoder_1/bias", 0.2),
        ("encoder_10_batch_norm/beta", 0.1),
        ("encoder_10_convolution/kernel", 0.3),
        ("generator/encoder_1_convolution/kernel", 0.2),
        ("head/encoder_1", 1.0),
        ("decoder_1a/kernel", 1.0),
    ):
        assert optimizer.multiplier(path) == expected, path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"multipliers": {"head": -1}}, "head must be a number of at least 0, received -1"),
        ({"multipliers": {"head": float("nan")}}, "head must be a number"),
        ({"weight_decay": -0.1}, "weight_decay must be a number"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LayerwiseAdamW(**arguments)


def test_a_name_that_fits_nothing_is_refused():
    with pytest.raises(ValueError, match=r"'encodr' fits no weight.*encoder_1, encoder_10, dec"):
        trained(layerwise({"encodr": 0.1}))


def test_from_the_recipe():
    assert type(ks.training.adamw(1e-3, 10)) is ks.optimizers.AdamW
    optimizer = ks.training.adamw(1e-3, 10, weight_decay=0.2, multipliers={"head": 2})
    assert type(optimizer) is LayerwiseAdamW
    assert optimizer.decoupled_weight_decay == 0.2
    assert optimizer.epsilon == 1e-8
    assert optimizer.multipliers == {"head": 2.0}


def test_on_jax():
    pytest.importorskip("jax", reason="the JAX backend needs jax: pip install 'keras_seismic[jax]'")
    code = """
        import keras, numpy as np
        from keras_seismic.training import LayerwiseAdamW
        assert keras.backend.backend() == "jax"
        def stepped(optimizer):
            keras.utils.set_random_seed(0)
            layers = [keras.layers.Dense(3, name=name) for name in ("encoder_1", "head")]
            for layer in layers:
                layer.build((None, 3))
            weights = [layer.kernel for layer in layers]
            optimizer.build(weights)
            # What the JAX trainer calls.
            gradient = np.random.default_rng(0).normal(size=(3, 3)).astype("float32")
            new, _ = optimizer.stateless_apply(
                [v.value for v in optimizer.variables], [gradient, gradient],
                [w.value for w in weights])
            return [np.asarray(w) for w in new]
        ours = stepped(LayerwiseAdamW(1e-2, 0.1, {"encoder": 0.1}))
        for a, b, rate in zip(ours, (0, 1), (1e-3, 1e-2)):
            theirs = stepped(keras.optimizers.AdamW(rate, weight_decay=0.1))[b]
            np.testing.assert_allclose(a, theirs, rtol=1e-6, atol=1e-9)
        print("equal")
        """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.stdout.split() == ["equal"], result.stderr[-3000:]
