"""BlindDenoiser."""

import numpy as np
import pytest

import keras_seismic as ks
from tests.models.base import ModelTests


class TestBlindDenoiser(ModelTests):
    model_class = ks.models.BlindDenoiser
    arguments = {"filters": (8, 12, 16)}
    published = {"filters": (24, 48, 96, 144)}
    # Worked out by hand: two blocks of two 3 x 3 convolutions at each size, 2 x 2 on the way
    # down and 1 x 1 on the way up, a stem and a head of 3 x 3; no biases.
    parameters = (
        sum(4 * 9 * n * n for n in (24, 48, 96, 144))
        + (4 + 1) * (24 * 48 + 48 * 96 + 96 * 144)
        + 2 * 9 * 24
    )
    odd = [{}, {"odd": False}, {"filters": (3,)}, {"filters": (2, 3)}]
    any_shape = (29, 21, 1)

    def example(self, model, batch=2):
        x, _ = super().example(model, batch)
        return x, 0.5 * (x + np.roll(x, 1, axis=1))  # within reach of a few kernels

    units = (ks.layers.SectionNormalization("rms"),)
    refused = [({"filters": (8, 0)}, "filters"), ({"filters": ()}, "filters")]


@pytest.mark.parametrize("size", [(1, 1), (28, 28), (61, 40), (3, 130)])
def test_output_has_the_size_of_the_input(size):
    assert ks.models.BlindDenoiser((2, 3, 4))(np.zeros((1, *size, 1))).shape == (1, *size, 1)


@pytest.mark.parametrize("factor", [1e-6, -1.0, -3.0, 1e6])
def test_units_and_polarity_do_not_matter(factor, rng):
    """In physical units, to rounding; of the plain U-Net, units alone."""
    network = ks.models.BlindDenoiser((4, 6, 8))
    model = ks.models.with_physical_units(network, ks.layers.SectionNormalization("rms"))
    section = rng.standard_normal((2, 40, 33, 1)).astype("float32")
    expected = factor * np.asarray(model(section))
    assert np.abs(section - expected / factor).max() > 0.01  # it does something
    np.testing.assert_allclose(
        model(np.float32(factor) * section), expected, atol=1e-5 * np.abs(expected).max()
    )
    plain = ks.models.BlindDenoiser((4, 6, 8), odd=False)
    plain.set_weights(network.get_weights())
    expected = np.asarray(plain(section))
    np.testing.assert_allclose(plain(3 * section), 3 * expected, rtol=1e-4, atol=1e-4)
    assert np.abs(np.asarray(plain(-section)) + expected).max() > 1e-4


def test_a_weak_part_is_denoised_like_a_strong_one(rng):
    """No bias, so a part a million times weaker gets the same, away from the border."""
    model = ks.models.BlindDenoiser((4, 6))
    half = rng.standard_normal((1, 32, 64, 1)).astype("float32")
    both = np.asarray(model(np.concatenate([half, 1e-6 * half], axis=1)))[0, ..., 0]
    alone = np.asarray(model(1e-6 * half))[0, ..., 0]
    np.testing.assert_allclose(both[48:], alone[16:], atol=1e-9)
