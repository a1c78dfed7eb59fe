"""The spread of errors whose distribution is known."""

import numpy as np
import pytest
from scipy.stats import spearmanr

import keras_seismic as ks
from keras_seismic.training.spread import _Errors
from tests.spread_models import NORMAL, KnownErrors, known_model


@pytest.fixture(scope="module")
def fitted():
    """A model fitted to pairs whose normal errors have a deviation that the gathers show."""
    before = known_model()
    model = ks.training.fit_spread(
        before, KnownErrors(64), slice(None), filters=4, epochs=30, batch_size=8,
        learning_rate=1e-2, progress=False,
    )  # fmt: skip
    return before, model


def test_it_is_the_quantile_of_the_error(fitted):
    """By the normal distribution: 1.645 deviations, wherever the deviation is what."""
    _, model = fitted
    new = KnownErrors(60, seed=7)
    scores = ks.evaluation.score_pairs(model, new, slice(None), slice(None))
    assert scores.metrics["spread_coverage"] == pytest.approx(0.9, abs=0.03)
    right = NORMAL * new.deviation
    assert scores.metrics["spread_mean_m_s"] == pytest.approx(right.mean(), rel=0.15)
    # Far from the best constant, whose error is a quarter of the range of the right one.
    assert np.abs(scores.spread - right).mean() < 0.7 * np.abs(right.mean() - right).mean()
    assert spearmanr(scores.spread.ravel(), right.ravel()).statistic > 0.7
    assert scores.metrics["spread_error_correlation"] > 0.15
    np.testing.assert_array_equal(scores.predicted, known_model()(new.gathers))


def test_the_network_is_left_as_it_is_and_training_it_goes_on_without(fitted):
    before, model = fitted
    assert ks.models.without_spread(model).network is before.network
    for ours, theirs in zip(before.get_weights(), known_model().get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert all(layer.trainable for layer in before.network.layers)


def test_what_does_not_fit_is_refused():
    pairs, model = KnownErrors(5), known_model()
    with pytest.raises(ValueError, match="at least four pairs, received 3"):
        ks.training.fit_spread(model, pairs, [0, 1, 2])
    with pytest.raises(ValueError, match="from raw gathers to velocity, made by"):
        ks.training.fit_spread(model.network, pairs, slice(None))
    small = ks.models.with_physical_units(
        ks.models.InversionNet((64, 12, 2), (16, 12), filters=1),
        model.input_normalization,
        model.output_scaling,
    )
    with pytest.raises(ValueError, match=r"takes gathers of \(64, 12, 2\), the pairs make \(16"):
        ks.training.fit_spread(small, pairs, slice(None))
    pairs.velocity_shape = (12, 16)
    with pytest.raises(ValueError, match=r"velocity models of \(16, 12\), the pairs have \(12"):
        ks.training.fit_spread(model, pairs, slice(None))
    pairs.velocity_shape = None
    with pytest.raises(ValueError, match="the pairs have None"):
        ks.training.fit_spread(model, pairs, slice(None))


def test_pairs_of_which_not_every_sample_is_kept():
    """The maps are those of the gathers as they are kept, without decimating them again."""
    preparation = ks.layers.GatherPreparation(
        [ks.layers.TimeDecimation(2), ks.layers.GatherNormalization(-1, 1, k=0)]
    )
    acquisition = ks.simulation.Acquisition.surface(12, 10.0, 0.001, 32, 20.0, shots=2)
    network = ks.models.VelocityWithSpread(known_model().network, 2)
    model = ks.models.with_physical_units(
        network, preparation, ks.layers.VelocityScaling(1500, 4500), acquisition
    )
    pairs = KnownErrors(5)
    pairs.keep_every = 2
    (maps, velocity), error = _Errors(model, network, pairs, np.arange(4), 3)[1]
    np.testing.assert_allclose(maps, pairs.gathers[3:4], atol=1e-6)
    expected = np.abs(1500 * velocity[..., 0] + 3000 - pairs.true[3:4])
    np.testing.assert_allclose(1500 * error[..., 0], expected, atol=0.01)
