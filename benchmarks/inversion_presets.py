"""The inversion preset on models it has never seen of each of OpenFWI's families, and its speed.

    python -m benchmarks.inversion_presets

Draws 100 models of each of the ten families with a seed that nothing was trained with, simulates
OpenFWI's exact experiment over them, and inverts the gathers by the preset exported to ONNX, in
ONNX Runtime on two threads: mean absolute error and structural similarity beside the error of
predicting the mean of these very models; for the stated spread its rank correlation with the error
and the fraction of cells within it, which should be 0.9; and the time of a gather. Two minutes.
``--model`` takes another preset, or a model.keras.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import keras_seismic as ks
from benchmarks._report import RESULTS, report
from benchmarks.unseen_geology import PRESET, model_of
from keras_seismic.simulation.geology import OPENFWI_FAMILIES

SEED = 1_000_003
PACKAGES = ("keras_seismic", "keras", "tensorflow", "onnxruntime", "numba", "numpy")
HEADER = ("family", "MAE, m/s", "of the mean", "SSIM", "correlation", "coverage")


def session_of(model: Any, gathers: np.ndarray, threads: int) -> onnxruntime.InferenceSession:
    """The model in ONNX Runtime, exported and checked."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    with tempfile.TemporaryDirectory() as folder:
        path = ks.exporting.export_onnx(model, Path(folder, "model.onnx"), gathers)
        return onnxruntime.InferenceSession(path.read_bytes(), options)


def milliseconds(session: onnxruntime.InferenceSession, gathers: np.ndarray, runs: int) -> float:
    """Of a gather, raw amplitudes in and m/s out; the median of so many runs, after two."""
    (given,) = session.get_inputs()
    seconds = []
    for _ in range(runs + 2):
        start = time.perf_counter()
        session.run(None, {given.name: gathers})
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds[2:]) / len(gathers)


def scored(session: onnxruntime.InferenceSession, gathers: np.ndarray, true: np.ndarray) -> Any:
    """Scores of the answers to all gathers."""
    (given,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    parts = [session.run(None, {given.name: gathers[i : i + 10]}) for i in range(0, len(true), 10)]
    found = dict(zip(names, map(np.concatenate, zip(*parts, strict=True)), strict=True))
    spreads = [found.pop("spread")] if "spread" in found else []
    (velocity,) = found.values()
    scores = ks.evaluation.score_velocity(true, velocity)
    scores["baseline_mae_m_s"] = float(np.abs(true - true.mean(axis=0)).mean())
    for stated in spreads:
        scores |= ks.evaluation.score_spread(true, velocity, stated)
    return scores


def row(family: str, scores: dict[str, float]) -> list[str]:
    numbers = [f"{scores[f'{name}_mae_m_s']:.1f}" for name in ("velocity", "baseline")]
    stated = [f"{scores[n]:.2f}" if n in scores else "" for n in (
        "spread_error_correlation", "spread_coverage"
    )]  # fmt: skip
    return [family, *numbers, f"{scores['velocity_ssim']:.3f}", *stated]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=PRESET, help="a preset, or a model.keras")
    parser.add_argument("--models", type=int, default=100, help="of each family")
    parser.add_argument("--families", nargs="+", default=OPENFWI_FAMILIES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    model = model_of(options.model)
    acquisition = model.acquisition
    results: dict[str, dict[str, float]] = {}
    session = None
    for family in options.families:
        velocity = ks.simulation.sample_velocity(family, options.models, seed=SEED)
        gathers = ks.simulation.simulate(velocity, acquisition)
        session = session or session_of(model, gathers[:4], options.threads)
        results[family] = scored(session, gathers, velocity[..., None])
        print(f"{family}: {results[family]['velocity_mae_m_s']:.1f} m/s", flush=True)
    names = next(iter(results.values()))
    means = {name: statistics.fmean(s[name] for s in results.values()) for name in names}
    speed = {n: milliseconds(session, gathers[:1].repeat(n, axis=0), options.runs) for n in (1, 8)}
    rows = [row(family, scores) for family, scores in (results | {"mean": means}).items()]
    content = {
        "model": options.model,
        "seed": SEED,
        "models": options.models,
        "families": results,
        "mean": means,
        "ms_a_gather": speed,
    }
    report("inversion_presets", content, HEADER, rows, PACKAGES, options.out)
    print(", ".join(f"batches of {n}: {ms:.1f} ms a gather" for n, ms in speed.items()))


if __name__ == "__main__":
    main()
