"""ChannelDropout."""

import keras
import numpy as np

import keras_seismic as ks


def network():
    maps = keras.Input((3, 4, 50))
    return keras.Model(maps, ks.layers.ChannelDropout(0.3)(maps))


def test_channels_are_dropped_whole():
    dropped = np.asarray(network()(np.ones((20, 3, 4, 50), "float32"), training=True))
    assert (dropped == dropped[:, :1, :1]).all()
    kept = dropped[:, 0, 0] > 0
    np.testing.assert_allclose(dropped[:, 0, 0][kept], 1 / 0.7, rtol=1e-6)
    # Of 1000 channels 300 +- 14 are dropped.
    assert abs((~kept).sum() - 300) < 60


def test_the_random_state_is_saved(tmp_path):
    model, maps = network(), np.ones((2, 3, 4, 50), "float32")
    model(maps, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for _ in range(2):
        expected = np.asarray(model(maps, training=True))
        np.testing.assert_array_equal(loaded(maps, training=True), expected)
    assert (expected == 0).any()
