"""CropLike."""

import keras
import numpy as np

import keras_seismic as ks


def test_crop_keeps_the_upper_left(rng):
    x, reference = rng.random((2, 9, 8, 3)), rng.random((2, 7, 8, 1))
    np.testing.assert_allclose(ks.layers.CropLike()(x, reference), x[:, :7, :8], rtol=1e-6)


def test_crop_is_symbolic_and_serializable():
    layer = ks.layers.CropLike()
    output = layer(keras.KerasTensor((None, 8, None, 5)), keras.KerasTensor((None, 7, None, 1)))
    assert output.shape == (None, 7, None, 5)
    assert isinstance(ks.layers.CropLike.from_config(layer.get_config()), ks.layers.CropLike)
