"""The low-frequency study, on models whose errors are known."""

import numpy as np
import pytest

import keras_seismic as ks


@pytest.fixture
def velocity():
    return ks.simulation.sample_velocity("curvevel_a", 4)[..., None]


@pytest.fixture
def study(velocity):
    """Models that are wrong by 20 m/s for every Hz that was removed."""
    trained = []

    def train(low_cut):
        trained.append(low_cut)
        return lambda gathers: velocity[gathers] + 10 + 20 * low_cut

    result = ks.evaluation.low_cut_study(train, [7.5, 5], np.arange(4), velocity)
    assert trained == [0, 5, 7.5]
    return result


def test_scores_by_cut_off(study, velocity):
    errors = {f: scores["velocity_mae_m_s"] for f, scores in study.metrics.items()}
    assert errors == pytest.approx({0: 10, 5: 110, 7.5: 160}, rel=1e-4)
    flat = study.flat_metrics
    assert flat["velocity_mae_m_s"] == pytest.approx(10, rel=1e-4)
    assert flat["low_cut_7.5_hz_velocity_rmse_m_s"] == pytest.approx(160, rel=1e-4)
    expected = 10 * np.log10(np.mean(velocity.astype(float) ** 2, axis=(1, 2, 3)) / 110**2).mean()
    assert flat["low_cut_5_hz_velocity_snr_db"] == pytest.approx(expected, rel=1e-4)
    assert len(flat) == 12
    np.testing.assert_array_equal(study.true, velocity)
    assert list(study.predicted) == [0, 5, 7.5]


def test_the_table_has_a_line_for_each(study):
    heading, *lines = study.table().splitlines()
    assert " ".join(heading.split()) == "low cut (Hz) MAE (m/s) RMSE (m/s) SSIM SNR (dB)"
    assert [line.split()[:3] for line in lines] == [
        ["none", "10", "10"], ["5", "110", "110"], ["7.5", "160", "160"]
    ]  # fmt: skip


def test_figures_show_every_cut_off(study):
    figure = ks.evaluation.plot_low_cut_velocity(study, count=2)
    titles = [axis.get_title() for axis in figure.axes if axis.get_title()]
    assert titles == ["true", "predicted", "below 5 Hz removed", "below 7.5 Hz removed"]
    error, _ = ks.evaluation.plot_low_cut_scores(study).axes
    x, y = error.lines[0].get_data()
    np.testing.assert_allclose(x, [0, 5, 7.5])
    np.testing.assert_allclose(y, [10, 110, 160], rtol=1e-4)


@pytest.mark.parametrize("low_cuts", [[0], [-1], [float("nan")], [float("inf")], [5, 5.0]])
def test_bad_cut_offs_are_refused_before_training(low_cuts, velocity):
    with pytest.raises(ValueError, match="positive Hz and different, received"):
        ks.evaluation.low_cut_study(pytest.fail, low_cuts, np.arange(4), velocity)
