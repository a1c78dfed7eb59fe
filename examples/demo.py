"""The main workflow from end to end, on simulated data: run by ``make demo``.

Simulates gathers over curved layers with faults (CurveFault-A), trains the recommended network and
InversionNet on them, as long each, and scores both on models they never saw, beside the preset that
comes with the package. Exports the network as SavedModel and ONNX, checks both, denoises a section
by the preset for that, and prints what came out and how to go on. About 8 minutes on two cores:
trainings end by the clock, so that a slower machine takes little longer.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import keras
import numpy as np
import typer
from scipy.ndimage import maximum_filter, minimum_filter

import keras_seismic as ks
from keras_seismic.backend import find_devices
from keras_seismic.cli import options
from keras_seismic.cli.export.onnx import onnx
from keras_seismic.cli.export.saved_model import saved_model
from keras_seismic.cli.program import configuration

FAMILY, PRESET = "curvefault_a", "time_depth_unet_openfwi"
#: Beside that of the demo: no preset was trained on what it draws.
SEED = 14
SCALING = ks.layers.VelocityScaling(1500.0, 4500.0)
#: m/s by which a cell that strays stands out from all of its neighbors.
STRAY = 150.0


class Recipe(NamedTuple):
    """How a network of the demo is trained."""

    network: type[keras.Model]
    arguments: dict[str, Any]
    steps: tuple[keras.layers.Layer, ...]
    centered: bool
    batch_size: int
    learning_rate: float
    weight_decay: float
    updates: dict[str, Any]


RECIPES = {
    "TimeDepthUNet": Recipe(
        ks.models.TimeDepthUNet,
        {},
        (ks.layers.TimeDecimation(4),),
        centered=True,
        batch_size=16,
        learning_rate=2e-3,
        weight_decay=1e-3,
        updates=ks.training.update_options(average=0.99, clip_norm=1.0),
    ),
    # A quarter of its width: at full width, the time is over after a few passes.
    "InversionNet": Recipe(ks.models.InversionNet, {"filters": 8}, (), False, 8, 1e-3, 1e-4, {}),
}


def main(
    out: Annotated[Path, typer.Option(help="Run folder to write.")] = Path("runs/demo"),
    samples: Annotated[int, typer.Option(min=2, help="Pairs to learn from.")] = 1900,
    held_out: Annotated[int, typer.Option(min=1, help="Pairs to score on.")] = 100,
    minutes: Annotated[float, typer.Option(help="To train each of the two networks.")] = 3.0,
    cache_dir: options.CacheDir = Path("cache"),
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
) -> dict[str, Any]:
    """Run the demo; returns what metrics.json holds."""
    arguments = dict(locals())
    run = ks.training.RunFolder(out, overwrite)
    seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(name: str, title: str) -> Iterator[None]:
        print(f"{len(seconds) + 1}. {title}", flush=True)
        start = time.perf_counter()
        yield
        seconds[name] = round(time.perf_counter() - start, 1)
        print(f"-- {name}: {seconds[name]} s\n", flush=True)

    with stage("simulate", "Simulate shot gathers over curved layers with faults"):
        pairs = ks.datasets.SimulatedPairs(
            FAMILY,
            samples + held_out,
            ks.simulation.Acquisition.openfwi(),
            (seed, SEED),
            cache_dir,
        ).prepare()
        learning, scoring = pairs.held_out(held_out / len(pairs), seed)
    run.create(configuration("demo", arguments, acquisition=pairs.acquisition.get_config()))

    models = {}
    for name in RECIPES:
        with stage(f"train {name}", f"Train {name} for {minutes:g} minutes"):
            models[name] = trained(name, pairs, learning, run, 60 * minutes, seed)
    run.save_model(models["TimeDepthUNet"])

    with stage("score", f"Score on {held_out} models that no network has seen"):
        if PRESET in ks.presets():
            models["the preset"] = ks.load_preset(PRESET)
        found = {
            name: ks.evaluation.score_pairs(model, pairs, scoring, learning)
            for name, model in models.items()
        }
        draw(run, found, minutes, pairs[scoring[:1]][0][0])
        metrics = compared(found)

    with stage("export and check", "Export as SavedModel and ONNX, and predict by ONNX Runtime"):
        metrics |= exported(run)
        onnx_model = ks.inference.load_predictor(run.path / "model.onnx")
        scores = ks.evaluation.score_pairs(onnx_model, pairs, scoring, learning)
        metrics["onnx_velocity_mae_m_s"] = scores.metrics["velocity_mae_m_s"]

    with stage("denoise", "Denoise a section that the denoiser in the package never saw"):
        metrics |= denoised(run, seed)

    metrics["seconds"] = seconds | {"total": round(sum(seconds.values()), 1)}
    ks.evaluation.write_report(run.path, metrics=metrics)
    run.finish(metrics)
    print(closing_table(metrics, run.path))
    return metrics


def compiled(
    name: str, pairs: ks.datasets.Pairs, seed: int
) -> tuple[keras.Model, ks.layers.GatherPreparation]:
    """A network ready to be trained by its recipe, and what it gets for raw gathers."""
    recipe = RECIPES[name]
    keras.utils.set_random_seed(seed)
    published = pairs.input_normalization
    normalization = published.centered() if recipe.centered else published
    preparation = ks.layers.GatherPreparation([*recipe.steps, normalization])
    shape = preparation.compute_output_shape((None, *pairs.gather_shape))[1:]
    precision = ks.training.dtype_policy()
    network = recipe.network(shape, pairs.velocity_shape, **recipe.arguments, dtype=precision)
    optimizer = ks.training.adamw(
        recipe.learning_rate, 1, recipe.weight_decay, schedule="constant", **recipe.updates
    )
    optimizer.build(network.trainable_variables)  # in the first step, it would be traced twice
    network.compile(optimizer, "mean_absolute_error", jit_compile=ks.training.jit_compile())
    return network, preparation


def trained(
    name: str,
    pairs: ks.datasets.Pairs,
    learning: np.ndarray,
    run: ks.training.RunFolder,
    seconds: float,
    seed: int,
) -> ks.models.PhysicalUnitsModel:
    """A network, trained by its recipe for so long, in physical units."""
    recipe = RECIPES[name]
    network, preparation = compiled(name, pairs, seed)
    training, validation = ks.training.training_batches(
        pairs, learning, preparation, SCALING, recipe.batch_size, seed=seed
    )
    averaging = [keras.callbacks.SwapEMAWeights()] if network.optimizer.use_ema else []
    history = network.fit(
        training,
        validation_data=validation,
        epochs=10**6,
        shuffle=False,  # the pairs see to it
        callbacks=[ks.training.TimeBudget(seconds, recipe.learning_rate), *averaging],
        verbose=2,
    ).history
    errors = {key: [SCALING.scale * v for v in values] for key, values in history.items()}
    run.save_figure(ks.visualization.plot_history(errors, f"{name}: error, m/s"), f"loss_{name}")
    if name == next(iter(RECIPES)):
        run.write_history(history)
    return ks.models.with_physical_units(
        ks.models.in_float32(network), preparation, SCALING, pairs.acquisition
    )


def compared(found: dict[str, ks.evaluation.PairScores]) -> dict[str, Any]:
    """The scores of TimeDepthUNet, and those of all networks beside each other."""
    ours, other = (found[name].metrics for name in RECIPES)
    networks = {
        name: scores.metrics | {"stray_cells": stray_cells(scores.predicted)}
        for name, scores in found.items()
    }
    ratio = ours["velocity_mae_m_s"] / other["velocity_mae_m_s"]
    return {**ours, "networks": networks, "ratio_to_inversion_net": ratio}


def stray_cells(velocity: np.ndarray) -> float:
    """How many cells of a model stand out from all neighbors by more than ``STRAY``; the mean."""
    models = velocity.reshape(len(velocity), *velocity.shape[1:3])
    ring = np.ones((1, 3, 3), bool)
    ring[0, 1, 1] = False
    above = models - maximum_filter(models, footprint=ring, mode="mirror")
    below = minimum_filter(models, footprint=ring, mode="mirror") - models
    return float((np.maximum(above, below) > STRAY).sum() / len(models))


def draw(
    run: ks.training.RunFolder,
    found: dict[str, ks.evaluation.PairScores],
    minutes: float,
    gathers: np.ndarray,
) -> None:
    """The networks side by side, on held-out models as they come, and what a run is drawn with."""
    figures, ours = ks.visualization, next(iter(found.values()))
    true, predicted = ours.true, ours.predicted
    shown = {
        f"{name}\n{minutes:g} minutes of training" if name in RECIPES else name: one.predicted[:3]
        for name, one in found.items()
    }
    run.save_figure(ks.evaluation.plot_predictions(true[:3], shown), "comparison")
    run.save_figure(figures.plot_cases(true, predicted), "cases")
    run.save_figure(figures.plot_errors(true, predicted), "errors")
    run.save_figure(figures.plot_gathers(gathers), "gathers")


def exported(run: ks.training.RunFolder) -> dict[str, Any]:
    """Export the model of the run, and compare the exports with it."""
    model = run.path / "model.keras"
    return {
        "saved_model_max_difference_m_s": saved_model(model, run.path / "saved_model"),
        "onnx_max_difference_m_s": onnx(model, run.path / "model.onnx"),
    }


def denoised(run: ks.training.RunFolder, seed: int) -> dict[str, Any]:
    """Signal-to-noise ratios of a simulated section before and after, and their figure."""
    (section,) = ks.simulation.sample_sections(1, (seed, SEED), shape=(256, 256))
    denoiser = ks.load_preset("blind_denoiser")
    result = ks.evaluation.denoising_experiment(denoiser, section, seed=seed)
    run.save_figure(ks.visualization.plot_denoising(*result), "denoising")
    return ks.evaluation.score_denoising(*result)


def closing_table(metrics: dict[str, Any], out: Path) -> str:
    """The results, and the commands to run next."""
    m = metrics
    rows = "\n".join(
        f"  {name:<24} {s['velocity_mae_m_s']:8.1f} {s['velocity_ssim']:11.3f} "
        f"{s['stray_cells']:13.2f}"
        for name, s in m["networks"].items()
    )
    return f"""
