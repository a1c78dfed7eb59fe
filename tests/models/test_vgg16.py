"""VGG16 and CNN, classifiers."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from tests.models.base import ModelTests


class ClassifierTests(ModelTests):
    def example(self, model, batch=2):
        """Loud and quiet sections."""
        rng = np.random.default_rng(batch)
        x = rng.uniform(-1, 1, (batch, *self.shape(model))).astype("float32")
        x[1::2] *= 0.3
        return x, np.eye(model.output_shape[-1], dtype="float32")[np.arange(batch) % 2]


class TestVGG16(ClassifierTests):
    model_class = ks.models.VGG16
    arguments = {
        "num_classes": 3, "section_shape": (35, 40, 1), "filters": 4, "units": 8, "dropout": 0.0,
        "normalization": "block",
    }  # fmt: skip
    published = {"normalization": None}
    # The published count.
    parameters = 138_357_544
    odd = [
        {"normalization": None},
        {"normalization": "convolution"},
        {"section_shape": (33, 64, 2)},
    ]
    refused = [
        ({"section_shape": (31, 40, 1)}, "32"),
        ({"normalization": "layer"}, "normalization"),
        ({"units": 0}, "units"),
    ]


class TestCNN(ClassifierTests):
    model_class = ks.models.CNN
    arguments = {"filters": (4, 6)}
    parameters = 9 * 16 + 16 + 9 * 16 * 32 + 32 + 9 * 32 * 64 + 64 + 2 * 64 + 2
    any_shape = (21, 18, 1)
    amplitude = 0.05
    odd = [{"num_classes": 4}, {"filters": (3,), "dropout": 0.5}]
    refused = [({"filters": ()}, "filters"), ({"num_classes": 0}, "num_classes")]


def test_vgg16_is_keras_own():
    """With the weights of ``keras.applications`` it computes what that does."""
    theirs = keras.applications.VGG16(weights=None, input_shape=(32, 32, 3), classes=5)
    ours = ks.models.VGG16(5, (32, 32, 3))
    ours.set_weights(theirs.get_weights())
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(ours(images), theirs(images), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("normalization", ["block", "convolution"])
def test_normalization_is_where_it_says(normalization):
    names = [layer.name for layer in ks.models.VGG16(2, (32, 32, 1), 2, 2, normalization).layers]
    after = {"block": "block1_pooling", "convolution": "block1_convolution1"}[normalization]
    assert names[names.index(after) + 1] == f"{after.split('_pooling')[0]}_batch_norm"
