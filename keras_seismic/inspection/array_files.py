"""NumPy, MATLAB and HDF5 files: the arrays they hold, read in parts where possible."""

import contextlib
import functools
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.inspection.content import WHOLE, Content, FileProblem, Source, storage
from keras_seismic.io.arrays import ArrayHeader, mapped, parse_header, read_array, read_header
from keras_seismic.io.matlab import open_mat as open_mat_file

#: Arrays of up to this many bytes are always read completely.
_LARGE = 2**25

#: Most members of an archive to list.
_MEMBERS = 1_000

#: Keys of the .mat files that FCNVMB and its successors use.
_FCNVMB = {"Rec": "shot gathers", "vmodel": "velocity", "svmodel": "velocity"}


def open_npy(path: Path) -> Content:
    """A .npy file, mapped.

    Raises:
        FileProblem: If it is damaged, empty or does not hold numbers.
    """
    try:
        header = read_header(path)
        if 0 in header.shape:
            raise FileProblem(f"the array has no elements: its shape is {header.shape}")
        fortran = header.fortran_order and len(header.shape) > 1
        if math.prod(header.shape) * header.dtype.itemsize > _LARGE:
            array = mapped(path, header.dtype, header.shape, header.offset, fortran, scattered=True)
        else:
            array = read_array(path, mmap=True)
    except ValueError as error:
        raise FileProblem(str(error).removeprefix(f"{path}: ")) from error
    source = Source("", array, header.shape, header.dtype, storage(header.dtype, fortran))
    return Content("NumPy array (.npy)", sources=[source])


def open_npz(path: Path, stack: contextlib.ExitStack) -> Content:
    """A .npz file: each array is loaded when indexed, as long as all fit into ``WHOLE`` bytes.

    Args:
        path: The file, which is a zip archive.
        stack: Closes the archive.

    Raises:
        FileProblem: If it is damaged or holds no arrays of numbers.
    """
    archive = stack.enter_context(zipfile.ZipFile(path))
    content = Content("NumPy archive (.npz)")
    members = archive.infolist()
    budget = WHOLE
    for member in members[:_MEMBERS]:
        name = member.filename.removesuffix(".npy")
        try:
            array = _Member(archive, member)
        except ValueError as error:
            content.warnings.append(str(error))
            continue
        except Exception as error:  # a bad checksum, deflate stream or method, a password
            content.warnings.append(f"{member.filename} is damaged: {error}")
            continue
        source = Source(name, array, array.shape, array.dtype, array.storage)
        budget -= _keep_within(budget, source)
        content.sources.append(source)
    if len(members) > _MEMBERS:
        content.warnings.append(f"{len(members):,} members: only the first {_MEMBERS:,} are listed")
    return _with_arrays(content)


class _Member:
    """An array in a zip archive, loaded and its checksum verified when first indexed."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        with archive.open(member) as stream:
            try:
                header = parse_header(stream, member.filename)
            except ValueError as error:
                raise ValueError(f"{member.filename} is not an array: {error}") from error
        self.shape, self.dtype, size = header.shape, header.dtype, _bytes(header)
        if self.dtype.kind not in "fiub":
            pickled = (
                " (pickled Python objects, which are never loaded)" if self.dtype.hasobject else ""
            )
            raise ValueError(f"{member.filename} holds {self.dtype}, not numbers{pickled}")
        if member.file_size != header.offset + size:
            raise ValueError(
                f"{member.filename}: its header promises {size:,} bytes, which are not there"
            )
        self.storage = storage(self.dtype, header.fortran_order and len(self.shape) > 1)
        self._archive, self._member, self._header = archive, member, header

    @functools.cached_property
    def _array(self) -> np.ndarray:
        header = self._header
        try:
            with self._archive.open(self._member) as stream:
                stream.read(header.offset)
                array = np.frombuffer(stream.read(_bytes(header)), header.dtype)
        except Exception as error:  # zipfile and zlib raise several kinds for damage
            raise ValueError(f"{self._member.filename} is damaged: {error}") from error
        if header.fortran_order:
            return array.reshape(header.shape[::-1]).T
        return array.reshape(header.shape)

    def __getitem__(self, index: Any) -> np.ndarray:
        return np.asarray(self._array[index])


def _bytes(header: ArrayHeader) -> int:
    return math.prod(header.shape) * header.dtype.itemsize


def _keep_within(budget: int, source: Source) -> int:
    """Bytes of an array that can only be loaded whole; if too many, leave it unread."""
    size = math.prod(source.shape) * source.dtype.itemsize
    if size <= budget:
        return size
    source.array = None
    source.notes.append(
        f"not looked into: {size / 1e6:,.0f} MB that can only be loaded whole, and at most "
        f"{WHOLE / 1e6:,.0f} MB of a file are"
    )
    return 0


def open_mat(path: Path, stack: contextlib.ExitStack) -> Content:
    """A MATLAB or HDF5 file.

    Args:
        path: The file.
        stack: Closes it.

    Raises:
        FileProblem: If it is damaged or holds no arrays of numbers.
        ImportError: If h5py is needed and not installed.
    """
    try:
        file = stack.enter_context(open_mat_file(path))
    except ValueError as error:
        raise FileProblem(str(error).removeprefix(f"{path}: ")) from error
    content = Content(file.format)
    budget = WHOLE
    for name in file.names:
        try:
            array = file[name]
        except ValueError as error:
            content.warnings.append(str(error).removeprefix(f"{path}: "))
            continue
        source = Source(name, array, array.shape, array.dtype, storage(array.dtype))
        if not array.in_parts:
            budget -= _keep_within(budget, source)
        if name in _FCNVMB:
            source.kind = _FCNVMB[name]
            source.why.append(f"the key {name!r} is FCNVMB's for {source.kind}")
            if source.kind == "shot gathers" and len(source.shape) == 3:
                source.axes = ("time", "receiver", "shot")
        content.sources.append(source)
    return _with_arrays(content)


def _with_arrays(content: Content) -> Content:
    if not content.sources:
        said = "".join(f"; {text}" for text in content.warnings[:3])
        raise FileProblem(f"it holds no arrays of numbers{said}")
    return content
