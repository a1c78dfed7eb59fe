"""Reading .npy files that may be anything."""

import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np


class ArrayHeader(NamedTuple):
    """What a .npy file says of its array, and where the numbers begin."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran_order: bool
    offset: int


def read_header(path: str | os.PathLike) -> ArrayHeader:
    """The header of a .npy file of numbers, checked against the file's size.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no .npy file, holds objects, or is shorter or longer than
            its header says.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, fortran_order, dtype = read(file)
        except (ValueError, KeyError, EOFError) as error:
            raise ValueError(f"{path}: expected a NumPy .npy file, but {error}") from error
        offset = file.tell()
    if dtype.hasobject or dtype.kind not in "fiub":
        raise ValueError(
            f"{path}: expected an array of numbers, received dtype {dtype}"
            + (" (pickled Python objects, which are never loaded)" if dtype.hasobject else "")
        )
    expected = offset + math.prod(shape) * dtype.itemsize
    actual = path.stat().st_size
    if actual != expected:
        raise ValueError(
            f"{path}: its header promises {dtype} {shape}, {expected} bytes in all, but the file "
            f"has {actual}; it is {'truncated' if actual < expected else 'damaged'}"
        )
    return ArrayHeader(shape, dtype, fortran_order, offset)


def read_array(path: str | os.PathLike, mmap: bool = False) -> np.ndarray:
    """A numeric array from a .npy file, its header checked against the file's size.

    Pickled content is never loaded: it could run code.

    Args:
        path: The file.
        mmap: Map the file read-only instead of loading it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no .npy file, holds objects, or is shorter or longer than
            its header says.
    """
    read_header(path)
    return np.load(path, allow_pickle=False, mmap_mode="r" if mmap else None)


def check_finite(array: np.ndarray, source: str) -> None:
    """Refuse NaN and infinity.

    Raises:
        ValueError: With the number of such values and the place of the first.
    """
    bad = ~np.isfinite(array)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{source}: {int(bad.sum())} of {array.size} values are not finite (NaN or infinity), "
            f"the first at index {place}"
        )


def write_array(path: str | os.PathLike, array: np.ndarray) -> None:
    """Write a .npy file under a temporary name, then rename it into place."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
