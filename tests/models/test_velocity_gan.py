"""VelocityGAN: the training of a generator against a critic."""

import functools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.models import (
    InversionNet,
    VelocityCritic,
    VelocityGAN,
    wasserstein,
    wgan_adamw,
)
from tests.models import velocity_gan_steps

SHAPE = (64, 12, 2)
MAP = (16, 24)


def make(critic=None, dtype=None, **arguments):
    """A small GAN, compiled; ``arguments`` go to compile."""
    keras.utils.set_random_seed(1)
    generator = InversionNet(SHAPE, MAP, filters=2, dtype=dtype)
    critic = {"filters": 2, "normalization": "layer", "dtype": dtype} | (critic or {})
    gan = VelocityGAN(generator, VelocityCritic(MAP, **critic), seed=3)
    arguments = {"generator_optimizer": wgan_adamw(1e-3), "critic_optimizer": wgan_adamw(1e-3)} | {
        "jit_compile": False,
        **arguments,
    }
    gan.compile(**arguments)
    return gan


@pytest.fixture
def pairs(rng):
    x = rng.uniform(-1, 1, (12, *SHAPE)).astype("float32")
    y = rng.uniform(-0.8, 0.8, (12, 1, MAP[1], 1)).repeat(MAP[0], axis=1).astype("float32")
    return x, y


def updates(gan):
    return int(gan.generator_optimizer.iterations), int(gan.critic_optimizer.iterations)


def test_generator_learns_from_every_fifth_batch_and_the_last(pairs):
    gan = make()
    gan.fit(*pairs, batch_size=1, epochs=2, verbose=0)
    # 12 batches an epoch: the 5th, the 10th and the 12th.
    assert updates(gan) == (6, 24)


def test_length_of_an_epoch_may_be_unknown(pairs):
    """Then the last batch is known from the second epoch on."""

    def batches():
        for start in range(7):
            yield pairs[0][start : start + 1], pairs[1][start : start + 1]

    import tensorflow as tf

    spec = [tf.TensorSpec((None, *array.shape[1:]), tf.float32) for array in pairs]
    data = tf.data.Dataset.from_generator(batches, output_signature=tuple(spec))
    gan = make(generator_every=3)
    gan.fit(data, epochs=2, shuffle=False, verbose=0)
    # Keras' own count of the critic's updates includes the attempt that found no more data.
    assert (updates(gan)[0], int(gan.batches_seen)) == (2 + 3, 14)


def test_one_step_moves_every_weight_of_both(pairs):
    gan = make(generator_every=1, run_eagerly=True)
    before = [w.numpy() for w in gan.trainable_variables]
    assert len(before) == len(gan.generator.trainable_variables + gan.critic.trainable_variables)
    for _ in range(2):  # a head that starts at zero lets nothing through in the first
        gan.train_on_batch(*pairs)
    for weight, old in zip(gan.trainable_variables, before, strict=True):
        assert np.isfinite(weight).all(), weight.path
        # A constant added to all scores changes no difference of scores.
        moved = np.abs(weight - old).max() > 0
        assert moved or weight.path == "score_convolution/bias", weight.path


def test_critic_tells_real_from_generated(pairs):
    """With a generator that stands still, the critic's distance grows and the slope nears one."""
    gan = make(critic={"filters": 4}, generator_every=10_000)
    logs = [gan.train_on_batch(*pairs, return_dict=True)]
    for _ in range(60):
        gan.reset_metrics()
        logs.append(gan.train_on_batch(*pairs, return_dict=True))
    assert logs[-1]["score_difference"] > logs[0]["score_difference"] + 0.1
    assert logs[-1]["gradient_penalty"] < 0.5 * logs[0]["gradient_penalty"]


def test_one_batch_can_be_overfitted(pairs):
    gan = make(generator_every=1, generator_optimizer=wgan_adamw(5e-3))
    x, y = (array[:2] for array in pairs)
    losses = []
    for _ in range(40):
        gan.reset_metrics()
        losses.append(float(gan.train_on_batch(x, y, return_dict=True)["l1"]))
    assert losses[-1] < 0.5 * losses[0], losses[::10]


