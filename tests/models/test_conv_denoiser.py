"""ConvDenoiser."""

import numpy as np
import pytest

import keras_seismic as ks
from tests.models.base import ModelTests


class TestConvDenoiser(ModelTests):
    model_class = ks.models.ConvDenoiser
    arguments = {"num_filters": 8}
    published = {}
    parameters = 28_097
    odd = [{}, {"decoder": "resize"}, {"decoder": "resize", "num_blocks": 3}, {"num_blocks": 1}]
    any_shape = (29, 21, 1)

    def example(self, model, batch=2):
        x, _ = super().example(model, batch)
        # A target within reach of a few 3 x 3 kernels.
        return x, 0.5 * (x + np.roll(x, 1, axis=1))

    units = (ks.layers.SectionNormalization("percentile", 99),)
    refused = [
        ({"decoder": "unpool"}, "'unpool'"),
        ({"num_filters": 0}, "num_filters"),
        ({"num_blocks": -1}, "num_blocks"),
    ]


class TestResizingDenoiser(TestConvDenoiser):
    arguments = {"num_filters": 8, "decoder": "resize", "batch_norm": True}
    published = {"decoder": "resize"}
    # Worked out by hand: 1->64 and 64->32 convolutions, two 32->32, a 1 x 1 head.
    parameters = (9 * 1 * 64 + 64) + (9 * 64 * 32 + 32) + 2 * (9 * 32 * 32 + 32) + (32 + 1)
    units = (ks.layers.SectionNormalization("maximum"),)


@pytest.mark.parametrize("decoder", ["transpose", "resize"])
@pytest.mark.parametrize("size", [(1, 1), (28, 28), (61, 40), (128, 33)])
def test_output_has_the_size_of_the_input(decoder, size):
    model = ks.models.ConvDenoiser(num_filters=2, decoder=decoder)
    assert model(np.zeros((1, *size, 1))).shape == (1, *size, 1)


def test_a_section_in_one_piece_equals_its_middle_in_patches(rng):
    """Fully convolutional: away from the border of a patch the result is the section's."""
    model = ks.models.ConvDenoiser(num_filters=4)
    section = rng.uniform(-1, 1, (1, 60, 50, 1)).astype("float32")
    whole = model(section).numpy()
    patch = model(section[:, 10:40, 10:40]).numpy()
    np.testing.assert_allclose(patch[:, 4:-4, 4:-4], whole[:, 14:36, 14:36], atol=1e-6)


def test_linear_head_for_losses_that_squash():
    assert ks.models.ConvDenoiser(output_activation="linear").layers[-1].activation(7.0) == 7.0
