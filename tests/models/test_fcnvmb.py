"""FCNVMB."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from tests.models.base import ModelTests, trainable_parameters


class TestFCNVMB(ModelTests):
    model_class = ks.models.FCNVMB
    # The bilinear decoder here, for it is the one whose export is not plain convolution.
    arguments = {
        "gather_shape": (48, 21, 2),
        "velocity_shape": (24, 21),
        "filters": 2,
        "use_deconv": False,
    }
    published = {}
    parameters = 31_058_497
    odd = [
        {"gather_shape": (17, 33, 1), "velocity_shape": (31, 47), "filters": 1},
        {"gather_shape": (50, 31, 6), "velocity_shape": (1, 5), "use_deconv": True},
        {
            "gather_shape": (33, 17, 3),
            "velocity_shape": (48, 32),
            "crop_offset": 0,
            "skip": "before_pooling",
            "batch_norm": False,
        },
    ]
    # So wide that the 0.5 m/s which an export may differ are little of what is predicted.
    units = (ks.layers.GatherNormalization(-27, 53), ks.layers.VelocityScaling(1000, 21000))
    float32_layers = ("velocity",)
    refused = [
        ({"gather_shape": (400, 301)}, "gather_shape must be 3 integers"),
        ({"gather_shape": (None, 301, 29)}, "None"),
        ({"velocity_shape": (400, 301)}, r"at most \(399, 303\).*received \(400, 301\)"),
        ({"velocity_shape": (201, 304)}, "rounded up to multiples of 16"),
        ({"velocity_shape": (400, 304), "crop_offset": 1}, "crop_offset=1"),
        ({"crop_offset": -1}, "crop_offset"),
        ({"skip": "during_pooling"}, "'after_pooling' or 'before_pooling', received 'during"),
        ({"filters": 0}, "filters"),
    ]

    def has_no_effect(self, weight):
        # The biases of what is batch-normalized; others matter.
        return weight.path.endswith(("a_convolution/bias", "b_convolution/bias"))


def test_parameters_with_five_shots_and_with_textbook_skips():
    model = ks.models.FCNVMB((400, 301, 5))
    assert trainable_parameters(model) == 31_044_673
    assert model.count_params() - trainable_parameters(model) == 11_776
    small = [ks.models.FCNVMB(filters=1, skip=f"{when}_pooling") for when in ("after", "before")]
    assert trainable_parameters(small[0]) == trainable_parameters(small[1])


@pytest.mark.parametrize(
    ("skip", "skips"),
    [
        ("after_pooling", [(25, 19), (50, 38), (100, 76), (200, 151)]),
        ("before_pooling", [(50, 38), (100, 76), (200, 151), (400, 301)]),
    ],
)
def test_sizes_follow_the_published_network(skip, skips):
    """Rows and columns of the skips, deepest first, and of the maps that they join."""
    model = ks.models.FCNVMB(filters=1, skip=skip)
    padding = [layer for layer in model.layers if isinstance(layer, keras.layers.ZeroPadding2D)]
    assert [layer.input.shape[1:3] for layer in padding] == skips
    sizes = [(50, 38), (100, 76), (200, 152), (400, 304)]
    assert [layer.output.shape[1:3] for layer in padding] == sizes
    for layer in padding:
        for before, after in layer.padding:
            assert after - before in (0, 1)
    crop = model.get_layer("crop")
    assert crop.cropping == ((1, 400 - 1 - 201), (1, 304 - 1 - 301))


def test_the_skip_comes_first_in_the_joined_map():
    model = ks.models.FCNVMB((16, 16, 1), (8, 8), filters=1)
    joined = model.get_layer("decoder_1_joined")
    assert joined.input[0] is model.get_layer("decoder_1_skip").output
    assert joined.input[1] is model.get_layer("decoder_1_transposed_convolution").output


def test_metres_per_second_survive_mixed_precision():
    """bfloat16 would count m/s by sixteens."""
    model = ks.models.FCNVMB((16, 16, 1), (8, 8), filters=2, dtype="mixed_bfloat16")
    model.get_layer("velocity").bias.assign([3001.5])
    gathers = np.random.default_rng(0).standard_normal((1, 16, 16, 1)).astype("float32")
    velocity = model(gathers).numpy() - 3001.5
    assert len(np.unique(velocity)) > 20
