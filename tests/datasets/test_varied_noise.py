"""Patches with noise of every kind."""

import numpy as np
import pytest

import keras_seismic as ks


@pytest.fixture(scope="module")
def patches():
    sections = ks.simulation.sample_sections(6, seed=2, shape=(160, 120))
    return ks.datasets.VariedNoisePatches([1e5 * s for s in sections], 64, count=200, seed=3)


def test_levels_and_kinds_vary(patches):
    noisy, clean = patches[:]
    assert noisy.shape == clean.shape == (200, 64, 64, 1)
    np.testing.assert_allclose(noisy.std(axis=(1, 2, 3)), 1, rtol=1e-4)
    noise = (noisy - clean)[..., 0]
    snr = 10 * np.log10((clean**2).sum(axis=(1, 2, 3)) / (noise**2).sum(axis=(1, 2)))
    assert np.quantile(snr, 0.1) < 0 < 15 < np.quantile(snr, 0.9)
    # White noise has as much power above half of Nyquist's frequency as below; band-limited noise,
    # swell and ground roll have less.
    power = (np.abs(np.fft.rfft(noise, axis=1)) ** 2).mean(axis=2)
    high = power[:, 17:].sum(axis=1) / power[:, 1:].sum(axis=1)
    assert 0.3 < (np.abs(high - 0.5) < 0.1).mean() < 0.9
    assert (high < 0.2).sum() > 5
    # Spikes: a kurtosis far from a Gaussian's 3.
    kurtosis = (noise**4).mean(axis=(1, 2)) / (noise**2).mean(axis=(1, 2)) ** 2
    assert (kurtosis > 10).sum() > 5
    assert ((noisy[..., 0] == 0).all(axis=1).any(axis=1)).sum() > 2  # missing traces


def test_each_epoch_has_others_and_each_can_be_had_again(patches):
    first = patches.read(np.arange(4))
    np.testing.assert_array_equal(patches.read(np.array([2]))[0][0], first[0][2])
    assert not np.array_equal(patches.read(np.arange(4), epoch=1)[0], first[0])


def test_both_polarities_and_the_targets_scale(patches):
    """Signal and noise are divided by the same number: their ratio survives."""
    noisy, clean = patches[:50]
    assert ((clean**3).sum(axis=(1, 2, 3)) > 0).any()
    assert ((clean**3).sum(axis=(1, 2, 3)) < 0).any()
    assert (clean.std(axis=(1, 2, 3)) < 1.2).all()
    quiet = (noisy - clean).std(axis=(1, 2, 3)) < 0.1
    np.testing.assert_allclose(clean[quiet].std(axis=(1, 2, 3)), 1, atol=0.05)


@pytest.mark.parametrize(
    ("sections", "arguments", "message"),
    [
        ([], {}, "received 0 sections"),
        ([np.ones((64, 64))], {}, "not constant"),
        ([np.eye(20)], {}, r"at least 32 each way .* received shape \(20, 20\)"),
        ([np.full((64, 64), np.nan)], {}, "section 0.* not finite"),
        ([np.eye(64)], {"count": 0}, "a positive count"),
        ([np.eye(64)], {"patch_size": 4}, "at least 8"),
    ],
)
def test_bad_sections_are_refused(sections, arguments, message):
    with pytest.raises(ValueError, match=message):
        ks.datasets.VariedNoisePatches(sections, **{"patch_size": 32, **arguments})
