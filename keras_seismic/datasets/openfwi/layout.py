"""Names of the published OpenFWI files, and finding the pairs in a folder."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from keras_seismic.datasets.store import FilePair
from keras_seismic.simulation.geology import OPENFWI_FAMILIES, family_name

SPLITS = ("train", "validation")

#: Last file number of the training split and of all files, by the kind of family.
_LAST_NUMBERS = {"vel": (48, 60), "style": (120, 134)}

#: The fault families name their files by layers, 1, and a number starting from 0.
_FAULT_LAYERS = {"a": 2, "b": 6}
_FAULT_TRAINING, _FAULT_FILES = 32, 36

_NAMES = {
    "data": re.compile(r"data(\d+)\.npy"),
    "model": re.compile(r"model(\d+)\.npy"),
    "seis": re.compile(r"seis(\d+)_(\d+)_(\d+)\.npy"),
    "vel": re.compile(r"vel(\d+)_(\d+)_(\d+)\.npy"),
}
_VELOCITY_OF = {"data": "model", "seis": "vel"}


class PairedFiles(NamedTuple):
    """The files in the folder of one family, complete pairs and what has no partner."""

    pairs: list[FilePair]
    gathers_alone: list[Path]
    velocity_alone: list[Path]


def find_pairs(folder: str | os.PathLike[str]) -> list[FilePair]:
    """The pairs of files in the folder of one family, in the order of their numbers.

    Both published layouts, ``data/data{i}.npy`` with ``model/model{i}.npy`` and
    ``seis{a}_{b}_{c}.npy`` with ``vel{a}_{b}_{c}.npy``; ``data{i}.npy`` and ``model{i}.npy``
    may also lie in the folder itself.

    Args:
        folder: The family's folder.

    Raises:
        FileNotFoundError: If there is no such folder, nothing in it, or a file's partner is
            missing.
        ValueError: If the folder mixes layouts.
    """
    found = paired_files(folder)
    for alone in (found.gathers_alone, found.velocity_alone):
        if alone:
            raise FileNotFoundError(
                f"{alone[0]}: its partner {_partner(alone[0].name)} is missing "
                f"({len(alone)} files of {folder} have none)"
            )
    return found.pairs


def paired_files(folder: str | os.PathLike[str]) -> PairedFiles:
    """Like ``find_pairs``, but files without a partner are listed, not refused.

    Args:
        folder: The family's folder.

    Raises:
        FileNotFoundError: If there is no such folder, or nothing in it.
        ValueError: If the folder mixes layouts.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    found = {kind: _numbered(folder, kind) for kind in _NAMES}
    kinds = [kind for kind in _VELOCITY_OF if found[kind] or found[_VELOCITY_OF[kind]]]
    if not kinds:
        raise FileNotFoundError(_nothing_found(folder))
    if len(kinds) > 1:
        raise ValueError(
            f"{folder}: holds files of two layouts, data/model and seis/vel; keep one family in a "
            "folder"
        )
    (kind,) = kinds
    gathers, velocity = found[kind], found[_VELOCITY_OF[kind]]
    return PairedFiles(
        [FilePair(gathers[key], velocity[key]) for key in sorted(set(gathers) & set(velocity))],
        [gathers[key] for key in sorted(set(gathers) - set(velocity))],
        [velocity[key] for key in sorted(set(velocity) - set(gathers))],
    )


def _partner(name: str) -> str:
    """The name of the other file of a pair."""
    for gathers, velocity in _VELOCITY_OF.items():
        for one, other in ((gathers, velocity), (velocity, gathers)):
            if _NAMES[one].fullmatch(name):
                return name.replace(one, other, 1)
    raise ValueError(f"{name}: not a published name (data1.npy, seis2_1_0.npy)")


def family_folders(files: Iterable[Path]) -> list[Path]:
    """The folders to give ``find_pairs`` for some files; files not named as OpenFWI's are skipped.

    Example:
        >>> [str(f) for f in family_folders([Path("A/seis2_1_0.npy"), Path("A/notes.npy")])]
        ['A']
    """
    places = {
        (file.parent, kind)
        for file in files
        for kind, pattern in _NAMES.items()
        if pattern.fullmatch(file.name)
    }
    return sorted({_family_folder(place, kind) for place, kind in places})


def _family_folder(place: Path, kind: str) -> Path:
    """The folder above ``data`` and ``model`` side by side; either alone is an ordinary folder."""
    halves = ("data", "model")
    beside = place.name == kind and all((place.parent / half).is_dir() for half in halves)
    return place.parent if beside and kind in halves else place


def select_split(pairs: list[FilePair], split: str, family: str | None) -> list[FilePair]:
    """The pairs that belong to a published split, by the numbers in their names.

    Args:
        pairs: Pairs of files with published names.
        split: ``"train"`` or ``"validation"``.
        family: The family, which determines the split.

    Raises:
        ValueError: If the split or family is unknown or a file's name is not in it.
        FileNotFoundError: If no file belongs to the split.
    """
    chosen = [pair for pair in pairs if file_split(pair.gathers.name, family) == _checked(split)]
    if not chosen:
        raise FileNotFoundError(
            f"{pairs[0].gathers.parent}: none of its {len(pairs)} files is of the published "
            f"{split} split ({pairs[0].gathers.name} to {pairs[-1].gathers.name} are not)"
        )
    return chosen


