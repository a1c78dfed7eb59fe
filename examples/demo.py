"""The main workflow from end to end, on simulated data: run by ``make demo``.

Simulates FlatVel-A pairs, trains a quarter-width InversionNet, scores it on pairs it never saw,
exports it as SavedModel and ONNX, checks both, predicts through ONNX Runtime, trains the denoiser
on simulated sections, and prints what came out and how to go on. About 8 minutes on two cores.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

import keras_seismic as ks
from keras_seismic.backend import find_devices
from keras_seismic.cli import options
from keras_seismic.cli.export.onnx import onnx
from keras_seismic.cli.export.saved_model import saved_model
from keras_seismic.cli.train import denoiser, inversionnet


def main(
    out: Annotated[Path, typer.Option(help="Run folder to write.")] = Path("runs/demo"),
    samples: Annotated[int, typer.Option(min=1, help="Pairs to learn from.")] = 900,
    held_out: Annotated[int, typer.Option(min=1, help="Pairs to score on.")] = 100,
    epochs: Annotated[int, typer.Option(min=1, help="Of InversionNet.")] = 24,
    patches: Annotated[int, typer.Option(min=1, help="Of the denoiser.")] = 10_000,
    cache_dir: options.CacheDir = Path("cache"),
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
) -> dict[str, Any]:
    """Run the demo; returns what metrics.json holds."""
    run = ks.training.RunFolder(out, overwrite)
    seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(name: str, title: str) -> Iterator[None]:
        print(f"{len(seconds) + 1}. {title}", flush=True)
        start = time.perf_counter()
        yield
        seconds[name] = round(time.perf_counter() - start, 1)
        print(f"-- {name}: {seconds[name]} s\n", flush=True)

    with stage("simulate", "Simulate shot gathers over layered velocity models"):
        acquisition = ks.simulation.Acquisition.openfwi(boundary="cpml")
        pairs = ks.datasets.SimulatedPairs(
            "flatvel_a", samples + held_out, acquisition, seed, cache_dir
        ).prepare()

    with stage("train and score", "Train InversionNet (quarter width) and score it"):
        metrics: dict[str, Any] = inversionnet(
            out,
            family="flatvel_a",
            samples=samples,
            held_out=held_out,
            epochs=epochs,
            filters=8,
            boundary="cpml",
            cache_dir=cache_dir,
            seed=seed,
            overwrite=overwrite,
        )

    with stage("export and check", "Export as SavedModel and ONNX, and predict by ONNX Runtime"):
        model_path, onnx_path = run.path / "model.keras", run.path / "model.onnx"
        metrics["saved_model_max_difference_m_s"] = saved_model(
            model_path, run.path / "saved_model"
        )
        metrics["onnx_max_difference_m_s"] = onnx(model_path, onnx_path)
        learning, scoring = pairs.held_out(held_out / len(pairs), seed)
        scores = ks.evaluation.score_pairs(
            ks.inference.load_predictor(onnx_path), pairs, scoring, learning
        )
        metrics["onnx_velocity_mae_m_s"] = scores.metrics["velocity_mae_m_s"]

    with stage("denoiser", "Train the denoiser on simulated sections"):
        metrics |= denoiser(run.path / "denoiser", patches=patches, seed=seed)

    run.save_figure(ks.visualization.plot_families(), "families")
    metrics["seconds"] = seconds | {"total": round(sum(seconds.values()), 1)}
    run.write("metrics.json", metrics)
    ks.evaluation.write_report(run.path)
    print(closing_table(metrics, run.path))
    return metrics


def closing_table(metrics: dict[str, Any], out: Path) -> str:
    """The results, and the commands to run next."""
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
  {out}/report.html
  {out}/denoiser/figures/denoising.png
Go on with (in a checkout, commands are in .venv/bin)
  keras-seismic train denoiser --section YOUR_LINE.segy --test ANOTHER.segy --out runs/denoiser
  keras-seismic evaluate {out}/model.keras YOUR_VELOCITY.npy --out runs/velocity
  keras-seismic predict YOUR_GATHERS.npy velocity.npy --model {out}/model.onnx
  keras-seismic serve inversion={out}/saved_model --out serving
  keras-seismic train inversionnet --family curvefault_a --samples 5000 --epochs 40 --out runs/x
"""


if __name__ == "__main__":
    find_devices()
    typer.run(main)
