"""Folders that this package, Keras and TensorFlow write: named, with what their files tell."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_seismic.inspection.report import Inspection
from keras_seismic.io.arrays import read_array


def _json(path: Path) -> dict[str, Any]:
    """Content of a JSON file; nothing if it is none."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def describe_cache(report: Inspection, path: Path, inspect: Callable[[Path], Inspection]) -> None:
    """A folder of ``SimulatedPairs``."""
    parameters = _json(path / "parameters.json")
    velocity = sorted(path.glob("velocity-*.npy"))
    gathers = {file.name.removeprefix("gathers-") for file in path.glob("gathers-*.npy")}
    finished = [f for f in velocity if f.name.removeprefix("velocity-") in gathers]
    count = sum(_length(file) for file in finished)
    acquisition = parameters.get("acquisition") or {}
    report.format = "pairs simulated by SimulatedPairs"
    report.facts = {
        "family": parameters.get("family", "unknown"),
        "pairs": count,
        "seed": str(parameters.get("seed")),
        "model shape": parameters.get("shape", []),
        "acquisition": ", ".join(
            f"{name} {acquisition[name]}"
            for name in ("dx", "dt", "nt", "peak_frequency", "boundary")
            if name in acquisition
        ),
    }
    unfinished = len(velocity) - len(finished)
    if not parameters:
        report.warnings.append("parameters.json cannot be read: nobody knows what was simulated")
    if unfinished:
        report.warnings.append(
            f"{unfinished} shards have no gathers: the simulation was interrupted; the same "
            "command goes on with it"
        )
    for file in finished[:1]:
        report.members += [inspect(path / f"gathers-{file.name[9:]}"), inspect(file)]


def _length(file: Path) -> int:
    try:
        return len(read_array(file, mmap=True))
    except (ValueError, OSError, TypeError):
        return 0


def describe_run(report: Inspection, path: Path, names: set[str]) -> None:
    """A run folder: what it was made with and what came out."""
    config, metrics = _json(path / "config.json"), _json(path / "metrics.json")
    arguments = config.get("arguments") or {}
    report.format = "run folder of a training or scoring"
    shown = ("section", "family", "samples", "epochs", "seed", "model", "data")
    report.facts = {
        "arguments": ", ".join(f"{k} {arguments[k]}" for k in shown if arguments.get(k)),
        "metrics": ", ".join(
            f"{k} {v:.4g}" for k, v in metrics.items() if isinstance(v, int | float)
        ),
        "holds": sorted(name for name in names if not name.startswith("figures"))[:12],
        "figures": sum(name.startswith("figures") for name in names),
    }
    if "metrics.json" not in names:
        report.warnings.append("no metrics.json: the run was interrupted, or goes on")


def describe_saved_model(report: Inspection, path: Path) -> None:
    """An exported model."""
    report.format = "TensorFlow SavedModel"
    report.facts = {"note": "it can run code when loaded: load only what you trust"}


def describe_tfds(report: Inspection, path: Path) -> None:
    """A prepared data set of TensorFlow Datasets."""
    info = _json(path / "dataset_info.json")
    report.format = "TensorFlow Datasets data set"
    report.facts = {
        "name": info.get("name", "unknown"),
        "version": info.get("version", "unknown"),
        "splits": [
            f"{split.get('name')} ({sum(map(int, split.get('shardLengths', [])))})"
            for split in info.get("splits", [])
        ],
    }
