"""VelocityCritic."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from tests.models.base import ModelTests, trainable_parameters


class TestVelocityCritic(ModelTests):
    model_class = ks.models.VelocityCritic
    arguments = {"velocity_shape": (24, 32), "filters": 2, "normalization": "layer"}
    published = {}
    parameters = 1_180_003
    odd = [
        {"velocity_shape": (17, 31)},
        {"velocity_shape": (1, 5), "normalization": None},
        {"velocity_shape": (33, 40), "variant": "paper"},
        {"velocity_shape": (2, 2), "variant": "paper", "normalization": "batch"},
        {"velocity_shape": (70, 94), "variant": "paper", "patch_size": 4},
    ]
    float32_layers = ("score_convolution",)  # differences of scores are small
    refused = [
        ({"velocity_shape": (70,)}, "velocity_shape must be 2 integers"),
        ({"filters": 0}, "filters"),
        ({"variant": "other"}, "received 'other'"),
        ({"normalization": "instance"}, "received 'instance'"),
        ({"patch_size": 4}, "patch_size needs variant"),
        ({"patch_size": 36, "variant": "paper"}, "patch_size=36"),
        ({"velocity_shape": (1, 9), "variant": "paper"}, "at least 2 x 2"),
    ]

    def example(self, model, batch=2):
        rng = np.random.default_rng(batch)
        x = rng.uniform(-1, 1, (batch, *model.input_shape[1:])).astype("float32")
        return x, rng.uniform(-0.8, 0.8, (batch, *model.output_shape[1:])).astype("float32")


class TestPatchCritic(TestVelocityCritic):
    """Whatever differs from the default, at once."""

    arguments = {
        "velocity_shape": (40, 40), "filters": 2, "normalization": "batch", "variant": "paper",
        "patch_size": 4,
    }  # fmt: skip
    published = {"variant": "paper", "patch_size": 4}
    parameters = 391_105
    odd = [{"velocity_shape": (17, 9)}]


@pytest.mark.parametrize(
    ("arguments", "sides", "scores"),
    [
        ({}, [35, 35, 18, 18, 9, 9, 5, 5, 1], 1),
        ({"variant": "paper"}, [70, 35, 17, 8, 4], 1),
        ({"variant": "paper", "patch_size": 4}, [70, 35, 17, 8, 4], 16),
    ],
)
def test_sizes_of_the_variants(arguments, sides, scores):
    critic = ks.models.VelocityCritic(filters=1, **arguments)
    maps = [layer for layer in critic.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.output.shape[1] for layer in maps] == sides
    assert critic.output_shape == (None, scores)


def test_last_layer_is_linear_unless_batch_normalized():
    """The code's critic ends in LeakyReLU; the theory asks for an unbounded linear score."""
    names = [
        [layer.name for layer in ks.models.VelocityCritic(filters=1, normalization=kind).layers]
        for kind in ("batch", "layer", None)
    ]
    assert names[0][-3:] == ["score_batch_norm", "score_activation", "score"]
    assert [layers[-2] for layers in names[1:]] == ["score_convolution"] * 2


def test_batch_normalization_hides_a_shift_of_all_fakes(rng):
    """Why the recipes do without: a common error of all generated models goes unpunished."""
    fakes = rng.uniform(-1, 1, (4, 24, 32, 1)).astype("float32")
    moves = {}
    for kind in ("batch", "layer", None):
        keras.utils.set_random_seed(0)
        critic = ks.models.VelocityCritic((24, 32), filters=4, normalization=kind)
        scores, shifted = (
            np.asarray(critic(batch, training=True)) for batch in (fakes, fakes + 100)
        )
        moves[kind] = abs(shifted.mean() - scores.mean()) / scores.std()
    assert moves["batch"] < 0.15 < 0.3 < moves["layer"] < moves[None], moves


def test_parameters_without_normalization():
    assert trainable_parameters(ks.models.VelocityCritic(normalization=None)) == 1_178_081
