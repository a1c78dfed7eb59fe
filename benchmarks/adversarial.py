"""What a critic adds to InversionNet, and which critic: simulated CurveFault-A pairs, three seeds.

    python -m benchmarks.adversarial

Every run trains the same quarter-width generator from the same weights, for the same number
of generator updates on the same distribution of batches, with the same optimizer and
schedule: with the absolute error alone, and as VelocityGAN with a critic that is batch
normalized (OpenFWI's code), layer normalized, or not normalized. 100 held-out pairs are
scored after the last update; nothing is tuned on them. About an hour on two cores; runs
that are in results/adversarial.json already, with the same settings, are not repeated.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_seismic as ks
from benchmarks._report import RESULTS, report

FAMILY, PAIRS, HELD_OUT, BATCH = "curvefault_a", 600, 100, 16
EPOCHS, EVERY, LEARNING_RATE = 26, 2, 1e-3
FILTERS = 8
CRITICS = {"none": None, "batch": "batch", "layer": "layer", "unnormalized": None}


def optimizer(steps: int) -> keras.optimizers.Optimizer:
    """The recipe's AdamW with a learning rate for short training."""
    return ks.models.wgan_adamw(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))


def train(kind: str, dataset: Any, updates: int, seed: int) -> keras.Model:
    """A generator after the given number of updates."""
    keras.utils.set_random_seed(seed)
    generator = ks.models.InversionNet(filters=FILTERS)
    if kind == "none":
        generator.compile(
            optimizer(updates), "mean_absolute_error", jit_compile=ks.training.jit_compile()
        )
        generator.fit(dataset.repeat(), steps_per_epoch=updates, verbose=2)
        return generator
    critic = ks.models.VelocityCritic(filters=FILTERS, normalization=CRITICS[kind])
    gan = ks.models.VelocityGAN(generator, critic, seed)
    gan.compile(
        optimizer(updates),
        optimizer(EPOCHS * len(dataset)),
        l2=0.0,
        generator_every=EVERY,
        jit_compile=ks.training.jit_compile(),
    )
    gan.fit(dataset, epochs=EPOCHS, verbose=2)
    assert int(gan.generator_optimizer.iterations) == updates
    return generator


def scores(generator: keras.Model, held_out: Any, normalization: Any, scaling: Any) -> dict:
    """Errors on the held-out pairs, and the steepness of the predicted models."""
    model = ks.models.with_physical_units(generator, normalization, scaling)
    gathers, velocity = held_out[:]
    predicted = ks.inference.predict(model, gathers)
    steepness = [np.abs(np.diff(v, axis=1)).mean() for v in (predicted, velocity)]
    ratio = float(steepness[0] / steepness[1])
    return ks.evaluation.score_velocity(velocity, predicted) | {"steepness_ratio": ratio}


def main() -> None:
    """Train all and report the scores."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache-dir", type=Path, default=Path("cache"))
    parser.add_argument("--kinds", nargs="+", choices=CRITICS, default=list(CRITICS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()

    acquisition = ks.simulation.Acquisition.openfwi(boundary="cpml")
    pairs, held_out = (
        ks.datasets.SimulatedPairs(FAMILY, count, acquisition, seed, arguments.cache_dir).prepare()
        for count, seed in ((PAIRS, 0), (HELD_OUT, (0, 1)))
    )
    normalization = ks.layers.GatherNormalization.openfwi(FAMILY)
    scaling = ks.layers.VelocityScaling(1500.0, 4500.0)
    settings = {"pairs": PAIRS, "held_out": HELD_OUT, "batch": BATCH, "epochs": EPOCHS}
    settings |= {"generator_every": EVERY, "filters": FILTERS, "learning_rate": LEARNING_RATE}
    settings["mean_model_mae"] = float(np.abs(held_out[:][1] - pairs.mean_velocity()).mean())
    results = finished(settings)
    for seed in arguments.seeds:
        for kind in arguments.kinds:
            if any((r["critic"], r["seed"]) == (kind, seed) for r in results):
                continue
            whole = slice(PAIRS // BATCH * BATCH)  # the recipe drops incomplete batches
            data = pairs.dataset(normalization, scaling, BATCH, True, seed, whole)
            updates = EPOCHS * -(-len(data) // EVERY)
            start = time.perf_counter()
            generator = train(kind, data, updates, seed)
            row = {"critic": kind, "seed": seed, "updates": updates}
            row |= scores(generator, held_out, normalization, scaling)
            results.append(row | {"seconds": time.perf_counter() - start})
            write(settings, results)


def finished(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The finished runs of an earlier call with these settings."""
    path = RESULTS / "adversarial.json"
    earlier = json.loads(path.read_text())["results"] if path.exists() else {}
    return earlier["runs"] if earlier.get("settings") == settings else []


def write(settings: dict[str, Any], results: list[dict[str, Any]]) -> None:
    """Table and file of the runs so far."""
    names = ("velocity_mae_m_s", "velocity_rmse_m_s", "velocity_ssim", "steepness_ratio")
    rows = []
    for kind in CRITICS:
        runs = [run for run in results if run["critic"] == kind]
        columns = [[run[name] for run in runs] for name in names if runs]
        spread = [f"{np.mean(c):.4g} ({min(c):.4g} to {max(c):.4g})" for c in columns]
        rows += [[kind, len(runs), *spread]] if runs else []
    header = ["critic", "seeds", "MAE, m/s", "RMSE, m/s", "SSIM", "vertical differences"]
    content = {"settings": settings, "runs": results}
    report("adversarial", content, header, rows, ["keras", "tensorflow"])


if __name__ == "__main__":
    main()
