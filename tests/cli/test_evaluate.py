"""``keras-seismic evaluate``: scores of a trained model on a file."""

import csv
import json

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.evaluation import DISTURBANCES
from tests.command import keras_seismic
from tests.small_models import small_inversion


def files(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_velocity_models_are_simulated_and_inverted(tmp_path, capsys):
    model = small_inversion().model
    model.save(tmp_path / "model.keras")
    velocity = ks.simulation.sample_velocity("curvefault_a", 1, shape=(80, 150))[0]
    velocity[:3] = 1030.0  # below what the network can say
    np.save(tmp_path / "velocity.npy", velocity)
    arguments = ["evaluate", tmp_path / "model.keras", tmp_path / "velocity.npy", "--out"]
    keras_seismic(*arguments, tmp_path / "run")
    expected = ks.evaluation.evaluate_on_windows(model, velocity[None], progress=False).metrics
    assert expected["windows"] == 2
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics == pytest.approx(expected, rel=1e-4)
    assert files(tmp_path / "run") == {
        "config.json", "metrics.json", "report.html",
        "figures/cases.png", "figures/errors.png", "figures/velocity.png",
    }  # fmt: skip
    assert "velocity_mae_m_s" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="not empty"):
        keras_seismic(*arguments, tmp_path / "run")
    keras_seismic(*arguments, tmp_path / "denser", "--stride", "40")
    assert json.loads((tmp_path / "denser" / "metrics.json").read_text())["windows"] > 2


def test_pairs_are_scored_and_disturbed(tmp_path, small_data, capsys, monkeypatch):
    few = {name: d._replace(levels=d.levels[:1]) for name, d in DISTURBANCES.items()}
    monkeypatch.setattr("keras_seismic.evaluation.robustness.DISTURBANCES", few)
    pairs = ks.datasets.open_pairs(small_data)
    keras.utils.set_random_seed(0)
    model = ks.models.with_physical_units(
        ks.models.InversionNet(pairs.gather_shape, filters=1),
        pairs.input_normalization,
        ks.layers.VelocityScaling(1500, 4500),
        pairs.acquisition,
    )
    model.save(tmp_path / "model.keras")
    run = tmp_path / "run"
    keras_seismic(
        *("evaluate", tmp_path / "model.keras", small_data, "--robustness"),
        *("--held-out", "1", "--out", run),
    )
    learning, held_out = pairs.held_out(seed=0)
    expected = ks.evaluation.score_pairs(model, pairs, held_out[:1], learning).metrics
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics == pytest.approx(expected, rel=1e-4)
    with (run / "robustness.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["kind"] for row in rows} == set(DISTURBANCES)
    mae = metrics["velocity_mae_m_s"]
    assert float(rows[0]["velocity_mae_m_s"]) == pytest.approx(mae, rel=1e-4)
    assert json.loads((run / "robustness.json").read_text())["left_out"] == {}
    page = (run / "report.html").read_text()
    assert "<td>missing traces</td>" in page
    assert "| white noise (dB) |" in capsys.readouterr().out
    config = json.loads((run / "config.json").read_text())
    assert config["resources"]["peak_memory_mb"] > 100
    assert config["started"] <= config["finished"]


def test_sections_are_buried_in_noise_and_denoised(tmp_path):
    model = ks.models.with_physical_units(
        ks.models.ConvDenoiser(2, 1), ks.layers.SectionNormalization()
    )
    model.save(tmp_path / "model.keras")
    section = ks.simulation.sample_sections(1, 3)[0]
    np.save(tmp_path / "cube.npy", np.stack([np.zeros_like(section), section], axis=2))
    keras_seismic(
        *("evaluate", tmp_path / "model.keras", tmp_path / "cube.npy", "--line", "1"),
        *("--out", tmp_path / "run", "--noise", "hum=-6", "--noise", "missing=0.1"),
        *("--dt", "0.004", "--seed", "3"),
    )
    result = ks.evaluation.denoising_experiment(
        model, section, 0.0, 3, [("hum", -6), ("missing", 0.1)], 0.004
    )
    expected = ks.evaluation.score_denoising(*result)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics == pytest.approx(expected, abs=1e-3)
    assert (tmp_path / "run" / "figures" / "cube.png").is_file()
    config = tmp_path / "run" / "config.json"
    keras_seismic("evaluate", "--config", config, "--out", tmp_path / "again")
    assert json.loads((tmp_path / "again" / "metrics.json").read_text()) == metrics


def test_bad_input_is_refused_with_nothing_written(tmp_path):
    denoiser = ks.models.with_physical_units(
        ks.models.ConvDenoiser(2, 1), ks.layers.SectionNormalization()
    )
    (tmp_path / "models").mkdir()
    denoiser.save(tmp_path / "models" / "model.keras")
    with pytest.raises(SystemExit, match="--robustness is for inversion networks"):
        keras_seismic(
            *("evaluate", tmp_path / "models" / "model.keras", "x.npy", "--robustness"),
            *("--out", tmp_path / "run"),
        )
    with pytest.raises(SystemExit, match=r"^error: .*absent\.keras: no such model file"):
        keras_seismic("evaluate", tmp_path / "absent.keras", "x.npy", "--out", tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
