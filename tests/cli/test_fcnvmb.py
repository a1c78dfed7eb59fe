"""train.fcnvmb as a user runs it, on little data."""

import json

import numpy as np
import pytest

import keras_seismic as ks
import train.fcnvmb


def files(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


def test_fcnvmb_studies_low_frequencies(tmp_path, cache):
    metrics = train.fcnvmb.main(
        ["--smoke", "--low-cut", "8", "--out", str(tmp_path / "run"), "--cache-dir", cache]
    )
    one = {"config.json", "history.csv", "best.keras", "model.keras", "figures/loss.png"}
    assert files(tmp_path / "run") == {
        *one, *(f"low_cut_8_hz/{name}" for name in one), "metrics.json", "figures/velocity.png",
        "figures/gathers.png", "figures/low_cut_velocity.png", "figures/low_cut_scores.png",
    }  # fmt: skip
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == metrics
    scores = {"velocity_mae_m_s", "velocity_rmse_m_s", "velocity_ssim", "velocity_snr_db"}
    assert set(metrics) == {
        *scores, *(f"low_cut_8_hz_{name}" for name in scores), "baseline_mae_m_s"
    }  # fmt: skip
    # The saved models take raw gathers, and one of them filters: of 2 Hz it keeps nothing.
    plain, filtering = (
        ks.inference.load_model(tmp_path / "run" / name)
        for name in ("model.keras", "low_cut_8_hz/model.keras")
    )
    t = np.arange(200) * 0.001
    slow = np.broadcast_to(np.sin(4 * np.pi * t)[None, :, None, None], (1, 200, 40, 2))
    for model, kept in ((plain, 1.0), (filtering, 0.3)):
        assert model.input_shape == (None, 200, 40, 2)
        assert model.output_shape == (None, 40, 40, 1)
        x = slow
        for step in model.input_normalization.steps[:-1]:
            x = step(x)
        assert np.abs(x).max() == pytest.approx(kept, abs=0.3)
    first = next(iter(filtering.input_normalization.steps))
    assert (first.frequency, first.dt) == (8, 0.001)


def test_fcnvmb_learns_from_mat_files(tmp_path):
    reason = "needs scipy: pip install 'keras_seismic[mat]'"
    savemat = pytest.importorskip("scipy.io", reason=reason).savemat
    random = np.random.default_rng(0)
    velocity = np.sort(random.uniform(2000, 4500, (12, 40, 40)), axis=1)
    (tmp_path / "data").mkdir()
    for i, model in enumerate(velocity, start=1):
        recorded = random.standard_normal((200, 40, 2))
        savemat(tmp_path / "data" / f"georec{i}.mat", {"Rec": recorded})
        savemat(tmp_path / "data" / f"vmodel{i}.mat", {"vmodel": model})
    run = tmp_path / "run"
    shared = ["--smoke", "--out", str(run), "--data", str(tmp_path / "data")]
    metrics = train.fcnvmb.main(shared)
    assert {"metrics.json", "model.keras", "figures/gathers.png"} < files(run)
    config = json.loads((run / "config.json").read_text())
    assert (config["acquisition"], config["arguments"]["samples"]) == (None, 10)
    # One of twelve is held out, ten of the others are learned from.
    order = np.random.default_rng(0).permutation(12)
    baseline = np.abs(velocity[order[0]] - velocity[order[1:11]].mean(axis=0)).mean()
    assert metrics["baseline_mae_m_s"] == pytest.approx(baseline, rel=1e-5)
    model = ks.inference.load_model(run / "model.keras")
    assert (model.input_shape, model.output_shape) == ((None, 40, 40, 2), (None, 40, 40, 1))
    # What does not fit the files, or their thinned samples, is refused; what was learned stays.
    for options, message in (
        (["--shots", "3"], r"georec1\.mat: .* = \(40, 40, 3\)"),
        (["--shape", "40", "41"], r"vmodel1\.mat: .* = \(40, 41\)"),
        (["--low-cut", "150"], "between 0 and 100 Hz"),
    ):
        with pytest.raises(ValueError, match=message):
            train.fcnvmb.main([*shared, *options, "--overwrite"])
    assert json.loads((run / "metrics.json").read_text()) == metrics


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--low-cut", "5", "--low-cut", "-2"], r"positive Hz and different, received \[5.0, -2"),
        (["--low-cut", "0.01"], "less than a tenth of a period"),
        (["--low-cut", "600"], "between 0 and 500 Hz"),
        (["--keep-every", "20"], r"velocity_shape must be at most \(63, 79\)"),
        (["--family", "flatland"], "flatland"),
    ],
)
def test_fcnvmb_refuses_what_does_not_fit_with_nothing_written(tmp_path, options, message):
    arguments = ["--out", str(tmp_path / "run"), "--cache-dir", str(tmp_path / "cache")]
    with pytest.raises(ValueError, match=message):
        train.fcnvmb.main([*arguments, *options])
    assert list(tmp_path.iterdir()) == []
