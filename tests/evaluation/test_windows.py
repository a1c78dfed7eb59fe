"""Windows of real geology for a network on m/s that decimates its gathers."""

import numpy as np
import pytest

import keras_seismic as ks


def model_of(network):
    acquisition = ks.simulation.Acquisition.surface(
        width=40, dx=10.0, dt=0.001, nt=100, peak_frequency=15.0, shots=1, boundary="cpml"
    )
    preparation = ks.layers.GatherPreparation(
        [ks.layers.TimeDecimation(2), ks.layers.GatherNormalization(-20, 30)]
    )
    scaling = ks.layers.VelocityScaling()
    return ks.models.with_physical_units(network, preparation, scaling, acquisition)


@pytest.fixture
def network():
    """Whatever the gathers, 3000 m/s."""
    network = ks.models.FCNVMB((50, 40, 1), (30, 40), filters=1)
    network.get_layer("velocity").kernel.assign(np.zeros((1, 1, 1, 1)))
    network.get_layer("velocity").bias.assign([3000.0])
    return network


@pytest.fixture
def velocity():
    """A third of the cells are 1300 m/s, the others 5000."""
    velocity = np.full((1, 30, 85), 1300.0, np.float32)
    velocity[:, 10:] = 5000.0
    return velocity


@pytest.mark.filterwarnings("ignore::keras_seismic.simulation.DispersionWarning")
def test_networks_on_metres_per_second_see_unclipped_windows(network, velocity):
    scores = ks.evaluation.evaluate_on_windows(model_of(network), velocity, progress=False)
    assert scores.metrics["windows"] == 2
    assert scores.metrics["clipped_fraction"] == 0
    assert (scores.true.min(), scores.true.max()) == (1300, 5000)
    expected = (1700 * 10 + 2000 * 20) / 30
    assert scores.metrics["velocity_mae_m_s"] == pytest.approx(expected, rel=1e-5)
    assert scores.spread is None


@pytest.mark.filterwarnings("ignore::keras_seismic.simulation.DispersionWarning")
def test_a_spread_is_scored(network, velocity):
    """One of 1850 m/s holds the errors of 1700, not those of 2000."""
    stated = ks.models.VelocityWithSpread(network, filters=1, largest=5000.0)
    last = stated.head.get_layer("logit_convolution")
    last.kernel.assign(np.zeros_like(last.kernel))
    last.bias.assign([np.log(1850 / (5000 - 1850))])
    scores = ks.evaluation.evaluate_on_windows(model_of(stated), velocity, progress=False)
    np.testing.assert_allclose(scores.spread, 1850, rtol=1e-3)
    assert scores.metrics["spread_coverage"] == pytest.approx(1 / 3)
