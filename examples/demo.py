"""The main job from end to end, on simulated data: run by ``make demo``.

Simulates FlatVel-A pairs, trains a quarter-width InversionNet, scores it on pairs it never saw,
exports it as SavedModel and ONNX, checks both, predicts through ONNX Runtime, trains the denoiser
on simulated sections, and prints what came out and how to go on. About 8 minutes on two cores.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras_seismic as ks
import train.denoiser
import train.inversionnet
from keras_seismic.cli import command_line
from keras_seismic.cli.export.onnx import onnx
from keras_seismic.cli.export.saved_model import saved_model


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the demo; returns what metrics.json holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/demo"))
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier demo")
    parser.add_argument("--cache-dir", type=Path, default=Path("cache"), help="simulated pairs")
    parser.add_argument("--samples", type=command_line.positive, default=900)
    parser.add_argument("--held-out", type=command_line.positive, default=100)
    parser.add_argument("--epochs", type=command_line.positive, default=20)
    parser.add_argument("--patches", type=command_line.positive, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    run = command_line.open_run(arguments)
    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    def stage(name: str) -> None:
        nonlocal clock
        seconds[name] = round(time.perf_counter() - clock, 1)
        clock = time.perf_counter()
        print(f"-- {name}: {seconds[name]} s\n", flush=True)

    acquisition = ks.simulation.Acquisition.openfwi(boundary="cpml")
    print("1. Simulate shot gathers over layered velocity models", flush=True)
    for count, seed in (
        (arguments.samples, arguments.seed),
        (arguments.held_out, (arguments.seed, 1)),
    ):
        ks.datasets.SimulatedPairs(
            "flatvel_a", count, acquisition, seed, arguments.cache_dir
        ).prepare()
    stage("simulate")

    print("2. Train InversionNet (quarter width) and score it on held-out models", flush=True)
    metrics: dict[str, Any] = train.inversionnet.main([
        "--out", str(run.path), *(["--overwrite"] if arguments.overwrite else []),
        "--family", "flatvel_a", "--boundary", "cpml", "--filters", "8",
        "--samples", str(arguments.samples), "--held-out", str(arguments.held_out),
        "--epochs", str(arguments.epochs), "--seed", str(arguments.seed),
        "--cache-dir", str(arguments.cache_dir),
    ])  # fmt: skip
    stage("train and score")

    print("3. Export as SavedModel and ONNX, each checked on simulated gathers", flush=True)
    model_path, onnx_path = run.path / "model.keras", run.path / "model.onnx"
    metrics["saved_model_max_difference_m_s"] = saved_model(model_path, run.path / "saved_model")
    metrics["onnx_max_difference_m_s"] = onnx(model_path, onnx_path)
    gathers, velocity = ks.datasets.SimulatedPairs(
        "flatvel_a", arguments.held_out, acquisition, (arguments.seed, 1), arguments.cache_dir
    )[:]
    predicted = ks.inference.predict(ks.inference.load_predictor(onnx_path), gathers)
    onnx_score = ks.evaluation.score_velocity(velocity, predicted)
    metrics["onnx_velocity_mae_m_s"] = onnx_score["velocity_mae_m_s"]
    stage("export and check")

    print("4. Train the denoiser on simulated sections", flush=True)
    metrics |= train.denoiser.main([
        "--out", str(run.path / "denoiser"), "--patches", str(arguments.patches),
        "--seed", str(arguments.seed),
    ])  # fmt: skip
    stage("denoiser")

    run.save_figure(ks.visualization.plot_families(), "families")
    metrics["seconds"] = seconds | {"total": round(sum(seconds.values()), 1)}
    run.write("metrics.json", metrics)
    print(closing_table(metrics, run.path))
    return metrics


def closing_table(metrics: dict[str, Any], out: Path) -> str:
    """What came out, and the commands to go on with."""
    m = metrics
    return f"""
InversionNet in {out}, on held-out FlatVel-A models that it never saw
  mean absolute error      {m["velocity_mae_m_s"]:8.1f} m/s
  ... of the training mean {m["baseline_mae_m_s"]:8.1f} m/s
  root mean squared error  {m["velocity_rmse_m_s"]:8.1f} m/s
  structural similarity    {m["velocity_ssim"]:8.3f}
  through ONNX Runtime     {m["onnx_velocity_mae_m_s"]:8.1f} m/s mean absolute error
  largest difference       {m["saved_model_max_difference_m_s"]:8.1g} m/s as SavedModel
                           {m["onnx_max_difference_m_s"]:8.1g} m/s as ONNX
Denoiser                   {m["denoiser_snr_in_db"]:8.1f} dB in
                           {m["denoiser_snr_out_db"]:8.1f} dB out
Seconds: {", ".join(f"{name} {value:.0f}" for name, value in m["seconds"].items())}

Look at
  {out}/figures/velocity.png
  {out}/denoiser/figures/denoising.png
Go on with
  keras-seismic train denoiser --section YOUR_LINE.segy --test ANOTHER.segy --out runs/denoiser
  keras-seismic evaluate {out}/model.keras YOUR_VELOCITY.npy --out runs/velocity
  keras-seismic predict YOUR_GATHERS.npy velocity.npy --model {out}/model.onnx
  keras-seismic serve inversion={out}/saved_model --out serving
  keras-seismic train inversionnet --family curvefault_a --samples 5000 --epochs 40 --out runs/faults
"""


if __name__ == "__main__":
    command_line.run_program(main)
