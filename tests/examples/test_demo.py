"""The demo runs every stage, on little data."""

import json

from examples import demo
from tests.cli.hints import commands_in, parse


def test_the_demo_runs_every_stage(tmp_path, capsys):
    out = tmp_path / "demo"
    metrics = demo.main(
        out, samples=5, held_out=2, epochs=1, patches=80, cache_dir=tmp_path / "cache"
    )
    assert json.loads((out / "metrics.json").read_text()) == metrics
    assert {"velocity_mae_m_s", "baseline_mae_m_s", "velocity_rmse_m_s", "velocity_ssim",
            "denoiser_snr_in_db", "denoiser_snr_out_db", "saved_model_max_difference_m_s",
            "onnx_max_difference_m_s", "prediction_std_m_s", "seconds"} < set(metrics)  # fmt: skip
    # What ONNX Runtime is scored on is what the training was.
    assert abs(metrics["onnx_velocity_mae_m_s"] - metrics["velocity_mae_m_s"]) < 0.1
    for name in (
        "model.keras", "saved_model/1/saved_model.pb", "model.onnx", "figures/families.png",
        "figures/velocity.png", "denoiser/model.keras",
    ):  # fmt: skip
        assert (out / name).is_file(), name
    closing = capsys.readouterr().out.split("Go on with")[-1]
    commands = commands_in(closing)
    assert [parse(command)[0] for command in commands] == [
        "train", "evaluate", "predict", "serve", "train"
    ]  # fmt: skip
