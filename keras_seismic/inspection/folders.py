"""Folders: OpenFWI's, this package's, and any others, summarized."""

import os
from collections.abc import Callable
from pathlib import Path

from keras_seismic.inspection.openfwi_folders import OPENED, describe_openfwi
from keras_seismic.inspection.package_folders import (
    describe_cache,
    describe_run,
    describe_saved_model,
    describe_tfds,
)
from keras_seismic.inspection.report import Inspection
from keras_seismic.io.arrays import read_array

Inspect = Callable[[Path], Inspection]

#: Files that are listed at most.
_LISTED = 200_000

#: Members of a folder that are looked into.
_MEMBERS = 4


def inspect_folder(path: Path, inspect: Inspect) -> Inspection:
    """What a folder holds.

    Args:
        path: The folder.
        inspect: Inspects a member.
    """
    report = Inspection(str(path), "folder")
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
        describe_saved_model(report, path)
    elif "config.json" in names and names & {"metrics.json", "history.csv", "best.keras"}:
        describe_run(report, path, names)
    elif "parameters.json" in names and any(name.startswith("velocity-") for name in names):
        describe_cache(report, path, inspect)
    elif {"dataset_info.json", "features.json"} <= names:
        describe_tfds(report, path)
    elif not describe_openfwi(report, path, [file for file, _ in files], inspect):
        _anything(report, path, files, inspect)
    return report


def _files(path: Path) -> tuple[list[tuple[Path, int]], bool]:
    """Files and their sizes, hidden ones left out; whether there were too many."""
    found: list[tuple[Path, int]] = []
    os.listdir(path)  # raises where the folder itself is closed; walk would be silent
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


def _anything(
    report: Inspection, path: Path, files: list[tuple[Path, int]], inspect: Inspect
) -> None:
    """Files by suffix and, for .npy, by shape; one of each frequent group inspected."""
    groups: dict[str, list[Path]] = {}
    opened = 0
    for file, _ in files:
        key = file.suffix.lower() or "no suffix"
        if key == ".npy" and opened < OPENED:
            opened += 1
            try:
                array = read_array(file, mmap=True)
                key = f".npy {array.dtype} {' x '.join(map(str, array.shape))}"
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
    readable = (".npy", ".npz", ".segy", ".sgy", ".su", ".mat", ".keras", ".h5", ".hdf5")
    for key, group in ordered:
        if len(report.members) >= _MEMBERS:
            break
        if key.split()[0] in readable:
            report.members.append(inspect(group[0]))
