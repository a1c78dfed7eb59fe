"""Snapshots of a wave field: at the receivers they are the gather."""

import numpy as np
import pytest

from keras_seismic.simulation import Acquisition, sample_velocity, simulate, wave_field


def experiment(**changes):
    arguments = {"width": 24, "dx": 10.0, "dt": 0.001, "nt": 125, "peak_frequency": 15.0, "row": 3}
    return Acquisition.surface(boundary_width=10, **arguments | changes)


@pytest.fixture(scope="module")
def velocity():
    return 2000 + 0.5 * (sample_velocity("style_b", 1, seed=2, shape=(20, 24))[0] - 1500.0)


@pytest.mark.parametrize("boundary", ["openfwi", "cpml"])
@pytest.mark.parametrize("free_surface", [False, True])
def test_at_the_receivers_they_are_the_gather(velocity, boundary, free_surface):
    acquisition = experiment(boundary=boundary, free_surface=free_surface)
    fields = wave_field(velocity, acquisition, shot=3, every=20)
    assert fields.shape == (6, 20, 24)
    assert fields.dtype == np.float32
    gathers = simulate(velocity[None], acquisition)[0, 19::20, :, 3]
    np.testing.assert_allclose(fields[:, 3], gathers, atol=1e-5 * np.abs(gathers).max())
    assert np.abs(fields[:, 0]).max() < 1e-6 or not free_surface


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shot": 5}, "shot must be from 0 to 4, received 5"),
        ({"shot": -1}, "shot must be from 0 to 4, received -1"),
        ({"every": 0}, "every must be from 1 to nt=125 samples, received 0"),
        ({"every": 126}, "every must be from 1 to nt=125 samples, received 126"),
    ],
)
def test_refused(velocity, arguments, message):
    with pytest.raises(ValueError, match=message):
        wave_field(velocity, experiment(boundary="cpml"), **arguments)
    with pytest.raises(ValueError, match="km/s"):
        wave_field(velocity / 1000, experiment(boundary="cpml"))
