"""The fused updates are those of Keras."""

import keras
import numpy as np
import pytest

from keras_seismic import optimizers

_SCHEDULE = {"initial_learning_rate": 1e-2, "decay_steps": 10}


def trained(made, steps=4, strategy=None, **arguments):
    """Weights and state after updates by the same gradients."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    rate = keras.optimizers.schedules.CosineDecay(**_SCHEDULE)
    with (strategy or tf.distribute.get_strategy()).scope():
        weights = [keras.Variable(np.ones(shape, "float32")) for shape in ((3, 4), (4,))]
        optimizer = made(rate, **arguments)
        optimizer.build(weights)
    gradients = [[rng.normal(size=w.shape).astype("float32") for w in weights]] * steps

    def update(given):
        optimizer.apply([tf.identity(gradient) for gradient in given], weights)

    @tf.function
    def step(given):
        strategy.run(update, args=(given,)) if strategy else update(given)

    for given in gradients:
        step(given)
    return [np.asarray(v) for v in (*weights, *optimizer.variables)], optimizer


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"epsilon": 1e-8},
        {"beta_1": 0.0, "beta_2": 0.9, "global_clipnorm": 0.1},
        {"weight_decay": 0.1, "gradient_accumulation_steps": 2, "use_ema": True},
        {"weight_decay": 0.5},
        {"amsgrad": True},
    ],
)
def test_updates_equal_those_of_keras(name, arguments):
    ours, optimizer = trained(getattr(optimizers, name), **arguments)
    theirs, other = trained(getattr(keras.optimizers, name), **arguments)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)
    assert [v.shape for v in optimizer.variables] == [v.shape for v in other.variables]
    assert not np.allclose(ours[0], 1, atol=1e-3)


def test_the_operation_is_used_where_it_applies(monkeypatch):
    import tensorflow as tf

    calls, fused = [], tf.raw_ops.ResourceApplyAdam
    monkeypatch.setattr(
        tf.raw_ops, "ResourceApplyAdam", lambda **given: calls.append(given) or fused(**given)
    )
    trained(optimizers.AdamW)
    assert len(calls) == 2  # weights, traced once
    trained(optimizers.AdamW, amsgrad=True)
    assert len(calls) == 2


def test_the_schedule_is_traced_once_whatever_the_number_of_weights(monkeypatch):
    calls, schedule = [], keras.optimizers.schedules.CosineDecay
    asked = schedule.__call__
    monkeypatch.setattr(schedule, "__call__", lambda *given: calls.append(given) or asked(*given))
    trained(optimizers.AdamW, weight_decay=0.1)
    assert len(calls) == 1


def test_on_mirrored_devices():
    import tensorflow as tf

    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    ours, _ = trained(optimizers.AdamW, strategy=tf.distribute.MirroredStrategy(devices))
    theirs, _ = trained(keras.optimizers.AdamW)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)


def test_what_keras_saved_goes_on_here_and_back(tmp_path):
    x, y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    networks = []
    for made in (keras.optimizers.AdamW, optimizers.AdamW):
        keras.utils.set_random_seed(0)
        network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        network.compile(made(1e-2), "mean_squared_error")
        network.train_on_batch(x, y)
        network.save(tmp_path / "x.keras")
        again = keras.models.load_model(tmp_path / "x.keras")
        assert type(again.optimizer) is made
        networks.append(again)
    first, second = networks
    state = {}
    first.optimizer.save_own_variables(state)
    second.optimizer.load_own_variables(state)
    for network in networks:
        network.train_on_batch(x, y)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)
