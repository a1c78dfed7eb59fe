"""MATLAB files of version 5 (save -v6 and -v7), element by element, every size checked before use.

SciPy's reader trusts the type of an element, so that one wrong byte can end the interpreter.
"""

import io
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_seismic.file_checks import check_unpacked
from keras_seismic.io.arrays import mapped

#: NumPy types of the elements that hold numbers, by MATLAB's code.
_TYPES = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
_MATRIX, _COMPRESSED = 14, 15

#: MATLAB's classes from 1, and flags.
_CLASSES = (
    "cell", "struct", "object", "char", "sparse", "double", "single", "int8", "uint8", "int16",
    "uint16", "int32", "uint32", "int64", "uint64", "function", "opaque",
)  # fmt: skip
_COMPLEX, _LOGICAL = 0x800, 0x200
#: Bytes of the header of a file and, at most, of a name or a list of sizes.
_HEADER, _LONGEST = 128, 4096


class Matrix(NamedTuple):
    """A variable of a file: its name, MATLAB class and shape, and where its numbers are.

    Attributes:
        name: Of the variable.
        kind: MATLAB's class: ``"double"``, ``"struct"``.
        shape: Of the array, in Fortran order.
        is_complex: Whether it has an imaginary part.
        path: The file.
        start: Of the element in the file, behind its tag.
        size: Of the element in the file.
        compressed: Whether it is a zlib stream.
        order: ``"<"`` or ``">"``.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    is_complex: bool
    path: Path
    start: int
    size: int
    compressed: bool
    order: str

    def numbers(self) -> np.ndarray:
        """The array, mapped from the file unless it is compressed.

        Raises:
            ValueError: If the element does not hold what it says.
        """
        with self.path.open("rb") as file:
            stream = _opened(file, self)
            _described(stream, self.order)
            code, size, small = _tag(stream, self.order)
            dtype = np.dtype(f"{self.order}{_TYPES.get(code, 'V1')}")
            if dtype.kind == "V" or size != math.prod(self.shape) * dtype.itemsize:
                raise ValueError(
                    f"expected {self.kind} {self.shape} in {self.name!r}, received {size} bytes of "
                    f"type {code}"
                )
            if size and not self.compressed and small is None:
                return mapped(self.path, dtype, self.shape, file.tell(), fortran=True)
            if self.compressed:
                check_unpacked(self.path, size, f"{self.name!r}")
            content = _exactly(stream, size) if small is None else small
            _exactly(stream, -size % 8 if small is None else 0)
            if self.compressed and stream.read(1):
                raise ValueError(f"{self.name!r} is longer than it says")
        return np.frombuffer(content, dtype).reshape(self.shape, order="F")


def read_matrices(path: Path) -> list[Matrix]:
    """The variables of a file; their numbers are not read.

    Raises:
        ValueError: If the file is damaged.
    """
    found, end = [], path.stat().st_size
    with path.open("rb") as file:
        file.seek(_HEADER - 2)
        order = "<" if file.read(2) == b"IM" else ">"
        while (position := file.tell()) < end:
            code, size, small = _tag(file, order)
            start = position + 8
            if code not in (_MATRIX, _COMPRESSED) or small is not None or start + size > end:
                raise ValueError(
                    f"expected a variable at byte {position}, received {size} bytes of type {code} "
                    f"and {end - start} bytes in the file"
                )
            place = (path, start, size, code == _COMPRESSED, order)
            matrix = Matrix("", "", (), False, *place)
            name, kind, shape, is_complex = _described(_opened(file, matrix), order)
            if name:  # the unnamed one is MATLAB's own
                found.append(Matrix(name, kind, shape, is_complex, *place))
            file.seek(start + size)
    return found


def _opened(file: io.BufferedReader, matrix: Matrix) -> "io.BufferedReader | _Inflated":
    """The element's content, behind the tag of the matrix."""
    file.seek(matrix.start)
    if not matrix.compressed:
        return file
    stream = _Inflated(file, matrix.size)
    code, _, small = _tag(stream, matrix.order)
    if code != _MATRIX or small is not None:
        raise ValueError(f"expected a compressed variable, received type {code}")
    return stream


class _Inflated:
    """A zlib stream, unpacked as far as it is read."""

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        self._file, self._left, self._zlib = file, size, zlib.decompressobj()

    def read(self, size: int) -> bytearray:
        content = bytearray()
        while len(content) < size and not self._zlib.eof:
            packed = self._zlib.unconsumed_tail
            if not packed:
                packed = self._file.read(min(self._left, 2**16))
                self._left -= len(packed)
            content += self._zlib.decompress(packed, size - len(content))
            if not packed and len(content) < size:
                break
        return content


def _exactly(stream: "io.BufferedReader | _Inflated", size: int) -> bytes | bytearray:
    content = stream.read(size)
    if len(content) != size:
        raise ValueError(f"{len(content)} bytes where {size} should be")
    return content


def _tag(
    stream: "io.BufferedReader | _Inflated", order: str
) -> tuple[int, int, bytes | bytearray | None]:
    """Type and size of the next element, and its content if it is small enough for the tag."""
    first, second = _exactly(stream, 4), _exactly(stream, 4)
    code, size = (int(np.frombuffer(word, f"{order}u4")[0]) for word in (first, second))
    if code >> 16 == 0:
        return code, size, None
    code, size = code & 0xFFFF, code >> 16
    if size > 4:
        raise ValueError(f"a small element of {size} bytes")
    return code, size, second[:size]


def _described(
    stream: "io.BufferedReader | _Inflated", order: str
) -> tuple[str, str, tuple[int, ...], bool]:
    """Name, class and shape of a matrix, and whether it is complex."""
    words = (_header_element(stream, order) for _ in range(3))
    (flags, *_) = _integers(next(words), order)
    number = flags & 0xFF
    if not 1 <= number <= len(_CLASSES):
        raise ValueError(f"a variable of the unknown class {number}")
    kind = _CLASSES[number - 1]
    shape = () if kind == "opaque" else tuple(_integers(next(words), order))
    if min(shape, default=0) < 0 or not (len(shape) <= 32 and math.prod(shape) < 2**62):
        raise ValueError(f"a variable of shape {shape}")
    code, content = next(words)
    if code not in (1, 2, 16):
        raise ValueError(f"a name of type {code}")
    name = content.decode("utf-8" if code == 16 else "latin1")
    kind = "logical" if flags & _LOGICAL and kind not in ("char", "sparse") else kind
    return name, kind, shape, bool(flags & _COMPLEX)


def _header_element(
    stream: "io.BufferedReader | _Inflated", order: str
) -> tuple[int, bytes | bytearray]:
    code, size, small = _tag(stream, order)
    if size > _LONGEST:
        raise ValueError(f"a name or shape of {size} bytes")
    content = _exactly(stream, size) if small is None else small
    _exactly(stream, -size % 8 if small is None else 0)
    return code, content


def _integers(element: tuple[int, bytes | bytearray], order: str) -> Iterator[int]:
    code, content = element
    if code not in (5, 6) or len(content) % 4 or len(content) < 8:
        raise ValueError(f"{len(content)} bytes of type {code} where integers should be")
    return iter(np.frombuffer(content, f"{order}{_TYPES[code]}").tolist())
