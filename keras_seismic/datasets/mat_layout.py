"""Names of FCNVMB's .mat files, and finding them in a folder."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class MatLayout:
    """Names of files and the arrays in them: ``<name><number>.mat``, numbered from 1.

    Args:
        gather_names: Beginnings of the names of files with shot gathers.
        gather_keys: Names that the array in such a file may have.
        velocity_names: Beginnings of the names of files with velocity models.
        velocity_keys: Names that the array in such a file may have.

    Example:
        >>> mine = MatLayout(("shot",), ("data",), ("model",), ("c",))  # shot1.mat, model1.mat
    """

    gather_names: tuple[str, ...]
    gather_keys: tuple[str, ...]
    velocity_names: tuple[str, ...]
    velocity_keys: tuple[str, ...]


#: The published layouts. Repackaged files keep 400 samples and come with several keys.
MAT_LAYOUTS = {
    "simulated": MatLayout(("georec",), ("Rec",), ("vmodel",), ("vmodel",)),
    "salt": MatLayout(("srec",), ("Rec",), ("svmodel",), ("svmodel",)),
    "repackaged": MatLayout(
        ("seismic",), ("data", "Rec"), ("vmodel", "svmodel"), ("data", "vmodel", "svmodel")
    ),
}


def numbered(folder: Path, names: Sequence[str]) -> dict[int, Path]:
    """Files ``<name><number>.mat`` in the folder and directly below it, by number.

    Raises:
        ValueError: If two files have the same number.
    """
    wanted = re.compile(rf"(?:{'|'.join(map(re.escape, names))})([0-9]+)\.mat")
    found: dict[int, Path] = {}
    for path in sorted([*folder.glob("*.mat"), *folder.glob("*/*.mat")]):
        match = wanted.fullmatch(path.name)
        if match:
            number = int(match[1])
            if number in found:
                raise ValueError(
                    f"{folder}: {found[number].relative_to(folder)} and "
                    f"{path.relative_to(folder)} have the same number; choose the folder of one "
                    "data set"
                )
            found[number] = path
    return found


def recognized(folder: Path) -> MatLayout:
    """The layout that the file names in a folder imply.

    Raises:
        ValueError: If they imply none or several.
    """
    present = [name for name, m in MAT_LAYOUTS.items() if numbered(folder, m.gather_names)]
    if len(present) != 1:
        expected = ", ".join(pattern(m.gather_names) for m in MAT_LAYOUTS.values())
        raise ValueError(
            f"{folder}: expected the files of one layout ({expected}) in it or in the folders "
            f"directly below it, found {' and '.join(present) or 'none'}"
        )
    return MAT_LAYOUTS[present[0]]


def pattern(names: Sequence[str]) -> str:
    """Names of files, for messages."""
    return " or ".join(f"{name}<number>.mat" for name in names)
