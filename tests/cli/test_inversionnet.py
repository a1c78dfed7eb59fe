"""``keras-seismic train inversionnet`` as a user runs it, on little data."""

import json

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

import keras_seismic as ks
from keras_seismic.cli.app import app
from keras_seismic.cli.main import main
from keras_seismic.cli.train import inversionnet


@pytest.fixture(scope="module")
def trained(tmp_path_factory, small_data, eagerly):
    """A short training, with windows of a velocity model of the user's."""
    folder = tmp_path_factory.mktemp("runs")
    velocity = ks.simulation.sample_velocity("curvefault_a", 1, shape=(80, 150))[0]
    velocity[:3] = 1030.0  # water-bottom mud, below the range of the network
    np.save(folder / "velocity.npy", velocity)
    metrics = inversionnet(
        folder / "run",
        small_data,
        samples=5,
        epochs=2,
        batch_size=4,
        filters=1,
        schedule="constant",
        average=0.5,
        clip_norm=1.0,
        accumulate=2,
        patience=3,
        test_velocity=folder / "velocity.npy",
    )
    return folder / "run", metrics


def test_it_leaves_a_whole_run_folder(trained, files):
    run, metrics = trained
    assert files(run) == {
        "config.json", "history.csv", "metrics.json", "best.keras", "model.keras",
        "figures/loss.png", "figures/velocity.png", "figures/gathers.png",
        "figures/cases.png", "figures/errors.png", "report.html",
        "figures/test_velocity.png",
    }  # fmt: skip
    assert json.loads((run / "metrics.json").read_text()) == metrics
    assert {"velocity_mae_m_s", "velocity_rmse_m_s", "velocity_ssim", "baseline_mae_m_s",
            "prediction_std_m_s"} < set(metrics)  # fmt: skip
    assert metrics["test_windows"] == 2
    assert metrics["test_clipped_fraction"] == pytest.approx(3 / 70)
    config = json.loads((run / "config.json").read_text())
    assert config["command"] == "train inversionnet"
    assert (config["arguments"]["samples"], config["arguments"]["family"]) == (5, "flatvel_a")
    assert config["acquisition"]["nt"] == 128
    assert config["versions"]["keras"] == keras.__version__
    assert len((run / "history.csv").read_text().splitlines()) == 3
    card = ks.inference.ModelCard.read(run / "model.keras")
    assert card.training_data["data"] == "FlatVel_A"
    assert card.metrics["velocity_mae_m_s"] == metrics["velocity_mae_m_s"]


def test_its_weights_are_the_averages(trained):
    """Not those of best.keras, whose optimizer has them."""
    best = keras.models.load_model(trained[0] / "best.keras")
    optimizer = best.optimizer
    assert (optimizer.use_ema, optimizer.gradient_accumulation_steps) == (True, 2)
    assert float(optimizer.learning_rate) == pytest.approx(1e-3)
    kept = ks.inference.load_model(trained[0] / "model.keras").network.trainable_variables
    averages = optimizer._model_variables_moving_average
    for weight, average in zip(kept, averages, strict=True):
        np.testing.assert_array_equal(weight, average)
    pairs = zip(kept, best.trainable_variables, strict=True)
    assert any(not np.array_equal(a, b) for a, b in pairs)


def test_the_baseline_is_the_mean_of_what_was_learned_from(trained, small_data):
    pairs = ks.datasets.open_pairs(small_data)
    learning, held_out = pairs.held_out(seed=0)
    assert not set(learning) & set(held_out)
    expected = np.abs(pairs[held_out][1] - pairs[learning[:5]][1].mean(axis=0)).mean()
    assert trained[1]["baseline_mae_m_s"] == pytest.approx(expected, rel=1e-5)


def test_the_saved_model_takes_raw_gathers_and_knows_their_acquisition(trained, small_data):
    model = ks.inference.load_model(trained[0] / "model.keras")
    pairs = ks.datasets.open_pairs(small_data)
    assert model.acquisition == pairs.acquisition
    velocity = model(pairs[:2][0]).numpy()
    assert velocity.shape == (2, 70, 70, 1)
    assert velocity.min() >= 1500
    assert velocity.max() <= 4500


def test_repeated_from_its_config_it_gives_the_same_scores(trained, tmp_path):
    run, metrics = trained
    out = tmp_path / "again"
    result = CliRunner().invoke(
        app, ["train", "inversionnet", "--config", str(run / "config.json"), "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    again = json.loads((out / "metrics.json").read_text())
    assert again == pytest.approx(metrics, rel=1e-3)


def test_an_occupied_folder_is_refused_before_any_work(trained, small_data):
    run, _ = trained
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    with pytest.raises(FileExistsError, match="not empty"):
        inversionnet(run, small_data)
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == before


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--family", "flatland", "flatland"),
        ("--test-velocity", "absent.npy", "no such file"),
        ("--data", "absent", "absent"),
    ],
)
def test_bad_input_is_refused_with_nothing_written(tmp_path, option, value, message):
    words = ["--out", str(tmp_path / "run"), "--cache-dir", str(tmp_path / "cache")]
    with pytest.raises(SystemExit, match=rf"error: .*{message}"):
        main(["train", "inversionnet", *words, option, value])
    assert list(tmp_path.iterdir()) == []
