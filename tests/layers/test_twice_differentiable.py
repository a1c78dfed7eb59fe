"""Second derivatives of the critics' normalizations, against finite differences."""

import keras
import numpy as np
import pytest

from keras_seismic.layers import SampleNormalization, TwiceDifferentiableBatchNormalization


def gradient(layer, x):
    """Derivative of sum(cos(layer(x))), a function that is curved everywhere."""
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(tf.cos(layer(x, training=True)))
    return tape.gradient(total, x)


def slope_along(layer, x, direction):
    """Derivative of <gradient, direction> along the direction: a second derivative."""
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        along = tf.reduce_sum(gradient(layer, x) * direction)
    return float(tf.reduce_sum(tape.gradient(along, x) * direction))


def finite_difference(layer, x, direction, step=1e-5):
    forward, back = (gradient(layer, x + sign * step * direction) for sign in (1, -1))
    return float(np.sum((forward - back) * direction)) / (2 * step)


@pytest.fixture
def point(rng):
    return rng.normal(1.0, 2.0, (2, 5, 4, 3)), rng.normal(size=(2, 5, 4, 3))


class _NoTraining(SampleNormalization):
    """Takes the argument that batch normalization needs."""

    def call(self, inputs, training=None):
        return super().call(inputs)


@pytest.mark.parametrize("layer_class", [_NoTraining, TwiceDifferentiableBatchNormalization])
def test_second_derivative_equals_finite_differences(layer_class, point):
    layer = layer_class(dtype="float64")
    exact = finite_difference(layer, *point)
    assert abs(exact) > 0.1
    assert slope_along(layer, *point) == pytest.approx(exact, rel=1e-6)


def test_batch_normalization_is_otherwise_that_of_keras(point):
    ours, theirs = TwiceDifferentiableBatchNormalization(), keras.layers.BatchNormalization()
    x = point[0].astype("float32")
    np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), atol=1e-5)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5)
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)


def test_sample_normalization_equals_group_normalization_with_one_group(point):
    x = point[0].astype("float32")
    theirs = keras.layers.GroupNormalization(groups=1, epsilon=1e-5)
    np.testing.assert_allclose(SampleNormalization()(x), theirs(x), atol=1e-5)


def test_sample_normalization_in_half_precision(point):
    """Statistics of large values overflow float16 unless they are kept in float32."""
    x = (300 * point[0]).astype("float16")
    y = SampleNormalization(dtype="float16")(x)
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    np.testing.assert_allclose(y, SampleNormalization()(x.astype("float32")), atol=5e-3)