def test_fit_evaluate_predict_save_load_fit_export(pairs, tmp_path):
    metric = ks.metrics.MeanAbsoluteVelocityError(scale=1500.0)
    gan = make(metrics=[metric])
    history = gan.fit(
        *pairs, batch_size=4, epochs=1, validation_data=pairs, callbacks=[], verbose=0
    ).history
    assert {"loss", "critic_loss", "gradient_penalty", "score_difference"} <= set(history)
    scores = gan.evaluate(*pairs, batch_size=5, verbose=0, return_dict=True)
    predicted = gan.predict(pairs[0], verbose=0)
    error = np.abs(predicted - pairs[1]).mean()
    squared = np.square(predicted - pairs[1]).mean()
    assert scores["velocity_mae_m_s"] == pytest.approx(1500 * error, rel=1e-4)
    assert scores["loss"] == pytest.approx(100 * error + 100 * squared, rel=1e-4)
    assert history["val_velocity_mae_m_s"] == [pytest.approx(scores["velocity_mae_m_s"], rel=1e-4)]
    assert set(scores) == {"loss", "l1", "l2", "score_difference", "velocity_mae_m_s"}

    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert type(loaded) is VelocityGAN
    assert updates(loaded) == updates(gan)
    np.testing.assert_array_equal(loaded.predict(pairs[0], verbose=0), predicted)
    loaded.fit(*pairs, batch_size=4, epochs=1, verbose=0)
    assert updates(loaded) == (2, 6)

    physical = ks.models.with_physical_units(
        loaded, ks.layers.GatherNormalization(-27, 53), ks.layers.VelocityScaling(1500, 4500)
    )
    raw = (30 * pairs[0][:2]).astype("float32")
    ks.exporting.export_onnx(physical, tmp_path / "model.onnx", raw)
    ks.exporting.check_parity(physical, tmp_path / "model.onnx", raw)
    loaded.export(tmp_path / "saved", verbose=False)
    import tensorflow as tf

    served = tf.saved_model.load(tmp_path / "saved")
    output = served.serve(pairs[0][:2])
    np.testing.assert_allclose(output, loaded.generator(pairs[0][:2]), atol=1e-5)
    count = sum(int(np.prod(v.shape)) for v in served.variables)
    assert count == loaded.generator.count_params()


def test_resumed_training_equals_the_uninterrupted(pairs, tmp_path):
    """After two epochs of four: weights, both optimizers, the mixing, the rhythm."""

    def train(gan, first, last):
        epochs = {"initial_epoch": first, "epochs": last}
        gan.fit(*pairs, batch_size=4, shuffle=False, verbose=0, **epochs)
        return gan

    arguments = {"generator_every": 2, "run_eagerly": True}
    whole = train(make(**arguments), 0, 4)
    train(make(**arguments), 0, 2).save(tmp_path / "gan.keras")
    resumed = train(keras.models.load_model(tmp_path / "gan.keras"), 2, 4)
    assert updates(whole) == updates(resumed) == (8, 12)
    for ours, theirs in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6, err_msg=ours.path)
    for name in ("generator_optimizer", "critic_optimizer"):
        pair = (getattr(gan, name).variables for gan in (whole, resumed))
        for ours, theirs in zip(*pair, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6, err_msg=ours.path)


def shallow_generator(dtype):
    """InversionNet's 25 layers with their kinks turn float16's rounding into 20 % of a gradient."""
    x = keras.Input(SHAPE)
    y = keras.layers.Reshape((*MAP, 4))(x)
    y = keras.layers.Conv2D(8, 3, padding="same", activation="gelu", dtype=dtype)(y)
    return keras.Model(x, keras.layers.Conv2D(1, 3, padding="same", dtype=dtype)(y))


