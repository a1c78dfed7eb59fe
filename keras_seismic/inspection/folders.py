"""Folders, summarized: OpenFWI's, this package's, and any others."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_seismic.file_checks import read_json
from keras_seismic.inspection.openfwi_folders import OPENED, describe_openfwi
from keras_seismic.inspection.report import Inspection
from keras_seismic.io.arrays import read_header

Inspect = Callable[[Path], Inspection]

#: Most files to list.
_LISTED = 200_000

#: Most members of a folder to examine.
_MEMBERS = 4

_READABLE = (".npy", ".npz", ".segy", ".sgy", ".su", ".mat", ".keras", ".h5", ".hdf5")


def inspect_folder(path: Path, inspect: Inspect) -> Inspection:
    """What a folder holds.

    Args:
        path: The folder.
        inspect: Inspects a member.
    """
    report = Inspection(str(path), "folder", kind="folder")
    try:
        files, cut = _files(path)
    except OSError as error:
        report.problem = f"cannot be listed: {error}"
        return report
    report.size = sum(size for _, size in files)
    if cut:
        report.warnings.append(f"more than {_LISTED:,} files: the rest was not looked at")
    names = {str(file.relative_to(path)) for file, _ in files}
    if not files:
        report.problem = "the folder is empty"
    elif "saved_model.pb" in names:
        report.format, report.kind = "TensorFlow SavedModel", "model"
        report.facts["note"] = "it can run code when loaded: load only what you trust"
    elif "config.json" in names and names & {"metrics.json", "history.csv", "best.keras"}:
        _describe_run(report, path, names)
    elif "parameters.json" in names and any(name.startswith("velocity-") for name in names):
        _describe_simulated(report, path, inspect)
    elif not describe_openfwi(report, path, [file for file, _ in files], inspect):
        _anything(report, path, files, inspect)
    return report


def _files(path: Path) -> tuple[list[tuple[Path, int]], bool]:
    """Files and their sizes, without hidden ones, and whether there were too many."""
    found: list[tuple[Path, int]] = []
    os.listdir(path)  # raises if the folder itself is not readable; walk would be silent
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder) / name
            if name.startswith(".") or not file.is_file():
                continue
            if len(found) >= _LISTED:
                return found, True
            found.append((file, file.stat().st_size))
    return found, False


def _describe_run(report: Inspection, path: Path, names: set[str]) -> None:
    """A run folder: its arguments and its results."""
    config, metrics = _json(path / "config.json"), _json(path / "metrics.json")
    arguments = _mapping(config, "arguments")
    report.format, report.kind = "run folder of a training or scoring", "run"
    report.facts = {
        "arguments": [f"{k} {v}" for k, v in arguments.items() if v][:12],
        "metrics": [f"{k} {v:.4g}" for k, v in metrics.items() if isinstance(v, int | float)],
        "holds": sorted(name for name in names if not name.startswith("figures"))[:12],
        "figures": sum(name.startswith("figures") for name in names),
    }
    if "metrics.json" not in names:
        report.warnings.append("no metrics.json: the run was interrupted or is still going on")


def _describe_simulated(report: Inspection, path: Path, inspect: Inspect) -> None:
    """A folder of ``SimulatedPairs``."""
    parameters = _json(path / "parameters.json")
    velocity = sorted(path.glob("velocity-*.npy"))
    finished = [(_gathers(file), file) for file in velocity if _gathers(file).is_file()]
    acquisition = _mapping(parameters, "acquisition")
    shown = ("dx", "dt", "nt", "peak_frequency", "boundary", "free_surface")
    report.format, report.kind = "pairs simulated by SimulatedPairs", "pairs"
    report.family = parameters.get("family")
    report.folders = [str(path)]
    report.facts = {
        "family": report.family or "unknown",
        "pairs": sum(_length(file) for _, file in finished),
        "seed": str(parameters.get("seed")),
        "acquisition": [f"{name} {acquisition[name]}" for name in shown if name in acquisition],
    }
    if not parameters:
        report.warnings.append("parameters.json cannot be read: what was simulated is not known")
    if len(finished) < len(velocity):
        report.warnings.append(
            f"{len(velocity) - len(finished)} velocity files have no gathers: the simulation was "
            "interrupted; the same command continues it"
        )
    report.members = [inspect(file) for pair in finished[:1] for file in pair]


def _gathers(velocity: Path) -> Path:
    return velocity.with_name(velocity.name.replace("velocity-", "gathers-"))


def _length(file: Path) -> int:
    try:
        return read_header(file).shape[0]
    except (ValueError, OSError, IndexError):
        return 0


def _json(path: Path) -> dict[str, Any]:
    """Content of a JSON file; empty if it is not one."""
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _mapping(content: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of a JSON file; empty if it is none."""
    part = content.get(name)
    return part if isinstance(part, dict) else {}


def _anything(
    report: Inspection, path: Path, files: list[tuple[Path, int]], inspect: Inspect
) -> None:
    """Files by suffix and, for .npy, by shape; one of each frequent group is inspected."""
    groups: dict[str, list[Path]] = {}
    opened = 0
    for file, _ in files:
        key = file.suffix.lower() or "no suffix"
        if key == ".npy" and opened < OPENED:
            opened += 1
            try:
                header = read_header(file)
                key = f".npy {header.dtype} {' x '.join(map(str, header.shape))}"
            except (ValueError, OSError):
                key = ".npy that cannot be read"
        groups.setdefault(key, []).append(file)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    report.facts["files"] = len(files)
    report.facts["kinds"] = [f"{len(group)} {key}" for key, group in ordered[:8]] + (
        [f"{len(ordered) - 8} other kinds"] if len(ordered) > 8 else []
    )
    folders = sorted(p.name for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    if folders:
        report.facts["folders"] = folders[:8] + ["..."] * (len(folders) > 8)
        report.folders = [str(path / folder) for folder in folders[:3]]
    readable = [group[0] for key, group in ordered if key.split()[0] in _READABLE]
    report.members = [inspect(file) for file in readable[:_MEMBERS]]
