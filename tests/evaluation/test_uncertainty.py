"""Monte Carlo dropout against closed forms."""

import keras
import numpy as np
import pytest

import keras_seismic as ks

NORMALIZATION = ks.layers.GatherNormalization(-27, 53)


def test_mean_and_deviation_of_dropout_itself():
    """A kept channel grows to x / (1 - p): mean x, standard deviation x sqrt(p / (1 - p))."""
    maps = keras.Input((1, 1, 400))
    model = keras.Model(maps, ks.layers.ChannelDropout(0.2)(maps))
    result = ks.evaluation.monte_carlo_predict(model, np.full((5, 1, 1, 400), 3000.0), samples=50)
    # Of 2000 channels, 50 samples each.
    assert result.mean.mean() == pytest.approx(3000, abs=25)
    assert np.sqrt(np.mean(result.deviation**2)) == pytest.approx(1500, rel=0.02)
    # Single channels are independent, and so are examples.
    assert result.mean.std() == pytest.approx(1500 / np.sqrt(50), rel=0.1)
    assert np.abs(result.mean[0] - result.mean[1]).max() > 0


@pytest.fixture(scope="module")
def network(gathers):
    keras.utils.set_random_seed(0)
    network = ks.models.InversionNet((64, 8, 1), (16, 16), filters=2, dropout=0.3)
    for _ in range(20):  # as after training: batch normalization knows the signal's size
        network(NORMALIZATION(gathers), training=True)
    return network


@pytest.fixture(scope="module")
def gathers():
    return np.random.default_rng(0).uniform(-20, 40, (5, 64, 8, 1)).astype("float32")


def test_it_speaks_the_models_units_and_repeats_by_its_seed(network, gathers):
    def predict(scaling, seed=0, batch_size=8):
        model = ks.models.with_physical_units(network, NORMALIZATION, scaling)
        return ks.evaluation.monte_carlo_predict(model, gathers, 6, seed, batch_size)

    result = predict(ks.layers.VelocityScaling(1500, 4500))
    assert result.mean.shape == result.deviation.shape == (5, 16, 16, 1)
    assert result.mean.dtype == result.deviation.dtype == np.float32
    assert 1500 < result.mean.min() < result.mean.max() - 50 < 4500
    unit = predict(ks.layers.VelocityScaling(-1, 1))
    np.testing.assert_allclose(result.mean, 3000 + 1500 * unit.mean, rtol=1e-4)
    np.testing.assert_allclose(result.deviation, 1500 * unit.deviation, rtol=1e-3, atol=0.1)
    again, other = (predict(ks.layers.VelocityScaling(1500, 4500), seed) for seed in (0, 1))
    np.testing.assert_array_equal(again.deviation, result.deviation)
    assert np.abs(other.mean - result.mean).max() > 1e-3


def test_only_dropout_is_random_and_the_network_is_left_as_it_was(network, gathers):
    variables = network.variables  # with the random states
    before = [variable.numpy().copy() for variable in variables]
    # Frozen layers stay frozen, others are to be trained again.
    network.get_layer("encoder_1_batch_norm").trainable = False
    flags = [layer.trainable for layer in network.layers]
    ks.evaluation.monte_carlo_predict(network, gathers, 3)
    assert [layer.trainable for layer in network.layers] == flags
    network.get_layer("encoder_1_batch_norm").trainable = True
    assert any("seed" in variable.path for variable in variables)
    for old, variable in zip(before, variables, strict=True):
        np.testing.assert_array_equal(variable, old, err_msg=variable.path)


def test_without_dropout_nothing_is_random():
    plain = ks.models.InversionNet((64, 8, 1), (16, 16), filters=1)
    with pytest.raises(ValueError, match=r"has no dropout.*InversionNet\(\.\.\., dropout=0\.1\)"):
        ks.evaluation.monte_carlo_predict(plain, np.zeros((1, 64, 8, 1)))
    with pytest.raises(ValueError, match="at least 2, received 1"):
        ks.evaluation.monte_carlo_predict(plain, np.zeros((1, 64, 8, 1)), samples=1)
