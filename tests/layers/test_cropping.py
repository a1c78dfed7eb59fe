"""CropLike, ResizeLike and RegionMeans."""

import keras
import numpy as np
import pytest

import keras_seismic as ks


def test_crop_keeps_the_upper_left(rng):
    x, reference = rng.random((2, 9, 8, 3)), rng.random((2, 7, 8, 1))
    np.testing.assert_allclose(ks.layers.CropLike()(x, reference), x[:, :7, :8], rtol=1e-6)


def test_crop_is_symbolic_and_serializable():
    layer = ks.layers.CropLike()
    output = layer(keras.KerasTensor((None, 8, None, 5)), keras.KerasTensor((None, 7, None, 1)))
    assert output.shape == (None, 7, None, 5)
    assert isinstance(ks.layers.CropLike.from_config(layer.get_config()), ks.layers.CropLike)


def test_crop_keeps_the_middle(rng):
    x, reference = rng.random((2, 9, 8, 3)), rng.random((2, 5, 6, 1))
    middle = ks.layers.CropLike(center=True)(x, reference)
    np.testing.assert_allclose(middle, x[:, 2:7, 1:7], rtol=1e-6)


@pytest.mark.parametrize("size", [(9, 8), (20, 3), (1, 16)])
def test_resizing_is_keras_own(rng, size):
    x, reference = rng.random((2, 5, 4, 3)).astype("float32"), np.zeros((2, *size, 1), np.float32)
    expected = keras.ops.image.resize(x, size, "bilinear")
    np.testing.assert_allclose(ks.layers.ResizeLike()(x, reference), expected, atol=1e-6)


def test_means_are_those_of_regions(rng):
    x = rng.random((1, 8, 6, 3)).astype("float32")
    layer = ks.layers.RegionMeans(2)
    expected = x.reshape(1, 2, 4, 2, 3, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5)
    # What does not divide overlaps: rows 0-2 and 2-4 of five, as PyTorch's adaptive pooling does.
    means = np.asarray(layer(x[:, :5]))
    np.testing.assert_allclose(means[0, 0, 0], x[0, :3, :3].mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(means[0, 1, 1], x[0, 2:5, 3:].mean(axis=(0, 1)), rtol=1e-5)