@pytest.mark.parametrize("normalization", ["batch", "layer", None])
def test_first_update_in_mixed_precision_equals_that_in_float32(pairs, normalization):
    """Of both optimizers, and neither skips it: plain descent shows the gradient itself."""
    moves = []
    for dtype in ("float32", "mixed_float16"):
        keras.utils.set_random_seed(1)
        critic = VelocityCritic(MAP, filters=4, normalization=normalization, dtype=dtype)
        gan = VelocityGAN(shallow_generator(dtype), critic)
        descents = [keras.optimizers.SGD(1e-3) for _ in range(2)]
        gan.compile(*descents, generator_every=1, run_eagerly=True)
        for optimizer in (gan.generator_optimizer, gan.critic_optimizer):
            scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            assert scaled == (dtype == "mixed_float16")
        networks = (gan.generator, gan.critic)
        before = [flat(network) for network in networks]
        gan.train_on_batch(*pairs)
        assert updates(gan) == (1, 1)
        moves.append([flat(network) - old for network, old in zip(networks, before, strict=True)])
    for exact, mixed in zip(*moves, strict=True):
        assert np.linalg.norm(exact) > 1e-4
        assert np.linalg.norm(mixed - exact) < 0.05 * np.linalg.norm(exact)


def flat(network):
    return np.concatenate([weight.numpy().ravel() for weight in network.trainable_variables])


def test_penalty_of_a_mixed_critic_is_computed_in_float32(pairs):
    """And equals that of the same critic in float32, weights and moving statistics included."""
    import tensorflow as tf

    from keras_seismic.models.velocity_gan_tensorflow import gradient

    real, fake = tf.constant(pairs[1]), tf.constant(-pairs[1])
    batch = wasserstein.Batch(None, real, None, 0, 12, 12)
    exact, mixed = (
        make({"normalization": "batch"}, dtype) for dtype in ("float32", "mixed_float16")
    )
    mixed.critic.set_weights(exact.critic.get_weights())
    penalties = []
    for gan in (exact, mixed):
        critic = gan.critic
        weights, others = (
            [tf.convert_to_tensor(variable.value) for variable in variables]
            for variables in (critic.trainable_variables, critic.non_trainable_variables)
        )
        _, (others, terms) = wasserstein.critic_loss(
            gan, weights, others, batch, fake, 0.3, gradient
        )
        penalties.append(float(terms["gradient_penalty"]))
        for variable, value in zip(critic.non_trainable_variables, others, strict=True):
            variable.assign(value)
    assert penalties[1] == pytest.approx(penalties[0], rel=1e-6)
    for ours, theirs in zip(
        exact.critic.non_trainable_variables, mixed.critic.non_trainable_variables, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=2e-3, err_msg=ours.path)


def test_unlabeled_gathers_reach_the_generator_only_through_the_critic(pairs):
    x, y = pairs
    weight = np.array([1.0] * 6 + [0.0] * 6, "float32")
    metric = ks.metrics.MeanAbsoluteVelocityError()
    labeled = make(run_eagerly=True, generator_every=1, metrics=[metric])
    logs = labeled.train_on_batch(x, y, sample_weight=weight, return_dict=True)
    assert {k: v for k, v in logs.items() if not np.isfinite(v)} == {}
    assert logs["velocity_mae_m_s"] == pytest.approx(logs["l1"], rel=1e-4)
    # Whatever stands in the place of the missing velocity models changes nothing.
    other = make(run_eagerly=True, generator_every=1, metrics=[metric])
    junk = y.copy()
    junk[6:] = 7.0
    assert other.train_on_batch(x, junk, sample_weight=weight, return_dict=True) == logs
    for ours, theirs in zip(labeled.variables, other.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)
    # The unlabeled gathers themselves do matter.
    third = make(run_eagerly=True, generator_every=1)
    moved = x.copy()
    moved[6:] *= -1
    third.train_on_batch(moved, y, sample_weight=weight)
    differences = [
        np.abs(ours - theirs).max()
        for ours, theirs in zip(labeled.critic.variables, third.critic.variables, strict=True)
    ]
    assert max(differences) > 1e-5
    # Without any label nothing would hold the critic: it stays, and the generator learns from it.
    critic, generator = flat(third.critic), flat(third.generator)
    third.critic_optimizer.weight_decay = None
    third.train_on_batch(x, y, sample_weight=np.zeros(12, "float32"))
    np.testing.assert_allclose(flat(third.critic), critic, atol=1e-7)
    assert np.abs(flat(third.generator) - generator).max() > 1e-6


