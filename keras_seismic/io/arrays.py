"""NumPy files, fully checked, and numbers mapped from files."""

import io
import math
import mmap
import os
import threading
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from keras_seismic.file_checks import check_file
from keras_seismic.files import written_whole

#: The longest header that is read; NumPy's limit for the text in it is 10,000 characters.
_HEADER_BYTES = 2**16
#: NumPy reads headers by Python's parser, which in Python 3.11 can fail where several threads use
#: it (https://github.com/python/cpython/issues/106905).
_PARSING = threading.Lock()


class ArrayHeader(NamedTuple):
    """Shape and type of the array in a .npy file, and the offset of its numbers in bytes."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    offset: int


def read_header(path: str | os.PathLike[str]) -> ArrayHeader:
    """The header of a .npy file of numbers, checked against the file's size.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a .npy file, holds objects, or its size is not what its
            header says.
    """
    path = Path(path)
    check_file(path)
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
    """The header at the beginning of a stream of .npy content.

    Args:
        stream: At its beginning; at most 64 KiB of it are read.
        source: Its name in error messages.

    Raises:
        ValueError: If there is no valid header.
    """
    # NumPy would read a header of any length (gigabytes in an archive) before refusing it.
    start = io.BytesIO(stream.read(_HEADER_BYTES))
    try:
        version = np.lib.format.read_magic(start)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        with _PARSING:
            shape, fortran_order, dtype = read(start)
    except Exception as error:  # the header is Python text, and its parser raises anything
        raise ValueError(f"{source}: expected a NumPy .npy file, but {error}") from error
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"{source}: expected a NumPy .npy file, but its shape is {shape}")
    return ArrayHeader(shape, dtype, fortran_order, start.tell())


def read_array(path: str | os.PathLike[str], mmap: bool = False) -> np.ndarray:
    """A numeric array from a .npy file, its header checked against the file's size.

    Pickled content is never loaded, because it could run code.

    Args:
        path: The file.
        mmap: Map the file read-only instead of loading it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a .npy file, holds objects, or its size is not what its
            header says.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "zeros.npy"
        >>> write_array(path, np.zeros((2, 3)))
        >>> read_array(path).shape
        (2, 3)
    """
    header = read_header(path)
    try:
        with _PARSING:
            array: np.ndarray = np.load(path, allow_pickle=False, mmap_mode="r" if mmap else None)
        return array
    except (ValueError, OverflowError) as error:  # too many axes, or empty
        raise ValueError(f"{path}: an array of shape {header.shape}: {error}") from error


def write_array(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write a .npy file whole or not at all."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def mapped(
    path: Path,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    offset: int = 0,
    fortran: bool = False,
    scattered: bool = False,
) -> np.ndarray:
    """A read-only view of numbers in a file, whose size must have been checked.

    Args:
        path: The file.
        dtype: Type of an element, which may be a record.
        shape: Of the array.
        offset: Where it begins in the file, bytes.
        fortran: Whether it is in Fortran order.
        scattered: Whether only a few scattered elements will be read. The system then does not
            read ahead, which cuts the time for a few thousand short rows of a large file from
            half a minute to a twentieth of a second.
    """
    with path.open("rb") as file:
        view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if scattered and hasattr(view, "madvise"):
        view.madvise(mmap.MADV_RANDOM)
    return np.ndarray(shape, dtype, view, offset, order="F" if fortran else "C")


def let_go(array: np.ndarray) -> None:
    """Give back the memory of what was read from, or written to, a mapped file.

    Nothing is lost: what was written stays with the system, and what is read again is read from
    the file. Without this, a file counts as memory of the process as far as it has been read.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)
