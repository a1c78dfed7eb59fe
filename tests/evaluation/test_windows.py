"""Windows of real geology for a network on m/s that decimates its gathers."""

import numpy as np
import pytest

import keras_seismic as ks


@pytest.mark.filterwarnings("ignore::keras_seismic.simulation.DispersionWarning")
def test_networks_on_metres_per_second_see_unclipped_windows():
    acquisition = ks.simulation.Acquisition.surface(
        width=40, dx=10.0, dt=0.001, nt=100, peak_frequency=15.0, shots=1, boundary="cpml"
    )
    network = ks.models.FCNVMB((50, 40, 1), (30, 40), filters=1)
    network.get_layer("velocity").kernel.assign(np.zeros((1, 1, 1, 1)))
    network.get_layer("velocity").bias.assign([3000.0])
    preparation = ks.layers.GatherPreparation(
        [ks.layers.TimeDecimation(2), ks.layers.GatherNormalization(-20, 30)]
    )
    model = ks.models.with_physical_units(
        network, preparation, ks.layers.VelocityScaling(), acquisition
    )
    velocity = np.full((1, 30, 85), 1300.0, np.float32)
    velocity[:, 10:] = 5000.0
    scores = ks.evaluation.evaluate_on_windows(model, velocity, progress=False)
    assert scores.metrics["windows"] == 2
    assert scores.metrics["clipped_fraction"] == 0
    assert (scores.true.min(), scores.true.max()) == (1300, 5000)
    expected = (1700 * 10 + 2000 * 20) / 30
    assert scores.metrics["velocity_mae_m_s"] == pytest.approx(expected, rel=1e-5)
