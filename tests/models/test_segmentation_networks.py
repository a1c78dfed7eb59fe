"""FCN, UNet and PSPNet: maps of sections."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from tests.models.base import ModelTests

SECTION = (37, 34, 1)


class SegmentationTests(ModelTests):
    any_shape = SECTION

    def example(self, model, batch=2):
        """Loud and quiet layers, which are the classes."""
        x = np.random.default_rng(batch).uniform(-1, 1, (batch, *self.shape(model)))
        x = x.astype("float32")
        _, rows, _, classes = shape = model(x).shape
        number = (np.arange(rows)[None] // 16 + np.arange(batch)[:, None]) % max(classes, 2)
        x[:, :rows] *= (0.1 + number)[..., None, None]
        if classes == 1:
            return x, np.broadcast_to(number[..., None, None], shape).astype("float32")
        one_hot = np.eye(classes, dtype="float32")[number]
        return x, np.broadcast_to(one_hot[:, :, None], shape)


class TestFCN(SegmentationTests):
    model_class = ks.models.FCN
    arguments = {"filters": 3, "units": 6, "dropout": 0.0}
    published = {"num_classes": 21, "channels": 3}
    # VGG16's convolutions; its dense layers as convolutions; scores of three maps; and what
    # enlarges them twice by 2, once by 8.
    parameters = (
        14_714_688
        + (49 * 512 + 1 + 4096 + 1) * 4096
        + (4096 + 512 + 256 + 3) * 21
        + (2 * 4**2 + 16**2) * 21**2
    )
    odd = [
        {"stride": 16},
        {"stride": 32, "num_classes": 3},
        {"normalization": "block", "num_classes": 1, "activation": "sigmoid"},
    ]
    refused = [({"stride": 4}, "stride"), ({"num_classes": 0}, "num_classes")]


class TestUNet(SegmentationTests):
    model_class = ks.models.UNet
    arguments = {"filters": 3, "depth": 2, "padding": "same"}
    parameters = 31_030_658  # the published count
    odd = [
        {"padding": "valid", "depth": 1},
        {"batch_norm": True},
        {"activation": "tanh", "num_classes": 1},
    ]
    refused = [({"padding": "full"}, "padding"), ({"activation": "relu"}, "activation")]


class TestPSPNet(SegmentationTests):
    model_class = ks.models.PSPNet
    arguments = {"filters": 3, "dropout": 0.0}
    # VGG16's convolutions of one channel; four means; the decision; the scores.
    parameters = (
        (14_714_688 - 2 * 9 * 64)
        + 4 * (512 * 128 + 2 * 128)
        + (1024 * 512 * 9 + 2 * 512)
        + (512 + 1) * 2
    )
    odd = [{"bins": (1, 2, 7)}, {"activation": "linear", "num_classes": 1}]
    refused = [({"bins": ()}, "bins"), ({"trunk": ks.models.CNN(2)}, "trunk")]


def test_published_unet_makes_388_of_572():
    assert ks.models.UNet().compute_output_shape((None, 572, 572, 1)) == (None, 388, 388, 2)


def test_valid_unet_sees_the_middle_of_the_padded_one():
    """Away from the border, both compute the same with the same weights."""
    valid = ks.models.UNet(filters=2, depth=1, padding="valid")
    padded = ks.models.UNet(filters=2, depth=1, padding="same")
    padded.set_weights(valid.get_weights())
    section = np.random.default_rng(0).uniform(-1, 1, (1, 44, 44, 1)).astype("float32")
    inner, whole = np.asarray(valid(section)), np.asarray(padded(section))
    assert inner.shape[1] == 28
    np.testing.assert_allclose(inner, whole[:, 8:-8, 8:-8], atol=1e-5)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_fcn_begins_by_interpolating(stride):
    """Scores that are the same everywhere stay so, away from the border."""
    layer = ks.models.FCN(2, stride, filters=1, units=1).get_layer("enlarge")
    x = np.ones((1, 6, 6, 2), np.float32)
    enlarged = np.asarray(layer(x))
    inner = enlarged[:, stride:-stride, stride:-stride]
    np.testing.assert_allclose(inner, 1, atol=1e-6)
    ramp = np.asarray(layer(x * np.arange(6, dtype="float32")[:, None, None]))[0, :, 3 * stride, 0]
    np.testing.assert_allclose(np.diff(ramp[stride:-stride]), 1 / stride, atol=1e-5)


def test_pyramid_with_a_trunk_of_another_network(tmp_path):
    other = ks.models.BlindDenoiser((4, 6), odd=False)
    trunk = keras.Model(other.input, other.get_layer("encoder_1").output)
    model = ks.models.PSPNet(3, trunk=trunk, bins=(1, 2))
    section = np.random.default_rng(0).uniform(-1, 1, (1, 20, 31, 1)).astype("float32")
    assert model(section).shape == (1, 20, 31, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(section), model(section))
