"""``keras-seismic evaluate``: scores of a trained model on a file."""

import json

import numpy as np
import pytest

import keras_seismic as ks
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
    assert files(tmp_path / "run") == {"config.json", "metrics.json", "figures/velocity.png"}
    assert "velocity_mae_m_s" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="not empty"):
        keras_seismic(*arguments, tmp_path / "run")
    keras_seismic(*arguments, tmp_path / "denser", "--stride", "40")
    assert json.loads((tmp_path / "denser" / "metrics.json").read_text())["windows"] > 2


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
    with pytest.raises(SystemExit, match=r"^error: .*absent\.keras: no such model file"):
        keras_seismic("evaluate", tmp_path / "absent.keras", "x.npy", "--out", tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