def test_frozen_layers_stay_frozen_after_loading(pairs, tmp_path):
    gan = make(run_eagerly=True)
    ks.training.freeze_encoder(gan.generator)
    gan.compile(wgan_adamw(1e-3), wgan_adamw(1e-3), generator_every=1, run_eagerly=True)
    gan.train_on_batch(*pairs)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    count = len(gan.generator.trainable_weights)
    assert len(loaded.generator.trainable_weights) == count < len(gan.generator.weights)
    for model in (gan, loaded):
        model.train_on_batch(*pairs)
    np.testing.assert_allclose(flat(loaded.generator), flat(gan.generator), atol=1e-6)


def test_other_backends_are_refused_by_name(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(RuntimeError, match=r"TensorFlow and JAX backends .* received torch"):
        make()


def test_defaults_are_those_of_the_published_code():
    gan = make(generator_optimizer=None, critic_optimizer=None)
    for optimizer in (gan.generator_optimizer, gan.critic_optimizer):
        config = optimizer.get_config()
        wanted = {"beta_1": 0.0, "beta_2": 0.9, "epsilon": 1e-8, "weight_decay": 1e-4}
        assert {key: config[key] for key in wanted} == wanted
        assert float(optimizer.learning_rate) == pytest.approx(1e-4)
    assert (gan.l1, gan.l2, gan.adversarial, gan.penalty_weight) == (100, 100, 1, 10)
    assert gan.generator_every == 5


@pytest.mark.parametrize(
    ("act", "word"),
    [
        (lambda: VelocityGAN(InversionNet(SHAPE, (8, 8), filters=1), VelocityCritic(MAP)), "8, 8"),
        (lambda: VelocityGAN(None, VelocityCritic(MAP)), "generator must be a functional"),
        (lambda: make(l1=-1), "weights must not be negative"),
        (lambda: make(l1=0, l2=0), "not both zero"),
        (lambda: make(adversarial=-1), "adversarial=-1"),
        (lambda: make(generator_every=0), "generator_every"),
    ],
)
def test_bad_arguments_are_refused(act, word):
    with pytest.raises(ValueError, match=word):
        act()


def test_optimizers_must_not_be_shared():
    optimizer = wgan_adamw()
    with pytest.raises(ValueError, match="an optimizer each"):
        make(generator_optimizer=optimizer, critic_optimizer=optimizer)


def test_step_compiles_with_xla(pairs):
    """As on accelerators."""
    logs = []
    for mode in ({"run_eagerly": True}, {"jit_compile": True}):
        keras.utils.set_random_seed(1)
        gan = VelocityGAN(shallow_generator("float32"), VelocityCritic(MAP, 1, "paper"))
        gan.compile(generator_every=1, **mode)
        assert gan.jit_compile is bool(mode.get("jit_compile"))
        logs.append(gan.train_on_batch(*pairs, return_dict=True))
    for name in ("loss", "l1", "l2", "score_difference", "gradient_penalty"):
        assert float(logs[1][name]) == pytest.approx(float(logs[0][name]), rel=1e-3, abs=1e-5)


def compare(expected, found, tolerance):
    """Weights, states of the optimizers and logs, each relative to its largest number."""
    for name in expected:
        scale = max(np.abs(expected[name]).max(initial=0), 1e-2)
        np.testing.assert_allclose(
            found[name], expected[name], rtol=0, atol=tolerance * scale, err_msg=name
        )


@functools.cache
def steps(case):
    return velocity_gan_steps.steps(case)


def steps_elsewhere(path, devices, case, **environment):
    """The same in another process."""
    module = "tests.models.velocity_gan_steps"
    subprocess.run(
        [sys.executable, "-m", module, path, str(devices), case],
        check=True,
        timeout=1800,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | environment,
    )
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


def compare_roughly(expected, found, tolerance):
    """Last updates of all weights together: single ones pass a kink in one precision only."""
    updated = [name for name in expected if name.endswith("_momentum")]
    exact, other = (
        np.concatenate([a[name].ravel() for name in updated]) for a in (expected, found)
    )
    assert np.linalg.norm(other - exact) < tolerance * np.linalg.norm(exact)
    for name in expected:
        if name.startswith("log:"):
            assert found[name] == pytest.approx(expected[name], rel=tolerance, abs=1e-3), name


@pytest.mark.parametrize("policy", ["bfloat16", "float16"])
def test_under_a_global_policy_of_half_precision_it_trains_as_in_float32(policy):
    compare_roughly(steps("float32"), steps(policy), {"bfloat16": 0.1, "float16": 0.02}[policy])


def test_under_a_global_policy_of_float64_it_trains_as_in_float32():
    compare(steps("float32"), steps("float64"), 1e-4)


def test_jax_does_what_tensorflow_does(tmp_path):
    pytest.importorskip("jax", reason="needs jax: pip install 'keras_seismic[jax]'")
    environment = {"KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1"}
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # compiles in half the time
    found = steps_elsewhere(tmp_path / "steps.npz", 1, "paper", **environment)
    compare(steps("paper"), found, 1e-5)


def test_two_devices_do_what_one_does(tmp_path):
    """The first shares its last batch unequally, and the labels of all batches."""
    found = steps_elsewhere(tmp_path / "steps.npz", 2, "patches")
    compare(steps("patches"), found, 1e-5)
    # A step that overflows on one is skipped on both.
    assert found["after_an_overflow"] == 1


@pytest.mark.slow
def test_two_devices_do_in_float16_what_one_does_in_float32(tmp_path):
    """Where each optimizer scales its loss, and decides for all devices."""
    found = steps_elsewhere(tmp_path / "steps.npz", 2, "float16")
    compare_roughly(steps("float32"), found, 0.02)


def test_a_batch_that_is_not_its_turn_leaves_the_generator_as_it_was():
    """Weights, moments of the optimizer and its count, to the bit."""
    gan = velocity_gan_steps.make("paper")
    gan.compile(wgan_adamw(1e-3, weight_decay=0.1), generator_every=10, jit_compile=False)
    gan.batch_in_epoch.assign(9)
    pairs = velocity_gan_steps.data("paper")[:2]
    gan.train_on_batch(*pairs)  # its turn
    assert updates(gan) == (1, 1)
    state = [*gan.generator.trainable_variables, *gan.generator_optimizer.variables]
    before = [variable.numpy() for variable in state]
    gan.train_on_batch(*pairs)
    assert updates(gan) == (1, 2)
    for variable, old in zip(state, before, strict=True):
        np.testing.assert_array_equal(variable, old, err_msg=variable.path)


def test_mixing_fractions_are_uniform_and_of_sample_step_and_seed_alone():
    samples = np.arange(20_000)
    drawn = {
        key: np.asarray(wasserstein.mixing_fractions(*key, samples)).ravel()
        for key in ((0, 1), (0, 2), (1, 1))
    }
    for values in drawn.values():
        assert values.min() >= 0
        assert values.max() < 1
        # Kolmogorov-Smirnov: 1.95 / sqrt(n) is exceeded once in a thousand.
        expected = np.arange(len(values)) / len(values)
        assert np.abs(np.sort(values) - expected).max() < 1.95 / np.sqrt(len(values))
        assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.03
    one, next_step, other_seed = drawn.values()
    for other in (next_step, other_seed):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.03
    part = np.asarray(wasserstein.mixing_fractions(0, 1, samples[70:75])).ravel()
    np.testing.assert_array_equal(part, one[70:75])
