"""Reading .npy files that may be anything."""

import io
import math
import os
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from keras_seismic.files import written_whole

#: The longest header that is read; NumPy's limit for the text in it is 10,000 characters.
_HEADER_BYTES = 2**16


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
        header = parse_header(file, str(path))
    shape, dtype = header.shape, header.dtype
    if dtype.hasobject or dtype.kind not in "fiub":
        raise ValueError(
            f"{path}: expected an array of numbers, received dtype {dtype}"
            + (" (pickled Python objects, which are never loaded)" if dtype.hasobject else "")
        )
    expected = header.offset + math.prod(shape) * dtype.itemsize
    actual = path.stat().st_size
    if actual != expected:
        raise ValueError(
            f"{path}: its header promises {dtype} {shape}, {expected} bytes in all, but the file "
            f"has {actual}; it is {'truncated' if actual < expected else 'damaged'}"
        )
    return header


def parse_header(stream: IO[bytes], source: str) -> ArrayHeader:
    """The header that a stream of .npy content begins with; of the content no more is read.

    Args:
        stream: At its beginning.
        source: What to call it in errors.

    Raises:
        ValueError: If it is no such header, or its shape is none.
    """
    # NumPy reads a header of any length, gigabytes in an archive, before it refuses it.
    start = io.BytesIO(stream.read(_HEADER_BYTES))
    try:
        version = np.lib.format.read_magic(start)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran_order, dtype = read(start)
    except Exception as error:  # the header is Python text, and its parser raises anything
        raise ValueError(f"{source}: expected a NumPy .npy file, but {error}") from error
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"{source}: expected a NumPy .npy file, but its shape is {shape}")
    return ArrayHeader(shape, dtype, fortran_order, start.tell())


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
    header = read_header(path)
    try:
        return np.load(path, allow_pickle=False, mmap_mode="r" if mmap else None)
    except (ValueError, OverflowError) as error:  # too many axes, nothing to map
        raise ValueError(f"{path}: an array of shape {header.shape}: {error}") from error


def write_array(path: str | os.PathLike, array: np.ndarray) -> None:
    """Write a .npy file whole or not at all."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
