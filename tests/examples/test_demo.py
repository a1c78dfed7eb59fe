"""The demo runs every stage, on little data."""

import json

import numpy as np
import pytest

from examples import demo
from tests.cli.hints import commands_in, parse


@pytest.fixture
def untraced_training(monkeypatch):
    """Exports are traced; a step or two of training take longer to trace than to run."""
    import tensorflow as tf

    def trained(*arguments):
        tf.config.run_functions_eagerly(True)
        model = traced(*arguments)
        tf.config.run_functions_eagerly(False)
        return model

    traced = demo.trained
    monkeypatch.setattr(demo, "trained", trained)


@pytest.mark.usefixtures("untraced_training")
def test_the_demo_runs_every_stage(tmp_path, capsys):
    out = tmp_path / "demo"
    metrics = demo.main(out, samples=5, held_out=2, minutes=0.001, cache_dir=tmp_path / "cache")
    assert json.loads((out / "metrics.json").read_text()) == metrics
    assert {"velocity_mae_m_s", "baseline_mae_m_s", "velocity_rmse_m_s", "velocity_ssim",
            "denoiser_snr_in_db", "denoiser_snr_out_db", "saved_model_max_difference_m_s",
            "onnx_max_difference_m_s", "prediction_std_m_s", "seconds"} < set(metrics)  # fmt: skip
    assert {"TimeDepthUNet", "InversionNet"} <= set(metrics["networks"])
    assert metrics["networks"]["TimeDepthUNet"]["velocity_mae_m_s"] == metrics["velocity_mae_m_s"]
    # What ONNX Runtime is scored on is what the training was.
    assert abs(metrics["onnx_velocity_mae_m_s"] - metrics["velocity_mae_m_s"]) < 0.1
    for name in (
        "model.keras", "saved_model/1/saved_model.pb", "model.onnx", "report.html",
        "figures/comparison.png", "figures/denoising.png",
    ):  # fmt: skip
        assert (out / name).is_file(), name
    closing = capsys.readouterr().out.split("Go on with")[-1]
    commands = commands_in(closing)
    assert [parse(command)[0] for command in commands] == [
        "predict", "evaluate", "predict", "serve", "train"
    ]  # fmt: skip


def test_a_stray_cell_is_no_interface():
    """Steps, their corners and single rows are geology; single cells are not."""
    velocity = np.full((12, 12), 2000.0)
    velocity[6:] = 3000.0
    velocity[8:, 5:] = 4000.0
    velocity[3] = 2500.0
    assert demo.stray_cells(velocity[None]) == 0
    strange = velocity.copy()
    strange[1, 1], strange[10, 2], strange[0, 11] = 2200.0, 2700.0, 2149.0
    assert demo.stray_cells(np.stack([velocity, strange])[..., None]) == 1
