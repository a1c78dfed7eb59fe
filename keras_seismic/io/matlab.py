"""MATLAB files of version 5 and 7.3, and plain HDF5: arrays read in parts, links never followed."""

import contextlib
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.file_checks import check_file, check_unpacked
from keras_seismic.io.mat_elements import read_matrices

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: Where HDF5 allows its signature; MATLAB leaves 512 bytes for its own header.
_HDF5_OFFSETS = (0, 512, 1024, 2048)

#: NumPy types for MATLAB's numeric classes.
_NUMERIC = {"double": "f8", "single": "f4"} | {
    f"{sign}int{bits}": f"{sign[:1] or 'i'}{bits // 8}"
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}

#: From the array's shape to the wanted part of its first axis; may reject the shape.
Select = Callable[[tuple[int, ...]], slice]


class MatArray:
    """A real numeric array in a file, read when indexed; axes in MATLAB's order.

    Attributes:
        shape: Of the array.
        dtype: Of the numbers as stored.
        in_parts: Whether parts can be read alone; otherwise the first access loads all of it.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        read: Callable[[tuple[Any, ...]], np.ndarray],
        in_parts: bool,
    ) -> None:
        self.shape, self.dtype, self.in_parts = tuple(shape), dtype, in_parts
        self._path, self._read = path, read

    def __getitem__(self, index: Any) -> np.ndarray:
        with _damage_named(self._path):
            return self._read(index if isinstance(index, tuple) else (index,))


class MatFile:
    """The arrays of an open file, by name.

    Attributes:
        format: Its format, in words.
        names: What the file holds, arrays of numbers or not.
    """

    def __init__(self, kind: str, names: list[str], array: Callable[[str], MatArray]) -> None:
        self.format, self.names, self._array = kind, names, array

    def __getitem__(self, name: str) -> MatArray:
        """One array, not read yet.

        Raises:
            ValueError: If it is not an array of real numbers in this file.
        """
        return self._array(name)


@contextlib.contextmanager
def open_mat(path: str | os.PathLike[str]) -> Iterator[MatFile]:
    """A MATLAB or HDF5 file, opened without loading it.

    Version 5 (MATLAB's ``-v6`` and ``-v7``) is read here, version 7.3 (HDF5, where the axes are
    reversed) by h5py. Links and arrays stored in other files are not followed. Axes of
    plain HDF5 files stay as they are, unless the file is named ``.mat``.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, or is damaged.
        ImportError: If h5py is needed and not installed.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> path = Path(tempfile.mkdtemp()) / "vmodel1.mat"
        >>> savemat(path, {"vmodel": np.full((2, 3), 1500.0)})
        >>> with open_mat(path) as file:
        ...     file.names, file["vmodel"].shape
        (['vmodel'], (2, 3))
    """
    path = Path(path)
    opened = {5: _open_version_5, 7: _open_hdf5}[_version(path)]
    with opened(path) as file:
        yield file


def read_mat(
    path: str | os.PathLike[str],
    keys: Sequence[str],
    select: Select = lambda shape: slice(None),
    ndim: int = 2,
) -> np.ndarray:
    """A real numeric array from a .mat file, axes in MATLAB's order; see ``open_mat``.

    Args:
        path: The file.
        keys: Names that the array may have; the file must hold exactly one of them.
        select: From the array's shape to the part of the first axis to read. May raise
            ValueError about the shape; the path is prepended.
        ndim: Fewest axes to return. MATLAB drops axes of length one at the end.

    Returns:
        float32 array.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a .mat file of these versions, is damaged, lacks the key, or
            holds something other than real numbers under it.
        ImportError: If h5py is needed and not installed.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> path = Path(tempfile.mkdtemp()) / "vmodel1.mat"
        >>> savemat(path, {"vmodel": np.full((2, 3), 1500.0)})
        >>> read_mat(path, ["vmodel"]).shape
        (2, 3)
    """
    with open_mat(path) as file:
        found = [key for key in keys if key in file.names]
        if len(found) != 1:
            expected = " or ".join(repr(key) for key in keys)
            raise ValueError(
                f"{path}: expected {'one ' if found else ''}array {expected}, the file holds "
                f"{', '.join(repr(name) for name in file.names) or 'nothing'}"
            )
        array = file[found[0]]
        try:
            wanted = select(_padded(array.shape, ndim))
        except ValueError as error:
            raise ValueError(f"{path}: {found[0]!r}: {error}") from None
        with np.errstate(over="ignore", invalid="ignore"):  # which callers refuse
            part = np.array(array[wanted], np.float32, order="C")
    return part.reshape(_padded(part.shape, ndim))


def _padded(shape: Sequence[int], ndim: int) -> tuple[int, ...]:
    return (*shape, *[1] * (ndim - len(shape)))


def _version(path: Path) -> int:
    check_file(path)
    with path.open("rb") as file:
        start = file.read(_HDF5_OFFSETS[-1] + 8)
    if any(start[i : i + 8] == HDF5_SIGNATURE for i in _HDF5_OFFSETS):
        return 7
    # After 124 bytes of text: the version, and "MI" in the writer's byte order.
    if start[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
        return 5
    if start[124:128] in (b"\x00\x02IM", b"\x02\x00MI"):
        raise ValueError(f"{path}: a .mat file of version 7.3 that ends after its header")
    raise ValueError(
        f"{path}: expected a MATLAB file of version 5 (save -v6 or -v7) or 7.3; this is neither, "
        f"its {path.stat().st_size} bytes begin with {start[:16]!r}"
    )


@contextlib.contextmanager
def _open_version_5(path: Path) -> Iterator[MatFile]:
    with _damage_named(path):
        matrices = {matrix.name: matrix for matrix in read_matrices(path)}
    loaded: dict[str, np.ndarray] = {}

    def array(name: str) -> MatArray:
        matrix = matrices[name]
        _check_class(path, name, matrix.kind)
        dtype = np.dtype(_NUMERIC[matrix.kind])
        _check_numbers(path, name, np.dtype("c16") if matrix.is_complex else dtype)

        def read(index: tuple[Any, ...]) -> np.ndarray:
            if name not in loaded:
                loaded.clear()  # one array in memory at a time
                loaded[name] = matrix.numbers()
            return np.asarray(loaded[name][index], dtype)

        return MatArray(path, matrix.shape, dtype, read, in_parts=not matrix.compressed)

    yield MatFile("MATLAB file, version 5 to 7", list(matrices), array)


@contextlib.contextmanager
def _open_hdf5(path: Path) -> Iterator[MatFile]:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f"reading {path} needs h5py: pip install 'keras_seismic[mat]'") from error
    with path.open("rb") as start:
        matlab = path.suffix.lower() == ".mat" or start.read(6) == b"MATLAB"
    with contextlib.ExitStack() as stack:
        with _damage_named(path):
            file = stack.enter_context(h5py.File(path, "r"))
            names = [name for name in file if not name.startswith("#")]

        def array(name: str) -> MatArray:
            with _damage_named(path):
                return _hdf5_array(path, file, name, matlab)

        kind = "MATLAB file, version 7.3 (HDF5)" if matlab else "HDF5 file"
        yield MatFile(kind, names, array)


def _hdf5_array(path: Path, file: Any, name: str, reversed_axes: bool) -> MatArray:
    import h5py

    # A link to another file could make this read anything on the machine.
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise ValueError(
            f"{path}: {name!r} is a link, which could lead into another file and is not "
            "followed; store the array itself"
        )
    item = file[name]
    kind = item.attrs.get("MATLAB_class", b"double")
    _check_class(
        path, name, kind.decode(errors="replace") if isinstance(kind, bytes) else str(kind)
    )
    if not isinstance(item, h5py.Dataset):
        raise ValueError(f"{path}: expected an array under {name!r}, received a group")
    if item.external or item.is_virtual:
        raise ValueError(
            f"{path}: the numbers of {name!r} lie in other files, which are not opened; "
            "store the array itself"
        )
    if item.shape is None:
        raise ValueError(f"{path}: {name!r} is an empty (null) data set; expected an array")
    _check_numbers(path, name, item.dtype)
    if item.chunks is not None and len(item.chunks) != item.ndim:  # HDF5 would read forever
        raise ValueError(f"{path}: {name!r} of shape {item.shape} has chunks of {item.chunks}")
    shape = item.shape[::-1] if reversed_axes else item.shape
    check_unpacked(path, math.prod(shape) * item.dtype.itemsize, f"{name!r}, {item.dtype} {shape},")

    def read(index: tuple[Any, ...]) -> np.ndarray:
        if not reversed_axes:
            return np.asarray(item[index])
        index += (slice(None),) * (len(shape) - len(index))
        return np.asarray(item[index[::-1]]).T

    return MatArray(path, shape, item.dtype, read, in_parts=True)


def _check_class(path: Path, key: str, kind: str) -> None:
    if kind not in _NUMERIC:
        raise ValueError(f"{path}: expected numbers under {key!r}, received a MATLAB {kind}")


def _check_numbers(path: Path, key: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "fiu":
        raise ValueError(f"{path}: expected real numbers under {key!r}, received dtype {dtype}")


@contextlib.contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """zlib, NumPy and h5py have exceptions of their own for damage, and h5py raises anything."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith(f"{path}: "):
            raise
        raise ValueError(f"{path}: truncated or damaged .mat file ({error})") from error