def published_splits(pairs: Sequence[FilePair], family: str | None) -> list[str | None]:
    """The published split of each pair, ``None`` where there is none or it is unknown."""
    splits: list[str | None] = []
    for pair in pairs:
        try:
            splits.append(file_split(pair.gathers.name, family))
        except ValueError:
            splits.append(None)
    return splits


def file_split(name: str, family: str | None) -> str:
    """The published split that a file of gathers belongs to.

    Example:
        >>> file_split("data49.npy", "flatvel_a"), file_split("seis3_1_31.npy", "flatfault_a")
        ('validation', 'train')
    """
    match = _NAMES["seis"].fullmatch(name)
    if match:
        number, last_training, last = int(match[3]), _FAULT_TRAINING - 1, _FAULT_FILES - 1
    else:
        match = _NAMES["data"].fullmatch(name)
        if not match:
            raise ValueError(
                f"{name}: not a published name (data1.npy, seis2_1_0.npy); leave the split out"
            )
        if family is None:
            raise ValueError(
                f"{name}: the family decides where its published split lies; give the family"
            )
        kind = "style" if family_name(family).startswith("style") else "vel"
        number, (last_training, last) = int(match[1]), _LAST_NUMBERS[kind]
    if number > last:
        raise ValueError(
            f"{name}: its number is in no published split (training ends with {last_training}, "
            f"validation with {last}); leave the split out"
        )
    return "train" if number <= last_training else "validation"


def files_of_split(folder: str | os.PathLike[str], family: str, split: str | None) -> list[Path]:
    """The files of a folder, gathers and velocity, that belong to a published split.

    Args:
        folder: The family's folder; it need not exist.
        family: The family, which determines the split.
        split: ``"train"`` or ``"validation"``; all files without one.
    """
    chosen = []
    for gathers, velocity in _VELOCITY_OF.items():
        for kind in (gathers, velocity):
            for numbers, path in _numbered(Path(folder), kind).items():
                name = f"{gathers}{'_'.join(map(str, numbers))}.npy"
                pair = FilePair(path.with_name(name), None)
                if split is None or published_splits([pair], family) == [split]:
                    chosen.append(path)
    return chosen


def published_names(family: str, split: str | None = None) -> Iterator[tuple[str, str]]:
    """Names of gather and velocity files, relative to the family's folder, in order.

    Args:
        family: The family.
        split: Only those of a split. Without one, the names never end; fault files continue
            with larger first numbers.

    Example:
        >>> next(published_names("style_a", "validation"))
        ('data/data121.npy', 'model/model121.npy')
    """
    family = family_name(family)
    wanted = (None,) if split is None else (_checked(split),)
    number = 0
    while True:
        if "fault" in family:
            layers, c = divmod(number, _FAULT_FILES)
            if split and layers == 3:
                return
            a = layers + _FAULT_LAYERS["b" if "fault_b" in family else "a"]
            names = f"seis{a}_1_{c}.npy", f"vel{a}_1_{c}.npy"
        else:
            names = f"data/data{number + 1}.npy", f"model/model{number + 1}.npy"
            kind = "style" if family.startswith("style") else "vel"
            if split and number == _LAST_NUMBERS[kind][1]:
                return
        if split is None or file_split(Path(names[0]).name, family) in wanted:
            yield names
        number += 1


def family_of_files(pairs: Sequence[FilePair]) -> str | None:
    """The family, such as ``FlatVel_A``, that the files' folders are named after, if any.

    The folder is the one that holds the files, or its parent (``FlatVel_A/data/data1.npy``).
    """
    families = {_family(pair.gathers.absolute()) for pair in pairs}
    return families.pop() if len(families) == 1 else None


def _family(path: Path) -> str | None:
    names = [folder.name.lower().replace("-", "_") for folder in (path.parent, path.parent.parent)]
    return next((name for name in names if name in OPENFWI_FAMILIES), None)


def _numbered(folder: Path, kind: str) -> dict[tuple[int, ...], Path]:
    """Files of a kind by their numbers, in the folder itself or in the subfolder of that name."""
    found: dict[tuple[int, ...], Path] = {}
    for place in (folder, folder / kind) if kind in ("data", "model") else (folder,):
        for entry in os.scandir(place) if place.is_dir() else ():
            match = _NAMES[kind].fullmatch(entry.name)
            if match:
                key = tuple(int(number) for number in match.groups())
                if key in found:
                    raise ValueError(
                        f"{folder}: holds {entry.name} twice, {found[key]} and {entry.path}"
                    )
                found[key] = Path(entry.path)
    return found


def _nothing_found(folder: Path) -> str:
    expected = "expected data/data1.npy and model/model1.npy, or seis2_1_0.npy and vel2_1_0.npy"
    names = sorted(entry.name for entry in os.scandir(folder))
    families = [name for name in names if name.lower().replace("-", "_") in OPENFWI_FAMILIES]
    if families:
        return f"{folder}: {expected}; it holds the families {', '.join(families)}, give one"
    return f"{folder}: {expected}, found {', '.join(names[:5]) or 'an empty folder'}"


def _checked(split: str) -> str:
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, received {split!r}")
    return split
