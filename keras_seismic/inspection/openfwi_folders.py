"""Folders of OpenFWI's files: one family's, several families', and half of one."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from keras_seismic.datasets.openfwi.layout import (
    PairedFiles,
    family_folders,
    family_of_files,
    paired_files,
)
from keras_seismic.datasets.store import FilePair
from keras_seismic.inspection.report import Inspection
from keras_seismic.io.arrays import read_header

#: Most files to open to compare headers, and most families to list.
OPENED, _FAMILIES = 2_000, 16

#: Most warnings of one kind.
_WARNINGS = 8


def describe_openfwi(
    report: Inspection, path: Path, files: list[Path], inspect: Callable[[Path], Inspection]
) -> bool:
    """Pairs by OpenFWI's file names; ``False`` if there are none, so that it is another folder.

    Args:
        report: The report to fill.
        path: The folder.
        files: All files in it and below.
        inspect: Inspects a member.
    """
    families: dict[Path, PairedFiles] = {}
    for folder in family_folders(files):
        try:
            found = paired_files(folder)
        except (ValueError, OSError) as error:  # mixed layouts, duplicate files
            report.warnings.append(str(error))
            continue
        if found.pairs or (found.gathers_alone and found.velocity_alone):
            families[folder] = found
    whole = families.pop(path.parent, None) if path.parent != path else None
    if not families:
        if whole:
            _half(report, path)
        return False
    report.kind, report.folders = "pairs", [str(folder) for folder in families]
    _describe_families(report, path, families)
    if len(families) == 1:
        ((folder, found),) = families.items()
        _describe_family(report, path, folder, found, inspect)
    return True


def _half(report: Inspection, path: Path) -> None:
    """Only the gathers or only the velocity of a family."""
    what, other = ("gathers", "model") if path.name == "data" else ("model", "data")
    report.format = f"the {what} of a folder in OpenFWI's layout"
    report.folders = [str(path.parent)]
    report.warnings.append(
        f"the other half is beside it in {other}; programs take the folder above, {path.parent}"
    )


def _describe_families(report: Inspection, path: Path, families: dict[Path, PairedFiles]) -> None:
    """Several families, which programs read one at a time, or one."""
    report.format = (
        "folder of several families in OpenFWI's layout"
        if len(families) > 1
        else "folder in OpenFWI's layout"
    )
    report.facts = {
        "families": [
            f"{folder.relative_to(path)} ({family_of_files(found.pairs) or 'unknown family'}, "
            f"{len(found.pairs)} pairs of files)"
            for folder, found in list(families.items())[:_FAMILIES]
        ],
        "pairs": f"{sum(len(found.pairs) for found in families.values())} of files",
    }
    for found in families.values():
        for files, name in ((found.gathers_alone, "velocity"), (found.velocity_alone, "gathers")):
            if files:
                report.warnings.append(
                    f"files without their {name}: {len(files)}, the first is "
                    f"{files[0].relative_to(path)}"
                )
    _shorten(report)
    if len(families) > _FAMILIES:
        report.warnings.append(f"{len(families) - _FAMILIES} more families are not listed")


def _describe_family(
    report: Inspection,
    path: Path,
    folder: Path,
    found: PairedFiles,
    inspect: Callable[[Path], Inspection],
) -> None:
    """One family, in the folder itself or below it."""
    report.family = family_of_files(found.pairs) or None
    del report.facts["families"]
    report.facts["family"] = (
        f"{report.family} (by the folder's name)"
        if report.family
        else "unknown (the folder's name does not say)"
    )
    if folder != path:
        report.facts["folder"] = str(folder.relative_to(path))
    _compare_shapes(report, path, found.pairs)
    _find_copies(report, [pair.gathers for pair in found.pairs])
    report.members = [inspect(file) for pair in found.pairs[:1] for file in pair if file]
    if any(not member.readable for member in report.members):
        report.warnings.append("the first pair cannot be read, see below")


def _compare_shapes(report: Inspection, path: Path, pairs: list[FilePair]) -> None:
    """Shapes from the headers of all pairs, and contradictions."""
    shapes: Counter[str] = Counter()
    examples = 0
    for gathers, velocity in pairs[:OPENED]:
        assert velocity is not None  # pairs of a folder are complete
        try:
            a, b = read_header(gathers), read_header(velocity)
        except (ValueError, OSError) as error:
            report.warnings.append(str(error))
            continue
        shapes[f"{a.dtype} {a.shape} and {b.dtype} {b.shape}"] += 1
        count, others = (shape[0] if shape else 0 for shape in (a.shape, b.shape))
        examples += count
        if count != others:
            report.warnings.append(
                f"{gathers.relative_to(path)} holds {count} examples, its velocity {others}"
            )
    _shorten(report)
    report.facts["examples"] = examples
    report.facts["shapes"] = [f"{shape} ({count} pairs)" for shape, count in shapes.most_common(4)]
    if len(pairs) > OPENED:
        report.facts["opened"] = f"the first {OPENED:,} pairs"
    if len(shapes) > 1:
        report.warnings.append(f"{len(shapes)} different shapes or types; readers need one")


def _shorten(report: Inspection) -> None:
    more = len(report.warnings) - _WARNINGS
    if more > 0:
        report.warnings[_WARNINGS:] = [f"and {more} more of this kind"]


def _find_copies(report: Inspection, files: list[Path]) -> None:
    """Files of the same size with the same bytes in the middle."""
    seen: dict[tuple[int, bytes], Path] = {}
    copies = []
    for file in files[:OPENED]:
        size = file.stat().st_size
        with file.open("rb") as stream:
            stream.seek(size // 2)
            key = (size, stream.read(4096))
        if key in seen and any(key[1]):
            copies.append((seen[key].name, file.name))
        seen.setdefault(key, file)
    if copies:
        a, b = copies[0]
        report.warnings.append(f"copies of other files: {len(copies)}, the first is {b} of {a}")
