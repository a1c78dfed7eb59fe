"""Reading one array from a MATLAB file that may be anything."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: Where HDF5 allows its signature; MATLAB leaves 512 bytes for its own header.
_HDF5_OFFSETS = (0, 512, 1024, 2048)
_NUMERIC = {
    "double",
    "single",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
}

#: The best that deflate does is 1032 to 1; a file may be damaged where it promises more.
_LARGEST_RATIO = 2000

#: From the array's shape to the part of its first axis that is wanted; may refuse the shape.
Select = Callable[[tuple[int, ...]], slice]


def read_mat(
    path: str | os.PathLike,
    keys: Sequence[str],
    select: Select = lambda shape: slice(None),
    ndim: int = 2,
) -> np.ndarray:
    """A real numeric array from a .mat file, axes in MATLAB's order.

    Version 5 (MATLAB's ``-v6`` and ``-v7``) is read by SciPy, version 7.3 (HDF5, where the
    axes lie the other way round) by h5py. Names, class and shape are checked before the
    array is loaded. Nothing is read that lies in another file: links and external storage
    are refused.

    Args:
        path: The file.
        keys: Names that the array may have; the file must hold exactly one of them.
        select: From the array's shape to the part of the first axis to read. May raise
            ValueError about the shape; the path is put in front.
        ndim: Axes that the array has at least. MATLAB drops axes of length one at the end.

    Returns:
        float32 array.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no .mat file of these versions, is damaged, lacks the key, or
            holds something else than real numbers under it.
        ImportError: If SciPy or h5py is needed and not installed.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> path = Path(tempfile.mkdtemp()) / "vmodel1.mat"
        >>> savemat(path, {"vmodel": np.full((2, 3), 1500.0)})
        >>> read_mat(path, ["vmodel"]).shape
        (2, 3)
    """
    path = Path(path)
    read = {5: _read_version_5, 7: _read_version_7}[_version(path)]
    try:
        return read(path, keys, select, ndim)
    except (MemoryError, ImportError):
        raise
    except Exception as error:  # h5py has no exception of its own for damaged files
        if isinstance(error, ValueError) and str(error).startswith(f"{path}: "):
            raise
        raise _damaged(path, error) from error


def _version(path: Path) -> int:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with path.open("rb") as file:
        start = file.read(_HDF5_OFFSETS[-1] + 8)
    if any(start[i : i + 8] == _HDF5_SIGNATURE for i in _HDF5_OFFSETS):
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


def _read_version_5(path: Path, keys: Sequence[str], select: Select, ndim: int) -> np.ndarray:
    try:
        from scipy.io import loadmat, whosmat
    except ImportError as error:
        raise _needed("scipy", path) from error
    try:
        contents = {name: (shape, kind) for name, shape, kind in whosmat(path)}
    except MemoryError:
        raise
    except Exception as error:  # SciPy has no exception of its own for damaged files
        raise _damaged(path, error) from error
    key = _chosen(path, keys, contents)
    shape, kind = contents[key]
    _check_class(path, key, kind)
    wanted = _selected(path, key, shape, select, ndim)
    try:
        array = loadmat(path, variable_names=[key])[key]
    except MemoryError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error
    _check_numbers(path, key, array.dtype)
    return np.ascontiguousarray(array.reshape(_padded(array.shape, ndim))[wanted], np.float32)


def _read_version_7(path: Path, keys: Sequence[str], select: Select, ndim: int) -> np.ndarray:
    try:
        import h5py
    except ImportError as error:
        raise _needed("h5py", path) from error
    with h5py.File(path, "r") as file:
        key = _chosen(path, keys, [name for name in file if not name.startswith("#")])
        if not isinstance(file.get(key, getlink=True), h5py.HardLink):
            raise ValueError(
                f"{path}: {key!r} is a link, which could lead into another file and is not "
                "followed; store the array itself"
            )
        item = file[key]
        _check_class(path, key, _matlab_class(item))
        if not isinstance(item, h5py.Dataset):
            raise ValueError(f"{path}: expected an array under {key!r}, received a group")
        if item.external or item.is_virtual:
            raise ValueError(
                f"{path}: the numbers of {key!r} lie in other files, which are not opened; "
                "store the array itself"
            )
        _check_stored(path, key, item)
        wanted = _selected(path, key, item.shape[::-1], select, ndim)
        part = item.astype(np.float32)[..., wanted].T
    return np.ascontiguousarray(part.reshape(_padded(part.shape, ndim)))


def _check_stored(path: Path, key: str, item: Any) -> None:
    """Refuse what is no array of numbers, or far larger than the file can hold."""
    if item.shape is None:
        raise ValueError(f"{path}: {key!r} is an empty (null) data set; expected an array")
    _check_numbers(path, key, item.dtype)
    size = math.prod(item.shape) * item.dtype.itemsize
    if size > _LARGEST_RATIO * path.stat().st_size:
        raise ValueError(
            f"{path}: {key!r} is said to be {item.dtype} {item.shape[::-1]}, {size} bytes, which a "
            f"file of {path.stat().st_size} bytes cannot hold; it is damaged"
        )


def _matlab_class(item: Any) -> str:
    """What MATLAB says the item is; a plain HDF5 array counts as numbers."""
    name = item.attrs.get("MATLAB_class", b"double")
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def _chosen(path: Path, keys: Sequence[str], names: Any) -> str:
    found = [key for key in keys if key in names]
    if len(found) != 1:
        expected = " or ".join(repr(key) for key in keys)
        raise ValueError(
            f"{path}: expected {'one ' if found else ''}array {expected}, the file holds "
            f"{', '.join(repr(name) for name in names) or 'nothing'}"
        )
    return found[0]


def _selected(path: Path, key: str, shape: tuple[int, ...], select: Select, ndim: int) -> slice:
    try:
        return select(_padded(shape, ndim))
    except ValueError as error:
        raise ValueError(f"{path}: {key!r}: {error}") from None


def _padded(shape: Sequence[int], ndim: int) -> tuple[int, ...]:
    return (*shape, *[1] * (ndim - len(shape)))


def _check_class(path: Path, key: str, kind: str) -> None:
    if kind not in _NUMERIC:
        raise ValueError(f"{path}: expected numbers under {key!r}, received a MATLAB {kind}")


def _check_numbers(path: Path, key: str, dtype: np.dtype) -> None:
    if dtype.kind not in "fiu":
        raise ValueError(f"{path}: expected real numbers under {key!r}, received dtype {dtype}")


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: truncated or damaged .mat file ({error})")


def _needed(package: str, path: Path) -> ImportError:
    return ImportError(f"reading {path} needs {package}: pip install 'keras_seismic[mat]'")
