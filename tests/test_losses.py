"""Losses."""

import keras
import numpy as np
import pytest

import keras_seismic as ks


def test_pixel_loss(rng):
    y, predicted = rng.normal(size=(2, 3, 4, 5, 1))
    loss = ks.losses.WeightedPixelLoss(l1=3.0, l2=0.5)
    difference = predicted - y
    expected = 3 * np.abs(difference).mean() + 0.5 * np.square(difference).mean()
    assert float(loss(y, predicted)) == pytest.approx(expected, rel=1e-5)
    assert keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    ).get_config() == loss.get_config()  # fmt: skip


def test_pinball_loss_is_least_at_the_quantile(rng):
    values = rng.gumbel(size=(4, 5, 9, 1))
    for quantile in (0.1, 0.5, 0.9):
        loss = ks.losses.PinballLoss(quantile)
        best = np.quantile(values, quantile, method="inverted_cdf")
        costs = [
            float(loss(values, np.full_like(values, best + step))) for step in (-0.05, 0, 0.05)
        ]
        assert min(costs) == costs[1]
        expected = np.where(values > best, quantile, 1 - quantile) * np.abs(values - best)
        assert costs[1] == pytest.approx(expected.mean(), rel=1e-5)
        assert type(loss).from_config(loss.get_config()).quantile == quantile
    with pytest.raises(ValueError, match="between 0 and 1, received 1"):
        ks.losses.PinballLoss(1)
