"""Scores of sections without a known truth."""

import numpy as np
import pytest

import keras_seismic as ks


def test_scores_without_truth_tell_noise_from_signal(rng):
    signal = np.sin(np.arange(3000) / 7).reshape(60, 50).astype("float32")
    noise = 0.5 * rng.standard_normal((60, 50)).astype("float32")
    noisy = signal + noise
    removed_noise = ks.evaluation.score_without_truth(noisy, signal)
    removed_signal = ks.evaluation.score_without_truth(noisy, 0.2 * signal + noise)
    expected = np.sum(noise**2) / np.sum(noisy**2)
    assert removed_noise["removed_fraction"] == pytest.approx(expected, rel=1e-5)
    correlation = np.sum(noise * signal) / np.sqrt(np.sum(noise**2) * np.sum(signal**2))
    assert removed_noise["removed_similarity"] == pytest.approx(abs(correlation), rel=1e-3)
    assert removed_noise["removed_similarity"] < 0.05
    assert removed_signal["removed_similarity"] > 0.2


@pytest.mark.parametrize(("denoised", "fraction"), [(0.0, 1.0), (1.0, 0.0)])
def test_everything_or_nothing_removed(denoised, fraction):
    noisy = np.ones((4, 5), "float32")
    scores = ks.evaluation.score_without_truth(noisy, denoised * noisy)
    assert scores == {"removed_fraction": fraction, "removed_similarity": 0.0}


def test_denoising_experiment_with_any_noise(rng):
    section = rng.standard_normal((80, 60)).astype("float32")
    result = ks.evaluation.denoising_experiment(
        lambda x: x, section, 6.0, seed=(1, 2), noise="hum", dt=0.002
    )
    clean = ks.datasets.normalize_section(section)
    np.testing.assert_array_equal(result.clean, clean)
    np.testing.assert_array_equal(
        result.denoised, ks.noise.add_noise(clean, "hum", 6.0, 0.002, (1, 2))
    )


def test_scores_of_a_spread_by_hand():
    true = np.zeros((1, 2, 5, 1))
    predicted = np.array([0, 1, -2, 3, 4, 5, -6, 7, 8, 9.0]).reshape(true.shape)
    scores = ks.evaluation.score_spread(true, predicted, np.full(true.shape, 7.5))
    assert scores["spread_coverage"] == 0.8
    assert scores["spread_mean_m_s"] == 7.5
    assert scores["spread_error_correlation"] == 0.0  # of a constant
    falling = ks.evaluation.score_spread(true, predicted, 100 - np.abs(predicted) ** 3)
    assert falling["spread_error_correlation"] == pytest.approx(-1)


def test_masks_by_hand():
    """Of three cells and three said to be, two agree; of seven others, six do."""
    true = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    said = np.array([0.9, 0.5, 0.4, 0.8, 0.1, 0, 0, 0, 0.49, 0])
    scores = ks.evaluation.score_masks(true, said)
    assert scores["dice"] == pytest.approx(2 * 2 / 6)
    assert scores["mean_iou"] == pytest.approx((2 / 4 + 6 / 8) / 2)
    nothing = ks.evaluation.score_masks(np.zeros(4), np.zeros(4))
    assert nothing == {"mean_iou": 1.0, "dice": 1.0}
    with pytest.raises(ValueError, match="one shape"):
        ks.evaluation.score_masks(true, said[None])
