"""Amplitude calibration by the direct wave; the truth is simulated."""

import dataclasses
import warnings

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.gathers.direct_wave import (
    closed_form_direct_wave,
    distances,
    simulated_direct_wave,
)
from tests.segy_files import write_line

NEAR_SURFACE = 2000.0
ACQUISITION = ks.simulation.Acquisition.surface(
    width=41, dx=10.0, dt=0.001, nt=400, peak_frequency=15.0, source_columns=(5, 20, 37),
    boundary="cpml",
)  # fmt: skip


@pytest.fixture(scope="module")
def truth():
    """Gathers over three layers, the first of them 100 m thick."""
    velocity = np.full((1, 50, 41), NEAR_SURFACE)
    velocity[:, 10:], velocity[:, 30:] = 2600.0, 3300.0
    return ks.simulation.simulate(velocity, ACQUISITION, progress=False)[0]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ks.gathers.WaveletWarning)
        yield


@pytest.mark.parametrize("factor", [1.0, 1000.0, 1e-4, -1000.0])
@pytest.mark.parametrize("velocity", [None, NEAR_SURFACE])
def test_scaled_gathers_come_back_within_a_percent(truth, factor, velocity):
    calibration = ks.gathers.measure_direct_wave(factor * truth, ACQUISITION, velocity)
    restored = calibration.apply(np.float32(factor) * truth)
    np.testing.assert_allclose(restored, truth, rtol=0.01, atol=1e-6)
    assert calibration.polarity == np.sign(factor)
    assert np.ptp(calibration.scale) == 0
    assert calibration.velocity == pytest.approx(NEAR_SURFACE, rel=0.01)
    assert calibration.correlation > 0.999
    assert calibration.shift == 0
    assert calibration.scatter < 0.01
    assert abs(calibration.spreading) < 0.02
    assert ("polarity reversed" in str(calibration)) == (factor < 0)


def test_one_scale_a_shot(truth):
    strengths = np.array([3.0, 800.0, 0.02])
    calibration = ks.gathers.measure_direct_wave(strengths * truth, ACQUISITION, per_shot=True)
    np.testing.assert_allclose(calibration.scale, 1 / strengths, rtol=0.01)
    np.testing.assert_allclose(calibration.apply(strengths * truth), truth, rtol=0.01, atol=1e-6)


def test_single_bad_traces_do_no_harm(truth, rng):
    spoilt = 50 * truth
    near = np.argwhere((distances(ACQUISITION) > 15) & (distances(ACQUISITION) < 100))
    for k, (receiver, shot) in enumerate(near[::4]):
        spoilt[:, receiver, shot] *= (0, 40, -1)[k % 3]
    spoilt += rng.normal(0, 0.01 * np.abs(spoilt[:, 12]).max(), spoilt.shape).astype("float32")
    calibration = ks.gathers.measure_direct_wave(spoilt, ACQUISITION, NEAR_SURFACE)
    np.testing.assert_allclose(calibration.scale, 1 / 50, rtol=0.02)
    assert calibration.polarity == 1


def test_wrong_time_zero_is_reported(truth):
    late = np.zeros_like(truth)
    late[7:] = -20 * truth[:-7]
    calibration = ks.gathers.measure_direct_wave(late, ACQUISITION)
    assert calibration.shift == pytest.approx(0.007)
    assert calibration.polarity == -1
    np.testing.assert_allclose(calibration.scale, -1 / 20, rtol=0.01)


def test_spreading_in_three_dimensions_is_noticed(truth):
    distance = np.maximum(distances(ACQUISITION), 1.0)
    calibration = ks.gathers.measure_direct_wave(truth / np.sqrt(distance), ACQUISITION)
    assert calibration.spreading == pytest.approx(-0.5, abs=0.03)


@pytest.mark.filterwarnings("ignore::keras_seismic.simulation.DispersionWarning")
def test_another_wavelet_is_warned_of(truth, rng):
    noise = rng.standard_normal(truth.shape)
    with pytest.warns(ks.gathers.WaveletWarning, match=r"correlates by only 0\.\d+"):
        ks.gathers.measure_direct_wave(noise, ACQUISITION, NEAR_SURFACE)
    other = ks.simulation.Acquisition(
        **{**ACQUISITION.get_config(), "peak_frequency": 30.0, "boundary_width": 20}
    )
    with pytest.warns(ks.gathers.WaveletWarning, match="about 15 Hz, 2000 m/s"):
        calibration = ks.gathers.measure_direct_wave(
            simulated_direct_wave(other, 2400.0, 400), ACQUISITION, NEAR_SURFACE
        )
    assert calibration.correlation < 0.8


