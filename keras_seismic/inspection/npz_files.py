"""NumPy archives: their arrays' headers at once, the arrays when they are looked at."""

import math
import zipfile
from pathlib import Path

import numpy as np

from keras_seismic.inspection.content import (
    WHOLE,
    Content,
    FileProblem,
    LoadedWhole,
    Source,
    storage,
)
from keras_seismic.io.arrays import ArrayHeader, parse_header

#: Members of an archive that are listed.
_MEMBERS = 1_000


def open_npz(path: Path) -> Content:
    """A .npz file: each array loaded when it is looked at, unless they are too large together.

    Raises:
        FileProblem: If the archive is damaged or holds no arrays of numbers.
    """
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # zipfile has several for damaged files
        raise FileProblem(f"expected a NumPy archive, but it is damaged: {error}") from error
    content = Content("NumPy archive (.npz)", file=archive)
    members = archive.infolist()
    budget = WHOLE
    for member in members[:_MEMBERS]:
        source = _member(archive, member, content.warnings, budget)
        if source is not None:
            content.sources.append(source)
            budget -= source.array.nbytes if source.array is not None else 0
    if len(members) > _MEMBERS:
        content.warnings.append(f"{len(members):,} members: only the first {_MEMBERS:,} are listed")
    if not content.sources:
        archive.close()
        said = "".join(f"; {text}" for text in content.warnings[:3])
        raise FileProblem(f"the archive holds no arrays of numbers{said}")
    return content


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, warnings: list[str], budget: int
) -> Source | None:
    """An array of at most ``budget`` bytes, a larger one without its numbers, or nothing."""
    name = member.filename.removesuffix(".npy")
    try:
        with archive.open(member) as stream:
            header = parse_header(stream, member.filename)
    except ValueError as error:
        warnings.append(f"{member.filename} is no array: {error}")
        return None
    except Exception as error:  # a bad checksum, deflate stream or method, a password
        warnings.append(f"{member.filename} is damaged: {error}")
        return None
    shape, dtype = header.shape, header.dtype
    if dtype.hasobject or dtype.kind not in "fiub":
        pickled = " (pickled Python objects, which are never loaded)" if dtype.hasobject else ""
        warnings.append(f"{name} holds {dtype}, no numbers{pickled}")
        return None
    source = Source(
        name, None, shape, dtype, storage(dtype, header.fortran_order and len(shape) > 1)
    )
    size = math.prod(shape) * dtype.itemsize
    if member.file_size != header.offset + size:
        warnings.append(f"{name}: its header promises {size:,} bytes, which are not there")
    elif size > budget:
        source.notes.append(
            f"not looked into: {size / 1e6:,.0f} MB in an archive, of which at most "
            f"{WHOLE / 1e6:,.0f} MB are loaded"
        )
    else:
        source.array = LoadedWhole(name, shape, dtype, lambda: _read(archive, member, header))
    return source


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, header: ArrayHeader) -> np.ndarray:
    """The numbers of a member, whose checksum is compared on the way."""
    size = math.prod(header.shape) * header.dtype.itemsize
    with archive.open(member) as stream:
        stream.read(header.offset)
        content = stream.read(size)
    array = np.frombuffer(content, header.dtype)
    if header.fortran_order:
        return array.reshape(header.shape[::-1]).T
    return array.reshape(header.shape)
