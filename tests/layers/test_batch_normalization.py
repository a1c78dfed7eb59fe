"""The fused batch normalization is Keras' own, in values, gradients, weights and files."""

import keras
import numpy as np
import pytest

from keras_seismic.layers import BatchNormalization
from tests.layers.test_twice_differentiable import finite_difference, slope_along

_KERAS = keras.layers.BatchNormalization


@pytest.fixture
def maps(rng):
    return rng.normal(3.0, 2.0, (4, 5, 6, 8)).astype("float32")


@pytest.fixture
def fused_calls(monkeypatch):
    """What the fused operation was called with."""
    import tensorflow as tf

    calls, fused = [], tf.raw_ops.FusedBatchNormV3

    def counted(**arguments):
        calls.append(arguments)
        return fused(**arguments)

    monkeypatch.setattr(tf.raw_ops, "FusedBatchNormV3", counted)
    return calls


def learned(layer, maps, steps=2):
    """Output of the last call, its gradients by input and weights, and the averages."""
    import tensorflow as tf

    for step in range(steps):
        x = tf.cast(maps * (1 + step), layer.compute_dtype)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            total = tf.reduce_sum(tf.cast(y, "float32") ** 3)
    weights = [weight.value for weight in layer.trainable_variables]
    values = [y, *tape.gradient(total, [x, *weights]), *layer.non_trainable_variables]
    return [np.asarray(keras.ops.cast(value, "float64")) for value in values]


def assert_equal(ours, theirs, tolerance):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max())


@pytest.mark.parametrize(
    ("policy", "tolerance"),
    [("float32", 1e-4), ("mixed_bfloat16", 2e-2), ("mixed_float16", 4e-3)],
)
@pytest.mark.parametrize("arguments", [{}, {"scale": False}, {"center": False, "momentum": 0.5}])
def test_training_equals_keras(maps, fused_calls, policy, tolerance, arguments):
    ours, theirs = (made(dtype=policy, **arguments) for made in (BatchNormalization, _KERAS))
    assert_equal(learned(ours, maps), learned(theirs, maps), tolerance)
    assert len(fused_calls) == 2
    assert fused_calls[0]["x"].dtype.name == ours.compute_dtype  # not a copy in float32
    assert [weight.name for weight in ours.weights] == [weight.name for weight in theirs.weights]
    half = keras.ops.cast(maps, ours.compute_dtype)
    assert_equal([np.asarray(ours(half), "float32")], [np.asarray(theirs(half), "float32")], 1e-2)


def test_running_variance_is_that_over_n(maps):
    layer = BatchNormalization(momentum=0.0)
    layer(maps[:1, :1, :2], training=True)  # two cells, where n and n - 1 differ by half
    np.testing.assert_allclose(layer.moving_variance, maps[0, 0, :2].var(0), rtol=1e-5)
    layer(maps[:1, :1, :1], training=True)
    np.testing.assert_array_equal(layer.moving_variance, 0)


def test_batches_of_any_size_in_a_graph(maps):
    import tensorflow as tf

    ours, theirs = BatchNormalization(), _KERAS()
    for layer in (ours, theirs):
        step = tf.function(
            lambda x, layer=layer: layer(x, training=True),
            input_signature=[tf.TensorSpec((None, None, 6, 8))],
        )
        step(maps), step(maps[:2, :3])
    assert_equal(ours.get_weights(), theirs.get_weights(), 1e-5)


@pytest.mark.parametrize(
    ("arguments", "shape", "masked"),
    [
        ({"axis": 1}, (4, 5, 6, 8), False),
        ({}, (40, 8), False),
        ({"dtype": "float64"}, (4, 5, 6, 8), False),
        ({"renorm": True}, (4, 5, 6, 8), False),
        ({"synchronized": True}, (4, 5, 6, 8), False),
        ({}, (4, 5, 6, 8), True),
    ],
)
def test_what_keras_itself_does(rng, fused_calls, arguments, shape, masked):
    x = rng.normal(3.0, 2.0, shape).astype(arguments.get("dtype", "float32"))
    mask = x[..., 0] > 3 if masked else None
    ours, theirs = (
        made(**arguments)(x, training=True, mask=mask) for made in (BatchNormalization, _KERAS)
    )
    np.testing.assert_array_equal(ours, theirs)
    assert not fused_calls


def test_frozen_layers_and_inference_leave_the_averages_alone(maps, fused_calls):
    layer = BatchNormalization()
    before = layer(maps)
    layer.trainable = False
    np.testing.assert_array_equal(layer(maps, training=True), before)
    np.testing.assert_array_equal(layer.moving_variance, 1)
    assert not fused_calls


def test_files_with_either_layer_load_into_the_other(maps, tmp_path):
    """By the names of weights in a file, which Keras derives from that of the layer's class."""

    def network(layer):
        given = keras.Input((5, 6, 8))
        return keras.Model(given, layer()(keras.layers.Activation("relu")(given)))

    for one, other in ((_KERAS, BatchNormalization), (BatchNormalization, _KERAS)):
        written, read = network(one), network(other)
        written.compile("sgd", "mean_squared_error")
        written.train_on_batch(maps, maps)
        written.save_weights(tmp_path / "x.weights.h5")
        read.load_weights(tmp_path / "x.weights.h5")
        np.testing.assert_array_equal(read(maps), written(maps))
        written.save(tmp_path / "x.keras")
        again = keras.models.load_model(tmp_path / "x.keras")
        assert type(again.layers[-1]) is one
        np.testing.assert_array_equal(again(maps), written(maps))


def test_devices_average_their_statistics_as_with_keras(maps):
    import tensorflow as tf

    devices = tf.config.list_logical_devices("CPU")
    strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    results = []
    for made in (BatchNormalization, _KERAS):
        with strategy.scope():
            layer = made()
            layer.build(maps.shape)
        strategy.run(tf.function(lambda x, layer=layer: layer(x, training=True)), args=(maps,))
        results.append(layer.get_weights())
    assert_equal(*results, 1e-5)


def test_second_derivative_equals_finite_differences(rng):
    """TensorFlow has one for its fused operation, if it only has float32."""
    x, direction = rng.normal(1.0, 2.0, (2, 5, 4, 3)), rng.normal(size=(2, 5, 4, 3))
    exact = finite_difference(_KERAS(dtype="float64"), x, direction)
    x, direction = (array.astype("float32") for array in (x, direction))
    assert slope_along(BatchNormalization(), x, direction) == pytest.approx(exact, rel=1e-3)