Held-out CurveFault-A models that no network has seen
                           MAE, m/s  similarity   stray cells
{rows}
  mean of the training     {m["baseline_mae_m_s"]:8.1f}
{out}/model.keras through ONNX Runtime: {m["onnx_velocity_mae_m_s"]:.1f} m/s;
largest difference {m["saved_model_max_difference_m_s"]:.1g} m/s as SavedModel, \
{m["onnx_max_difference_m_s"]:.1g} m/s as ONNX
A section by the denoiser in the package: {m["denoiser_snr_in_db"]:.1f} dB in, \
{m["denoiser_snr_out_db"]:.1f} dB out
Seconds: {", ".join(f"{name} {value:.0f}" for name, value in m["seconds"].items())}

Look at
  {out}/figures/comparison.png
  {out}/report.html
Go on with (in a checkout, commands are in .venv/bin)
  keras-seismic predict YOUR_GATHERS.npy velocity.npy --model {out}/model.onnx
  keras-seismic evaluate {out}/model.keras YOUR_VELOCITY.npy --out runs/velocity
  keras-seismic predict YOUR_LINE.segy clean.segy
  keras-seismic serve inversion={out}/saved_model --out serving
  keras-seismic train time-depth-unet --family openfwi --samples 5000 --out runs/x
"""


if __name__ == "__main__":
    find_devices()
    typer.run(main)
