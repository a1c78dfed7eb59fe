"""``keras-seismic train unsupervised`` as a user runs it, on little data."""

import json

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.cli.main import main
from keras_seismic.cli.train import unsupervised

RECIPE = {"samples": 4, "epochs": 2, "batch_size": 2, "filters": 1}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, small_data, eagerly):
    out = tmp_path_factory.mktemp("runs") / "run"
    return out, unsupervised(out, small_data, **RECIPE)


def test_it_leaves_a_whole_run_folder(trained, files):
    run, metrics = trained
    assert files(run) == {
        "config.json", "history.csv", "metrics.json", "best.keras", "model.keras",
        "figures/loss.png", "figures/velocity.png", "figures/gathers.png",
        "figures/cases.png", "figures/errors.png", "report.html",
    }  # fmt: skip
    assert json.loads((run / "metrics.json").read_text()) == metrics
    assert json.loads((run / "config.json").read_text())["command"] == "train unsupervised"
    assert {"velocity_mae_m_s", "start_mae_m_s", "baseline_mae_m_s", "data_misfit",
            "start_data_misfit", "baseline_data_misfit"} < set(metrics)  # fmt: skip
    assert all(np.isfinite(value) for value in metrics.values())


def test_interrupted_and_resumed_it_leaves_the_same_run(trained, small_data, tmp_path, files):
    run, metrics = trained
    with pytest.MonkeyPatch.context() as patch:
        # Removing the last state but one is the end of an epoch.
        patch.setattr(ks.training.RunFolder, "_forget_progress", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            unsupervised(tmp_path / "run", small_data, **RECIPE)
    again = unsupervised(tmp_path / "run", small_data, **RECIPE, resume=True)
    assert again == pytest.approx(metrics, rel=1e-4)
    assert files(tmp_path / "run") == files(run)


def _interrupted(*_, **__):
    raise KeyboardInterrupt


def test_the_misfit_is_that_of_the_saved_model(trained, small_data):
    run, metrics = trained
    model = ks.inference.load_model(run / "model.keras")
    pairs = ks.datasets.open_pairs(small_data)
    assert model.acquisition == pairs.acquisition
    gathers, _ = pairs[pairs.held_out(seed=0)[1]]
    misfit = ks.evaluation.data_misfit(
        ks.inference.predict(model, gathers), gathers, pairs.acquisition, model.input_normalization
    )
    assert misfit == pytest.approx(metrics["data_misfit"], rel=1e-3)


def test_it_continues_with_a_trained_network_on_gathers_alone(trained, small_data, tmp_path, files):
    listed = tmp_path / "gathers.txt"
    listed.write_text("".join(f"{path}\n" for path in sorted(small_data.rglob("data*.npy"))))
    assert ks.datasets.open_pairs(listed, "flatvel_a").velocity_shape is None
    metrics = unsupervised(
        tmp_path / "run", listed, "flatvel_a", samples=4, pretrained=trained[0] / "model.keras",
        epochs=1, batch_size=2,
    )  # fmt: skip
    assert set(metrics) == {"start_data_misfit", "data_misfit"}
    assert {"model.keras", "figures/velocity.png"} < files(tmp_path / "run")


def test_bad_input_is_refused_with_nothing_written(tmp_path):
    words = ["--out", str(tmp_path / "run"), "--cache-dir", str(tmp_path / "cache")]
    for option, value, message in (
        ("--family", "flatland", "flatland"),
        ("--pretrained", "absent.keras", "absent.keras"),
    ):
        with pytest.raises(SystemExit, match=rf"error: .*{message}"):
            main(["train", "unsupervised", *words, option, value])
    assert list(tmp_path.iterdir()) == []
