"""Filters for stages, the source wavelet's estimation, weights."""

import numpy as np
import pytest
from scipy.signal import fftconvolve

from keras_seismic.inversion import estimate_wavelet, low_pass, trace_weights
from keras_seismic.simulation import Acquisition, ricker


def convolved(wavelet, responses):
    return fftconvolve(responses, wavelet[:, None, None], axes=0)[: len(wavelet)]


@pytest.fixture
def responses():
    """Sparse impulse responses ``(time, receivers, shots)`` whose echoes end with the record."""
    random = np.random.default_rng(7)
    spikes = random.normal(size=(300, 5, 2)) * (random.random((300, 5, 2)) < 0.03)
    spikes[200:] = 0
    return spikes


def test_filtering_the_wavelet_filters_the_gathers(responses):
    wavelet = ricker(15.0, 0.002, 300)
    filtered = low_pass(convolved(wavelet, responses), 8.0, 0.002)
    np.testing.assert_allclose(
        filtered, convolved(low_pass(wavelet, 8.0, 0.002), responses), atol=1e-10
    )


def test_low_pass_keeps_low_and_removes_high_frequencies():
    time = np.arange(4000) * 0.001
    low, high = (np.sin(2 * np.pi * f * time)[:, None] for f in (3.0, 40.0))

    def rms(x):
        return np.sqrt(np.mean(x[1000:] ** 2))

    assert rms(low_pass(low, 10.0, 0.001)) == pytest.approx(rms(low), rel=0.01)
    assert rms(low_pass(high, 10.0, 0.001)) < 0.01 * rms(high)
    assert low_pass(low, None, 0.001) is low
    with pytest.raises(ValueError, match="between 0 and 500 Hz"):
        low_pass(low, 500.0, 0.001)


def test_the_wavelet_is_found_from_a_wrong_one(responses):
    true = -2.5 * np.roll(ricker(12.0, 0.002, 300), 15)
    assumed = ricker(18.0, 0.002, 300)
    found = estimate_wavelet(convolved(assumed, responses), convolved(true, responses), assumed)
    assert np.linalg.norm(found - true) < 0.01 * np.linalg.norm(true)


def test_weights_by_offset_and_time():
    acquisition = Acquisition.openfwi()
    weight = trace_weights(acquisition, (100.0, 400.0), (0.2, 0.8), taper=0.0)
    assert weight.shape == acquisition.gather_shape
    # The first source stands over the first receiver.
    assert np.flatnonzero(weight[500, :, 0]).tolist() == list(range(10, 41))
    assert np.flatnonzero(weight[:, 20, 0])[[0, -1]].tolist() == [200, 800]
    direct = trace_weights(acquisition, direct_velocity=2000.0, taper=0.0)
    length = np.flatnonzero(acquisition.wavelet)[-1]
    assert np.argmax(direct[:, 60, 0]) == pytest.approx(300 + length, abs=1)


def test_weights_that_leave_nothing_are_refused():
    with pytest.raises(ValueError, match=r"nothing is left .* offsets reach from 0 to 690 m"):
        trace_weights(Acquisition.openfwi(), offsets=(1000.0, 2000.0))
    with pytest.raises(ValueError, match="taper must not be negative"):
        trace_weights(Acquisition.openfwi(), taper=-1.0)
