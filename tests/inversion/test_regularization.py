"""Penalties and their gradients, in closed form and by finite differences."""

import numpy as np
import pytest

from keras_seismic.inversion import Tikhonov, TotalVariation


@pytest.fixture
def velocity():
    return np.random.default_rng(5).uniform(1500, 4500, (9, 7))


@pytest.mark.parametrize(
    "penalty",
    [
        TotalVariation(0.3, 30.0, lateral=3.0),
        Tikhonov(0.3),
        Tikhonov(0.3, prior=np.full((9, 7), 2e3)),
    ],
    ids=["total variation", "smoothness", "prior"],
)
def test_the_gradient_is_the_derivative(penalty, velocity):
    direction = np.random.default_rng(6).normal(size=velocity.shape)
    _, gradient = penalty(velocity)
    above, below = (penalty(velocity + s * direction)[0] for s in (1e-2, -1e-2))
    assert (above - below) / 2e-2 == pytest.approx(np.sum(gradient * direction), rel=1e-6)


def test_total_variation_charges_an_interface_by_its_height_not_by_its_sharpness():
    sharp = np.where(np.arange(20) < 10, 2000.0, 3000.0)[:, None] * np.ones(8)
    ramp = np.interp(np.arange(20), [5, 15], [2000.0, 3000.0])[:, None] * np.ones(8)
    variation, smoothness = TotalVariation(1.0, edge=0.01), Tikhonov(1.0)
    assert variation(sharp)[0] == pytest.approx(1 / 20, rel=1e-3)
    assert variation(ramp)[0] == pytest.approx(variation(sharp)[0], rel=1e-3)
    assert smoothness(ramp)[0] == pytest.approx(smoothness(sharp)[0] / 10)


def test_constant_models_are_free(velocity):
    for penalty in (TotalVariation(1.0), Tikhonov(1.0), Tikhonov(1.0, np.full((4, 4), 2e3))):
        value, gradient = penalty(np.full((4, 4), 2000.0))
        assert value == 0
        assert not gradient.any()


def test_what_is_refused():
    with pytest.raises(ValueError, match="TotalVariation: weight must not be negative"):
        TotalVariation(-1.0)
    with pytest.raises(ValueError, match="edge must be positive"):
        TotalVariation(1.0, edge=0.0)
    with pytest.raises(ValueError, match="Tikhonov: weight must not be negative"):
        Tikhonov(float("nan"))
