"""Folders of OpenFWI's files: one family's, several families', and half of one."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from keras_seismic.datasets.openfwi.layout import (
    FilePair,
    PairedFiles,
    family_folders,
    family_of_files,
    paired_files,
)
from keras_seismic.inspection.report import Inspection
from keras_seismic.io.arrays import read_array

#: Files that are opened to compare their headers, and families that are listed, at most.
OPENED, _FAMILIES = 2_000, 16


def describe_openfwi(
    report: Inspection, path: Path, files: list[Path], inspect: Callable[[Path], Inspection]
) -> bool:
    """Pairs by OpenFWI's file names; ``False`` if there are none and the files remain to be told.

    Args:
        report: To be filled.
        path: The folder.
        files: All files in it and below.
        inspect: Inspects a member.
    """
    families: dict[Path, PairedFiles] = {}
    for folder in family_folders(files):
        try:
            found = paired_files(folder)
        except (ValueError, OSError) as error:  # mixed layouts, a file that is there twice
            report.warnings.append(str(error))
            continue
        if found.pairs or (found.gathers_alone and found.velocity_alone):
            families[folder] = found
    whole = families.pop(path.parent, None) if path.parent != path else None
    if not families:
        if whole:
            _half(report, path)
        return False
    if len(families) == 1:
        ((folder, found),) = families.items()
        _family(report, path, folder, found, inspect)
    else:
        _several(report, path, families)
    return True


def _half(report: Inspection, path: Path) -> None:
    """Only the gathers or only the velocity of a family."""
    what, other = ("gathers", "model") if path.name == "data" else ("velocity", "data")
    report.format = f"the {what} of a folder in OpenFWI's layout"
    report.warnings.append(
        f"the other half lies beside it in {other}; programs take the folder above, {path.parent}"
    )


def _several(report: Inspection, path: Path, families: dict[Path, PairedFiles]) -> None:
    """The families of a root; programs read one at a time."""
    report.format = "folder of several families in OpenFWI's layout"
    report.facts = {
        "families": [
            f"{folder.relative_to(path)} ({family_of_files(found.pairs) or 'unknown family'}, "
            f"{len(found.pairs)} pairs of files)"
            for folder, found in families.items()
        ][:_FAMILIES],
        "pairs": f"{sum(len(found.pairs) for found in families.values())} of files",
    }
    for found in families.values():
        _alone(report, path, found)
    report.warnings[:] = _shortened(report.warnings)
    if len(families) > _FAMILIES:
        report.warnings.append(f"{len(families) - _FAMILIES} more families are not listed")


def _family(
    report: Inspection,
    path: Path,
    folder: Path,
    found: PairedFiles,
    inspect: Callable[[Path], Inspection],
) -> None:
    """One family, in the folder itself or below it."""
    pairs = found.pairs
    family, why = _family_name(found)
    report.format = "folder in OpenFWI's layout"
    report.facts = {"family": f"{family or 'unknown'} ({why})", "pairs": f"{len(pairs)} of files"}
    if folder != path:
        report.facts["folder"] = str(folder.relative_to(path))
    _alone(report, path, found)
    _pair_shapes(report, path, pairs)
    _repeated_files(report, [pair.gathers for pair in pairs])
    for pair in pairs[:1]:
        report.members += [inspect(file) for file in pair if file is not None]
    if any(not member.readable for member in report.members):
        report.warnings.append("the first pair cannot be read, see below")


def _alone(report: Inspection, path: Path, found: PairedFiles) -> None:
    for files, name in ((found.gathers_alone, "velocity"), (found.velocity_alone, "gathers")):
        if files:
            report.warnings.append(
                f"files without their {name}: {len(files)}, the first is "
                f"{files[0].relative_to(path)}"
            )


def _family_name(found: PairedFiles) -> tuple[str, str]:
    """The family by the folder's name, else what the file names allow."""
    family = family_of_files(found.pairs)
    if family:
        return family, "by the folder's name"
    first = found.pairs[0].gathers if found.pairs else found.gathers_alone[0]
    if first.name.startswith("seis"):
        return (
            "",
            "files named seis and vel are of the Fault families; the folder does not say which",
        )
    return "", "files named data and model are of the Vel and Style families; the folder is silent"


def _pair_shapes(report: Inspection, path: Path, pairs: list[FilePair]) -> None:
    """Shapes by the headers of all pairs, and whatever contradicts."""
    shapes: Counter[str] = Counter()
    examples = 0
    for gathers, velocity in pairs[:OPENED]:
        assert velocity is not None  # pairs of a folder are complete
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
    if len(pairs) > OPENED:
        report.facts["opened"] = f"the first {OPENED:,} pairs"
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
    for file in files[:OPENED]:
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
