"""NumPy and MATLAB files and HDF5: which arrays they hold, read in parts where that is possible."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.data.arrays import read_array
from keras_seismic.data.inspection.content import Content, FileProblem, Source, storage
from keras_seismic.data.inspection.mapping import mapped

#: Arrays that can only be loaded whole are left alone beyond this many bytes.
_WHOLE = 2**28

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


def open_npz(path: Path) -> Content:
    """A .npz file: each array loaded when it is looked at, unless it is too large.

    Raises:
        FileProblem: If the archive is damaged or holds no arrays of numbers.
    """
    content = Content("NumPy archive (.npz)")
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip() if path.stat().st_size < _WHOLE else None
        if damaged:
            raise FileProblem(f"its member {damaged} is damaged")
        for member in archive.infolist():
            source = _npz_member(path, archive, member, content.warnings)
            if source is not None:
                content.sources.append(source)
    if not content.sources:
        raise FileProblem("the archive holds no arrays of numbers")
    return content


def _npz_member(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, warnings: list[str]
) -> Source | None:
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as stream:
        try:
            version = np.lib.format.read_magic(stream)
            header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = header(stream)
            start = stream.tell()
        except (ValueError, EOFError) as error:
            warnings.append(f"{member.filename} is no array: {error}")
            return None
    if dtype.hasobject or dtype.kind not in "fiub":
        warnings.append(f"{name} holds {dtype}, no numbers" + _pickled(dtype))
        return None
    source = Source(name, None, shape, dtype, storage(dtype, fortran and len(shape) > 1))
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if member.file_size != start + size:
        warnings.append(f"{name}: its header promises {size:,} bytes, which are not there")
    elif size > _WHOLE:
        source.notes.append(f"not looked into: {size / 1e6:,.0f} MB in an archive")
    else:
        with np.load(path, allow_pickle=False) as arrays:
            source.array = arrays[name]
    return source


def _pickled(dtype: np.dtype) -> str:
    return " (pickled Python objects, which are never loaded)" if dtype.hasobject else ""


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
        for name, shape, kind in listed:
            source = _mat_variable(path, name, shape, kind, content.warnings)
            if source is not None:
                content.sources.append(source)
    except (ValueError, TypeError, OSError, EOFError, KeyError, NotImplementedError) as error:
        raise FileProblem(f"expected a MATLAB file, but it is damaged: {error}") from error
    except Exception as error:  # scipy raises zlib.error and classes of its own
        raise FileProblem(f"expected a MATLAB file, but {error}") from error
    return _with_arrays(content)


def _mat_variable(
    path: Path, name: str, shape: tuple[int, ...], kind: str, warnings: list[str]
) -> Source | None:
    import scipy.io

    if kind not in ("double", "single", "logical") and not kind.startswith(("int", "uint")):
        warnings.append(f"{name} is a {kind} array, no numbers")
        return None
    dtype = np.dtype({"double": "f8", "single": "f4", "logical": "?"}.get(kind, kind))
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    source = Source(name, None, tuple(shape), dtype, storage(dtype))
    if size > _WHOLE:
        source.notes.append(f"not looked into: {size / 1e6:,.0f} MB that can only be loaded whole")
    else:
        source.array = scipy.io.loadmat(path, variable_names=[name])[name]
        source.dtype = source.array.dtype
        source.storage = storage(source.dtype)
    return _hinted(source)


class _Transposed:
    """A data set of an HDF5 file with its axes in MATLAB's order."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.shape, self.dtype = dataset.shape[::-1], dataset.dtype

    def __getitem__(self, index: Any) -> np.ndarray:
        index = index if isinstance(index, tuple) else (index,)
        index = index + (slice(None),) * (len(self.shape) - len(index))
        return np.asarray(self._dataset[index[::-1]]).T


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
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise FileProblem(f"expected an HDF5 file, but it is damaged: {error}") from error
    content = Content(kind, file=file)
    matlab = "MATLAB" in kind
    for name in file:
        # A link to another file could make us read anything on this machine.
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            content.warnings.append(f"{name} is a link and was not followed")
            continue
        item = file[name]
        if name.startswith("#"):
            continue
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiub":
            content.warnings.append(f"{name} is no array of numbers")
            continue
        if item.external or item.is_virtual:
            content.warnings.append(f"{name} lies in other files and was not followed")
            continue
        array = _Transposed(item) if matlab else item
        content.sources.append(
            _hinted(Source(name, array, array.shape, array.dtype, storage(array.dtype)))
        )
    try:
        return _with_arrays(content)
    except FileProblem:
        file.close()
        raise


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
