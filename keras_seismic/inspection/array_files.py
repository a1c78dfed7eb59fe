"""NumPy, MATLAB and HDF5 files: which arrays they hold, read in parts where that is possible."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.inspection.content import (
    WHOLE,
    Content,
    FileProblem,
    LoadedWhole,
    Source,
    readable,
    storage,
)
from keras_seismic.inspection.mapping import mapped
from keras_seismic.io.arrays import read_array

#: Arrays up to this many bytes are read from end to end anyway.
_LARGE = 2**25

#: Keys of the .mat files that FCNVMB and its successors use.
_FCNVMB = {"Rec": "shot gathers", "vmodel": "velocity", "svmodel": "velocity"}


def open_npy(path: Path) -> Content:
    """A .npy file, mapped.

    Raises:
        FileProblem: If it is damaged, empty or holds something else than numbers.
    """
    try:
        array = read_array(path, mmap=True)
    except ValueError as error:
        text = str(error).removeprefix(f"{path}: ")
        if "empty file" in text:
            text = "the array has no elements"
        raise FileProblem(text) from error
    if 0 in array.shape:
        raise FileProblem(f"the array has no elements: its shape is {array.shape}")
    fortran = array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous
    if isinstance(array, np.memmap) and array.nbytes > _LARGE:
        array = mapped(path, array.dtype, array.shape, array.offset, "F" if fortran else "C")
    return Content(
        "NumPy array (.npy)",
        sources=[Source("", array, array.shape, array.dtype, storage(array.dtype, fortran))],
    )


def open_mat(path: Path) -> Content:
    """A MATLAB file, up to version 7 by SciPy, from 7.3 on by h5py.

    Raises:
        FileProblem: If it is damaged or holds no numeric arrays.
        ImportError: If the package is not installed that reads it.
    """
    with path.open("rb") as file:
        head = file.read(520)
    hdf5 = b"\x89HDF\r\n\x1a\n"
    if head.startswith(hdf5) or head[512:520] == hdf5:
        is_matlab = head.startswith(b"MATLAB")
        return open_hdf5(path, "MATLAB file, version 7.3 (HDF5)" if is_matlab else "HDF5 file")
    try:
        import scipy.io
    except ImportError as error:
        raise ImportError(
            f"reading {path} needs scipy: pip install 'keras_seismic[mat]'"
        ) from error
    try:
        listed = scipy.io.whosmat(path)
        content = Content(
            "MATLAB file, version 5 to 7" if head.startswith(b"MATLAB 5") else "MATLAB file"
        )
        budget = WHOLE
        for name, shape, kind in listed:
            source = _mat_variable(path, name, shape, kind, content.warnings, budget)
            if source is not None:
                content.sources.append(source)
                budget -= source.array.nbytes if source.array is not None else 0
    except (ValueError, TypeError, OSError, EOFError, KeyError, RuntimeError) as error:
        raise FileProblem(f"expected a MATLAB file, but it is damaged: {error}") from error
    except Exception as error:  # scipy raises zlib.error and classes of its own
        raise FileProblem(f"expected a MATLAB file, but {error}") from error
    return _with_arrays(content)


def _mat_variable(
    path: Path, name: str, shape: tuple[int, ...], kind: str, warnings: list[str], budget: int
) -> Source | None:
    import scipy.io

    if kind not in ("double", "single", "logical") and not kind.startswith(("int", "uint")):
        warnings.append(f"{name} is a {kind} array, no numbers")
        return None
    dtype = np.dtype({"double": "f8", "single": "f4", "logical": "?"}.get(kind, kind))
    size = math.prod(shape) * dtype.itemsize
    source = Source(name, None, tuple(shape), dtype, storage(dtype))
    if size > budget:
        source.notes.append(
            f"not looked into: {size / 1e6:,.0f} MB that can only be loaded whole, and at most "
            f"{WHOLE / 1e6:,.0f} MB of a file are"
        )
    else:
        source.array = LoadedWhole(
            name,
            source.shape,
            dtype,
            lambda: scipy.io.loadmat(path, variable_names=[name])[name],
        )
    return _hinted(source)


class _Stored:
    """A data set of an HDF5 file, with its axes in MATLAB's order where that wrote it."""

    def __init__(self, dataset: Any, turned: bool) -> None:
        self._dataset, self._turned = dataset, turned
        self.shape = dataset.shape[::-1] if turned else dataset.shape
        self.dtype = dataset.dtype

    def __getitem__(self, index: Any) -> np.ndarray:
        index = index if isinstance(index, tuple) else (index,)
        index = index + (slice(None),) * (len(self.shape) - len(index))
        if self._turned:
            index = index[::-1]
        part = readable(self._dataset.name, lambda: np.asarray(self._dataset[index]))
        return part.T if self._turned else part


def open_hdf5(path: Path, kind: str) -> Content:
    """An HDF5 file, of MATLAB or another program, read in parts.

    Raises:
        FileProblem: If it is damaged or holds no numeric arrays.
        ImportError: If h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f"reading {path} needs h5py: pip install 'keras_seismic[mat]'") from error
    content = Content(kind)
    try:
        content.file = h5py.File(path, "r")
        for name in content.file:
            try:
                source = _dataset(content.file, name, "MATLAB" in kind, content.warnings)
            except Exception as error:  # as for the file as a whole
                content.warnings.append(f"{name} is damaged: {error}")
                continue
            if source is not None:
                content.sources.append(source)
        return _with_arrays(content)
    except FileProblem:
        content.close()
        raise
    except Exception as error:  # h5py's for damaged files are of all kinds
        content.close()
        raise FileProblem(f"expected an HDF5 file, but it is damaged: {error}") from error


def _dataset(file: Any, name: str, turned: bool, warnings: list[str]) -> Source | None:
    import h5py

    if name.startswith("#"):
        return None
    # A link to another file could make us read anything on this machine.
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        warnings.append(f"{name} is a link and was not followed")
        return None
    item = file[name]
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiub":
        warnings.append(f"{name} is no array of numbers")
        return None
    if item.shape is None:
        warnings.append(f"{name} is an empty (null) data set")
        return None
    if item.external or item.is_virtual:
        warnings.append(f"{name} lies in other files and was not followed")
        return None
    array = _Stored(item, turned)
    return _hinted(Source(name, array, array.shape, array.dtype, storage(array.dtype)))


def _hinted(source: Source) -> Source:
    """What the key tells, as FCNVMB names them."""
    if source.name in _FCNVMB:
        source.kind = _FCNVMB[source.name]
        source.why.append(f"the key {source.name!r} is FCNVMB's for {source.kind}")
        if source.kind == "shot gathers" and len(source.shape) == 3:
            source.axes = ("time", "receiver", "shot")
    return source


def _with_arrays(content: Content) -> Content:
    if not content.sources:
        raise FileProblem(
            "it holds no arrays of numbers" + "".join(f"; {text}" for text in content.warnings)
        )
    return content
