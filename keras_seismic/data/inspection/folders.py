"""Folders: OpenFWI's, this package's, and any others, summarised."""

import os
import re
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from keras_seismic.data.arrays import read_array
from keras_seismic.data.inspection.package_folders import (
    describe_cache,
    describe_run,
    describe_saved_model,
    describe_tfds,
)
from keras_seismic.data.inspection.report import Inspection

Inspect = Callable[[Path], Inspection]

#: Files that are listed, and opened to compare their headers, at most.
_LISTED, _OPENED = 200_000, 2_000

#: Members of a folder that are looked into.
_MEMBERS = 4

_GATHERS = re.compile(r"^(data|seis)[_-]?(\d+(?:_\d+)*)\.npy$")
_VELOCITY = re.compile(r"^(model|vel)[_-]?(\d+(?:_\d+)*)\.npy$")
_PARTNER = {"data": "model", "seis": "vel"}
_FAMILY = re.compile(r"(flat|curve)[ _-]?(vel|fault)[ _-]?([ab])|(style)[ _-]?([ab])", re.I)


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
    elif any(_GATHERS.match(f.name) for f, _ in files) and _openfwi(report, path, files, inspect):
        pass
    else:
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


def _openfwi(
    report: Inspection, path: Path, files: list[tuple[Path, int]], inspect: Inspect
) -> bool:
    """Pairs by OpenFWI's file names; ``False`` if there are none."""
    gathers: dict[tuple[str, str, str], Path] = {}
    velocity: dict[tuple[str, str, str], Path] = {}
    for file, _ in files:
        for pattern, found in ((_GATHERS, gathers), (_VELOCITY, velocity)):
            match = pattern.match(file.name)
            if match:
                # data/ and model/ may be folders of their own beside each other.
                folder = (
                    file.parent.parent if file.parent.name in ("data", "model") else file.parent
                )
                kind = _PARTNER.get(match.group(1), match.group(1))
                found[(str(folder.relative_to(path)), kind, match.group(2))] = file
    if not velocity:
        return False
    pairs = sorted(gathers.keys() & velocity.keys())
    report.format = "folder in OpenFWI's layout"
    family, why = _family(path, pairs)
    report.facts = {"family": f"{family or 'unknown'} ({why})", "pairs": f"{len(pairs)} of files"}
    for found, other, name in (
        (gathers, velocity, "velocity"), (velocity, gathers, "gathers")
    ):  # fmt: skip
        alone = sorted(found.keys() - other.keys())
        if alone:
            first = found[alone[0]].relative_to(path)
            report.warnings.append(
                f"files without their {name}: {len(alone)}, the first is {first}"
            )
    _pair_shapes(report, path, [(gathers[key], velocity[key]) for key in pairs])
    _repeated_files(report, [gathers[key] for key in pairs])
    for key in pairs[:1]:
        report.members += [inspect(gathers[key]), inspect(velocity[key])]
    for member in report.members:
        member.next_steps = []
    if pairs:
        option = f"--family {family}" if family else "--family FAMILY"
        report.next_steps = [
            f"python -m train.inversionnet --data {shlex.quote(str(path))} {option} "
            f"--out runs/{family or 'openfwi'}"
        ]
    if any(not member.readable for member in report.members):
        report.warnings.append("the first pair cannot be read, see below")
    return True


def _family(path: Path, pairs: list[tuple[str, str, str]]) -> tuple[str, str]:
    """The family by the folder's name, else what the file names allow."""
    for text in (path.absolute().name, path.absolute().parent.name, *(key[0] for key in pairs[:1])):
        match = _FAMILY.search(text)
        if match:
            curve, kind, letter, style, style_letter = match.groups()
            name = f"{curve}{kind}_{letter}" if curve else f"{style}_{style_letter}"
            return name.lower(), f"by the folder's name {text}"
    if any(kind == "vel" for _, kind, _ in pairs):
        return (
            "",
            "files named seis and vel are of the Fault families; the folder does not say which",
        )
    return "", "files named data and model are of the Vel and Style families; the folder is silent"


def _pair_shapes(report: Inspection, path: Path, pairs: list[tuple[Path, Path]]) -> None:
    """Shapes by the headers of all pairs, and whatever contradicts."""
    shapes: Counter[str] = Counter()
    examples = 0
    for gathers, velocity in pairs[:_OPENED]:
        try:
            a, b = read_array(gathers, mmap=True), read_array(velocity, mmap=True)
        except (ValueError, OSError) as error:
            report.warnings.append(str(error))
            continue
        shapes[f"{a.dtype} {a.shape} and {b.dtype} {b.shape}"] += 1
        examples += a.shape[0] if a.ndim else 0
        if a.shape[:1] != b.shape[:1]:
            report.warnings.append(
                f"{gathers.relative_to(path)} holds {a.shape[0]} examples, its velocity "
                f"{b.shape[0]}"
            )
    report.warnings[:] = _shortened(report.warnings)
    report.facts["examples"] = examples
    report.facts["shapes"] = [f"{shape} ({count} pairs)" for shape, count in shapes.most_common(4)]
    if len(pairs) > _OPENED:
        report.facts["opened"] = f"the first {_OPENED:,} pairs"
    if len(shapes) > 1:
        report.warnings.append(f"{len(shapes)} different shapes or types; readers need one")


def _shortened(warnings: list[str], most: int = 8) -> list[str]:
    if len(warnings) <= most:
        return warnings
    return [*warnings[:most], f"and {len(warnings) - most} more of this kind"]


def _repeated_files(report: Inspection, files: list[Path]) -> None:
    """Files that are the same by size and by a piece from their middle."""
    seen: dict[tuple[int, bytes], Path] = {}
    repeated = []
    for file in files[:_OPENED]:
        size = file.stat().st_size
        with file.open("rb") as stream:
            stream.seek(size // 2)
            key = (size, stream.read(4096))
        if key in seen and any(key[1]):
            repeated.append((seen[key].name, file.name))
        seen.setdefault(key, file)
    if repeated:
        a, b = repeated[0]
        report.warnings.append(f"copies of other files: {len(repeated)}, the first is {b} of {a}")


def _anything(
    report: Inspection, path: Path, files: list[tuple[Path, int]], inspect: Inspect
) -> None:
    """Files by suffix and, for .npy, by shape; one of each frequent group inspected."""
    groups: dict[str, list[Path]] = {}
    opened = 0
    for file, _ in files:
        key = file.suffix.lower() or "no suffix"
        if key == ".npy" and opened < _OPENED:
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
        report.next_steps = [
            f"python -m keras_seismic.data {shlex.quote(str(path / folder))}"
            for folder in folders[:3]
        ]
    readable = (".npy", ".npz", ".segy", ".sgy", ".su", ".mat", ".keras", ".h5", ".hdf5")
    for key, group in ordered:
        if len(report.members) >= _MEMBERS:
            break
        if key.split()[0] in readable:
            report.members.append(inspect(group[0]))
