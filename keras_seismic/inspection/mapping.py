"""Mapping files that are read here and there."""

import mmap
from pathlib import Path
from typing import Literal

import numpy as np


def mapped(
    path: Path, dtype: np.dtype, shape: tuple[int, ...], offset: int, order: Literal["C", "F"] = "C"
) -> np.ndarray:
    """A read-only view of a file's numbers.

    The system is told that reading jumps: otherwise it fetches long stretches around every
    place, which makes a few thousand short rows of a large file take half a minute instead of
    a twentieth of a second.

    Args:
        path: The file.
        dtype: Of its elements, which may be records.
        shape: Of the array.
        offset: Where it begins in the file, bytes.
        order: ``"C"`` or ``"F"``.
    """
    with path.open("rb") as file:
        view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if hasattr(view, "madvise"):
        view.madvise(mmap.MADV_RANDOM)
    return np.ndarray(shape, dtype, view, offset, order=order)
