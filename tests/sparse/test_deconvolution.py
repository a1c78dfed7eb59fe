"""Deconvolution of sections: wavelet, noise, weight, and the file that comes out."""

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.sparse import (
    WaveletConvolution,
    choose_wavelet,
    deconvolve,
    discrepancy_weight,
    estimate_noise,
    estimate_wavelet,
    noise_weight,
    sample_reflectivity,
)

WAVELET = np.trim_zeros(ks.simulation.ricker(25.0, 0.004, 100))
OPERATOR = WaveletConvolution(WAVELET)


def section_of(noise, traces=30, samples=200, same=False):
    reflectivity = sample_reflectivity(traces, samples)
    if same:
        reflectivity[:] = reflectivity[:1]
    clean = np.asarray(OPERATOR.forward(reflectivity))
    random = np.random.default_rng(1).standard_normal(clean.shape)
    return (clean + noise * random).T.astype("float32"), reflectivity.T


def test_spikes_are_found_and_reconvolved():
    # Apart by more than half the wavelet: closer ones no l1 norm can tell from each other.
    truth = np.zeros((200, 30))
    truth[10::15] = np.random.default_rng(0).choice([-1.0, -0.5, 0.5, 1.0], (13, 30))
    section = np.asarray(OPERATOR.forward(truth.T)).T
    result = deconvolve(section, OPERATOR, weight=1e-3, iterations=500)
    assert np.linalg.norm(result.reflectivity - truth) < 0.1 * np.linalg.norm(truth)
    again = np.stack([np.convolve(x, WAVELET)[11:211] for x in result.reflectivity.T], axis=1)
    np.testing.assert_allclose(result.fit, again, atol=1e-4)
    np.testing.assert_allclose(result.residual, section - result.fit, atol=1e-5)
    assert result.metrics["explained_energy"] > 0.999


def test_wavelet_is_estimated_from_white_reflectivity():
    section = section_of(noise=0.0, traces=200, samples=500)[0]
    estimate = estimate_wavelet(section, 23)
    assert estimate.argmax() == 11
    np.testing.assert_array_equal(estimate, estimate[::-1])
    assert np.corrcoef(estimate, WAVELET)[0, 1] > 0.98


def test_noise_is_what_neighbors_do_not_share():
    section = section_of(noise=0.2, same=True)[0]
    section[:20, :10] = 0  # a mute
    assert estimate_noise(section) == pytest.approx(0.2, rel=0.05)


def test_discrepancy_leaves_a_residual_like_the_noise():
    section = section_of(noise=0.2)[0]
    result = deconvolve(section, OPERATOR, noise=0.2, iterations=100)
    assert result.metrics["residual_rms"] == pytest.approx(0.2, rel=0.03)


def test_noise_weight_silences_noise():
    noise = 0.3 * np.random.default_rng(0).standard_normal((200, 100)).astype("float32")
    weight = noise_weight(OPERATOR, 200, 0.3)
    assert np.mean(deconvolve(noise, OPERATOR, weight).reflectivity.any(axis=0)) < 0.5
    assert deconvolve(noise, OPERATOR, 0.3 * weight).reflectivity.any(axis=0).all()


def test_choose_wavelet(tmp_path):
    np.save(tmp_path / "wavelet.npy", WAVELET)
    section = section_of(0.0)[0]
    for choice in (str(tmp_path / "wavelet.npy"), "25"):
        np.testing.assert_allclose(choose_wavelet(choice, section, 0.004), WAVELET)
    assert len(choose_wavelet(None, section, None, 20)) == 21
    with pytest.raises(ValueError, match="needs the sample interval"):
        choose_wavelet("25", section, None)
    np.save(tmp_path / "section.npy", section)
    with pytest.raises(ValueError, match="expected a wavelet"):
        choose_wavelet(str(tmp_path / "section.npy"), section, None)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: deconvolve(s[:20], OPERATOR, 0.1), "more than the trace with 20"),
        (lambda s: deconvolve(s * np.nan, OPERATOR, 0.1), "not finite"),
        (lambda s: deconvolve(s[:, 0], OPERATOR, 0.1), r"\(time, traces\)"),
        (lambda s: estimate_wavelet(s, 24), "must be odd"),
        (lambda s: estimate_wavelet(s, 201), "at most the trace's 200"),
        (lambda s: estimate_wavelet(0 * s), "every sample"),
        (lambda s: estimate_noise(s[:, :2]), "three neighboring traces"),
        (lambda s: discrepancy_weight(OPERATOR, s.T, 1e3), "below the data's own level"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(section_of(0.1)[0])