def test_under_a_free_surface_the_velocity_must_be_known(truth):
    marine = dataclasses.replace(ACQUISITION, free_surface=True)
    with pytest.raises(ValueError, match="cannot be estimated under a free surface"):
        ks.gathers.measure_direct_wave(truth, marine)
    gathers = simulated_direct_wave(marine, 2400.0, 400)
    calibration = ks.gathers.measure_direct_wave(-5 * gathers, marine, 2400.0)
    np.testing.assert_allclose(calibration.scale, -0.2, rtol=1e-4)


def test_distances_of_a_streamer():
    """Every receiver at its offset, whatever the shot."""
    streamer = ks.simulation.Acquisition.streamer(
        width=41, dx=10.0, dt=0.001, nt=400, peak_frequency=15.0, offsets=(20.0, 50.0), shots=3
    )
    np.testing.assert_array_equal(distances(streamer), [[20.0] * 3, [50.0] * 3])


def test_the_closed_form_is_what_is_simulated():
    distance = distances(ACQUISITION)
    simulated = simulated_direct_wave(ACQUISITION, 2500.0, 300)
    traces = (distance > 15) & (distance < 200)
    closed = closed_form_direct_wave(ACQUISITION, 2500.0, 300, distance[traces])
    np.testing.assert_allclose(simulated[:, traces], closed, atol=0.01 * closed.max())
    # Without an amplitude or a time to fit: the largest values agree to a percent.
    np.testing.assert_allclose(simulated[:, traces].max(axis=0), closed.max(axis=0), rtol=0.015)


def test_from_a_field_file_to_a_networks_amplitudes(tmp_path, truth):
    """A file in another unit, at 2 ms and elsewhere; read, matched, calibrated."""
    source_x, receiver_x = (np.array(p)[:, 0] for p in (ACQUISITION.sources, ACQUISITION.receivers))
    path = write_line(
        tmp_path / "field.segy", 1e6 * truth[::2], source_x + 7000, receiver_x + 7000, dt_us=2000
    )
    line = ks.gathers.match_acquisition(ks.gathers.read_shot_gathers(path), ACQUISITION)
    calibrated = ks.gathers.measure_direct_wave(line, ACQUISITION).apply(line)
    far = distances(ACQUISITION) > 15
    error = np.abs(calibrated.amplitude - truth)[:300, far].max()
    assert error < 0.01 * np.abs(truth[:, far]).max()
    assert "(direct wave)" in calibrated.changes[-1]


def dead_near(truth):
    gathers = truth.copy()
    gathers[:, distances(ACQUISITION) < 101] = 0
    return gathers


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda t: t[:-1], {}, r"of the acquisition, \(400, 41, 3\), received \(399, 41, 3\)"),
        (lambda t: t * np.nan, {}, "49200 of 49200 values are not finite"),
        (dead_near, {}, r"shot 1 has 0 live traces between 15 and 100 m \(dead ones: \d+\), but 3"),
        (lambda t: t, {"offsets": (500, 600)}, "has 0 live traces between 500 and 600 m"),
        (lambda t: t, {"offsets": (50, 20)}, r"offsets must be \(smallest, largest\)"),
        (lambda t: t, {"velocity": 20_000.0}, "simulate: unstable"),
        (lambda t: t, {"velocity": 2.0}, "looks like km/s"),
    ],
)
def test_bad_input(truth, make, options, message):
    with pytest.raises(ValueError, match=message):
        ks.gathers.measure_direct_wave(make(truth), ACQUISITION, **options)


def test_apply_wants_the_same_shots(truth):
    calibration = ks.gathers.measure_direct_wave(truth, ACQUISITION, NEAR_SURFACE)
    with pytest.raises(ValueError, match=r"for 3 shots, received .*\(400, 41, 2\)"):
        calibration.apply(truth[..., :2])
    assert calibration.apply(np.stack([truth] * 2)).shape == (2, *truth.shape)
