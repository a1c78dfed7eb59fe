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
