"""Error of networks trained in bfloat16, against those trained in float32.

    python -m benchmarks.precision [--pairs 400] [--epochs 15] [--seeds 0 1 2]

Trains a quarter-width InversionNet on FlatVel-A, every fourth sample in time, in both precisions
from the same weights and in the same order, and scores both in float32 on 100 held-out models.
A few minutes on two quiet cores.
"""

import argparse
import pathlib
import tempfile
import time

import keras
import numpy as np

import keras_seismic as ks
from benchmarks._report import report

HELD_OUT, BATCH, KEEP_EVERY = 100, 8, 4
POLICIES = ("float32", "mixed_bfloat16")


def trained(
    pairs: ks.datasets.Pairs, policy: str, seed: int, epochs: int, filters: int
) -> tuple[float, float]:
    """Mean absolute error on the held-out models in m/s, and seconds of training."""
    learning, held_out = pairs.held_out(HELD_OUT / len(pairs), 0)
    keras.backend.clear_session()  # the memory of the one before
    keras.utils.set_random_seed(seed)
    thinning = ks.layers.TimeDecimation(KEEP_EVERY)
    shape = thinning.compute_output_shape((None, *pairs.gather_shape))[1:]
    model = ks.models.with_physical_units(
        ks.models.InversionNet(shape, pairs.velocity_shape, filters, dtype=policy),
        ks.layers.GatherPreparation([thinning, pairs.input_normalization]),
        ks.layers.VelocityScaling(1500.0, 4500.0),
        pairs.acquisition,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = ks.training.RunFolder(f"{folder}/run").create({})
        start = time.perf_counter()
        model = ks.training.fit_pairs(
            model,
            pairs,
            learning,
            run,
            epochs=epochs,
            batch_size=BATCH,
            learning_rate=1e-3,
            seed=seed,
            validation=0.1,
        )
        seconds = time.perf_counter() - start
    model = ks.models.in_float32(model)
    scores = ks.evaluation.score_pairs(model, pairs, held_out, learning)
    return scores.metrics["velocity_mae_m_s"], seconds


def main() -> None:
    """Train, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--filters", type=int, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cache-dir", type=pathlib.Path, default="cache")
    given = parser.parse_args()
    acquisition = ks.simulation.Acquisition.openfwi(boundary="cpml")
    count = given.pairs + HELD_OUT
    pairs = ks.datasets.SimulatedPairs("flatvel_a", count, acquisition, 0, given.cache_dir)
    pairs.prepare()

    measured: dict[str, list[tuple[float, float]]] = {policy: [] for policy in POLICIES}
    for seed in given.seeds:
        for policy in POLICIES:
            measured[policy].append(trained(pairs, policy, seed, given.epochs, given.filters))
            error, seconds = measured[policy][-1]
            print(f"seed {seed}, {policy}: {error:.1f} m/s after {seconds:.0f} s", flush=True)
    errors = {policy: [error for error, _ in values] for policy, values in measured.items()}
    means = {policy: float(np.mean(values)) for policy, values in errors.items()}
    rows = [
        (policy, *(f"{e:.1f}" for e in values), f"{means[policy]:.1f}")
        for policy, values in errors.items()
    ]
    ratio = means["mixed_bfloat16"] / means["float32"]
    rows.append(("ratio", *([""] * len(given.seeds)), f"{ratio:.3f}"))
    results = {
        "pairs": given.pairs,
        "epochs": given.epochs,
        "filters": given.filters,
        "mae_m_s": errors,
        "seconds": {policy: [s for _, s in values] for policy, values in measured.items()},
        "ratio_of_means": ratio,
    }
    header = ("mean absolute error, m/s", *(f"seed {s}" for s in given.seeds), "mean")
    report("precision", results, header, rows, ["keras", "tensorflow", "numpy"])


if __name__ == "__main__":
    main()
