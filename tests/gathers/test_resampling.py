"""Resampling in time and between receivers, against closed forms and SciPy."""

import numpy as np
import pytest

import keras_seismic as ks


def ricker(t, frequency=15.0, center=0.6):
    a = (np.pi * frequency * (t - center)) ** 2
    return (1 - 2 * a) * np.exp(-a)


@pytest.mark.parametrize(
    ("dt", "new_dt"),
    [(0.004, 0.001), (0.001, 0.004), (0.002, 0.0015), (0.004, 0.00123), (0.008, 0.001)],
)
def test_a_ricker_is_the_same_function_of_time(dt, new_dt):
    t = np.arange(round(1.4 / dt)) * dt
    resampled = ks.gathers.resample_time(ricker(t), dt, new_dt)
    new_t = np.arange(len(resampled)) * new_dt
    assert new_t[-1] <= t[-1] < new_t[-1] + new_dt * 1.001
    np.testing.assert_allclose(resampled, ricker(new_t), atol=1e-4)


def test_what_would_be_aliased_is_removed():
    t = np.arange(3000) * 0.001
    for frequency, low, high in (
        (60, -0.1, 0.1),
        (100, -0.1, 0.1),
        (130, -500, -80),
        (480, -500, -80),
    ):
        y = ks.gathers.resample_time(np.sin(2 * np.pi * frequency * t), 0.001, 0.004)[100:-100]
        level = 10 * np.log10(2 * np.mean(np.square(y, dtype=np.float64)) + 1e-30)
        assert low < level < high, frequency


def test_scipy_agrees(rng):
    signal = pytest.importorskip("scipy.signal")
    white = rng.standard_normal((4000, 3))
    low = signal.filtfilt(*signal.butter(6, 0.1), white, axis=0)  # 50 Hz of 500
    for new, up, down in ((0.004, 1, 4), (0.0005, 2, 1), (0.0015, 2, 3)):
        ours = ks.gathers.resample_time(low, 0.001, new)
        theirs = signal.resample_poly(low, up, down, axis=0, window=("kaiser", 10.0))
        n = min(len(ours), len(theirs))
        inner = slice(100, n - 100)
        assert np.abs(ours[inner] - theirs[inner]).max() < 0.02 * np.abs(low).max()


def test_finer_samples_keep_the_old_ones_and_constants(rng):
    x = rng.standard_normal((300, 2, 3)).astype("float32")
    finer = ks.gathers.resample_time(x, 0.004, 0.001)
    assert finer.shape == (1197, 2, 3)
    np.testing.assert_allclose(finer[::4], x, atol=1e-6)
    flat = ks.gathers.resample_time(np.ones(900), 0.001, 0.002)
    np.testing.assert_allclose(flat[100:-100], 1, atol=1e-6)


def test_samples_and_start():
    t = 0.1 + np.arange(500) * 0.002
    resampled = ks.gathers.resample_time(ricker(t), 0.002, 0.001, samples=1500, start=0.1)
    np.testing.assert_allclose(resampled, ricker(np.arange(1500) * 0.001), atol=1e-4)
    early = ks.gathers.resample_time(ricker(t - 0.15), 0.002, 0.002, samples=400, start=-0.05)
    np.testing.assert_allclose(early, ricker(np.arange(400) * 0.002), atol=1e-4)


@pytest.mark.parametrize("arguments", [(0, 0.001), (0.001, -1), (np.nan, 0.001)])
def test_bad_intervals(arguments):
    with pytest.raises(ValueError, match="must be a sample interval"):
        ks.gathers.resample_time(np.ones(10), *arguments)
    with pytest.raises(ValueError, match="no samples"):
        ks.gathers.resample_time(np.ones((0, 3)), 0.001, 0.002)


def plane_wave(x, slowness=1 / 2500):
    return ricker(np.arange(600)[:, None] * 0.002 - slowness * x[None])


def test_receivers_between_receivers():
    x = 100 + 20.0 * np.arange(40)
    new_x = 100 + 10.0 * np.arange(79)
    sinc = ks.gathers.interpolate_receivers(plane_wave(x), x, new_x)
    linear = ks.gathers.interpolate_receivers(plane_wave(x), x, new_x, "linear")
    for result in (sinc, linear):
        np.testing.assert_allclose(result[:, ::2], plane_wave(x), atol=1e-6)
    middle = slice(16, -16)
    errors = [np.abs(r - plane_wave(new_x))[:, middle].max() for r in (sinc, linear)]
    assert errors[0] < 0.01
    assert errors[1] > 0.05


@pytest.mark.parametrize(
    ("x", "new_x", "method", "message"),
    [
        ([0, 10, 20], [0, 31], "sinc", "x=0 to 31 m are wanted, but the line has them at 0 to 20"),
        ([0, 10, 30], [0], "sinc", "one ascending spacing"),
        ([20, 10, 0], [0], "linear", "one ascending spacing"),
        ([0], [0], "linear", "two or more receivers"),
        ([0, 10], [0], "cubic", "must be 'sinc' or 'linear', received 'cubic'"),
    ],
)
def test_bad_receivers(x, new_x, method, message):
    with pytest.raises(ValueError, match=message):
        ks.gathers.interpolate_receivers(np.ones((5, len(x))), x, new_x, method)
