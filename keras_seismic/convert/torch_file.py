"""Reading what ``torch.save`` wrote, without PyTorch and without running anything in it."""

import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from keras_seismic.convert.pickle_data import Dictionary, Global, Namespace, read_pickle
from keras_seismic.file_checks import check_file, checked_entries

_LEGACY_MAGIC, _LEGACY_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001

#: Element types by the storage class that a file names; NumPy has no bfloat16.
_STORAGE_TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


def read_torch_file(path: str | os.PathLike[str]) -> Any:
    """Content of a file from ``torch.save``: containers, numbers, strings and tensors.

    Both formats are read, the zip archive of PyTorch 1.6 and later and the older one. Whatever
    is in the file, nothing is imported or called: only tensors, parameters, ``OrderedDict``,
    ``torch.Size`` and ``argparse.Namespace`` may be named in it. A file with anything else, such
    as a whole network saved as an object, is refused.

    Args:
        path: The file, often ``.pth``.

    Returns:
        The saved object; tensors are NumPy arrays, possibly read-only (bfloat16 becomes float32),
        and a ``Namespace`` is a dictionary.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is of another kind, damaged, or holds anything else, which is named.

    Example:
        >>> checkpoint = read_torch_file("checkpoint.pth")  # doctest: +SKIP
        >>> checkpoint["epoch"], checkpoint["args"]["k"]  # doctest: +SKIP
        (120, 1)
    """
    path = Path(path)
    check_file(path)
    with path.open("rb") as file:
        start = file.read(4)
    try:
        if start == b"PK\x03\x04":
            return _read_zip(path)
        if start[:1] == b"\x80":
            return _read_legacy(path)
        raise ValueError("neither a zip archive nor a pickle of protocol 2 or later")
    except ValueError as error:
        raise ValueError(
            f"{path}: refused: {error}; expected a file of torch.save with "
            "nothing in it but tensors, numbers, texts, lists, dictionaries and the arguments of "
            "a program"
        ) from error


class _StorageType(Global):
    """A storage class of PyTorch; not to be called."""

    def __init__(self, name: str, dtype: str) -> None:
        super().__init__(name)
        self.shortened = dtype == "bfloat16"
        self.raw = np.dtype("<u2" if self.shortened else dtype)

    def decode(self, data: bytes) -> np.ndarray:
        values = np.frombuffer(data, self.raw)
        return (values.astype(np.uint32) << 16).view(np.float32) if self.shortened else values


class _Storage:
    """Memory that tensors are views of."""

    def __init__(self, kind: _StorageType, values: np.ndarray) -> None:
        self.kind, self.values = kind, values


def _tensor(
    storage: Any,
    offset: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool = False,
    hooks: Any = None,
    metadata: Any = None,
) -> np.ndarray:
    """What ``torch._utils._rebuild_tensor_v2`` makes."""
    if not isinstance(storage, _Storage):
        raise TypeError("a tensor without storage")
    values = storage.values
    numbers = (offset, *size, *stride)
    if len(size) != len(stride) or not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError("a tensor whose shape, strides or offset make no sense")
    if len(size) > 32:
        raise ValueError(f"a tensor of {len(size)} axes")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    # Each value of a storage may occur once per tensor: a stride of 0 could stand for terabytes.
    count = 1
    for n in size:
        count *= n
    if count > values.size or (count and last >= values.size):
        raise ValueError(f"a tensor of shape {size} in a storage of {values.size} values")
    item = values.itemsize
    return np.ndarray(
        size, values.dtype, values, (offset if count else 0) * item, [item * s for s in stride]
    )


def _parameter(tensor: Any, requires_grad: bool = True, hooks: Any = None) -> np.ndarray:
    """What ``torch._utils._rebuild_parameter`` makes."""
    if not isinstance(tensor, np.ndarray):
        raise TypeError("a parameter without tensor")
    return tensor


def _size(numbers: Any = ()) -> tuple[Any, ...]:
    if not isinstance(numbers, tuple):
        raise TypeError("a torch.Size of no tuple")
    return numbers


def _table() -> dict[tuple[str, str], Global]:
    calls: dict[tuple[str, str], Callable[..., Any]] = {
        ("collections", "OrderedDict"): lambda: Dictionary(),
        ("argparse", "Namespace"): lambda: Namespace(),
        ("torch", "Size"): _size,
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        ("torch._utils", "_rebuild_parameter"): _parameter,
    }
    table = {key: Global(".".join(key), call) for key, call in calls.items()}
    for name, dtype in _STORAGE_TYPES.items():
        table["torch", name] = _StorageType(f"torch.{name}", dtype)
    return table


_TABLE = _table()


def _identified(identifier: Any, length: int) -> tuple[_StorageType, str, int]:
    """Type, key and number of values of a storage, from its persistent identifier."""
    if not isinstance(identifier, tuple) or len(identifier) != length:
        raise ValueError("a persistent identifier that is none of a storage")
    tag, kind, key, _, count, *view = identifier
    if (
        tag != "storage"
        or not isinstance(kind, _StorageType)
        or not isinstance(key, str)
        or type(count) is not int
        or count < 0
        or any(v is not None for v in view)
    ):
        raise ValueError("a persistent identifier that is none of a storage")
    return kind, key, count


def _same(storage: _Storage, kind: _StorageType, count: int, key: str) -> _Storage:
    if storage.kind is not kind or storage.values.size != count:
        raise ValueError(f"two descriptions of storage {key}")
    return storage


def _read_zip(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = checked_entries(archive, path.stat().st_size)
            pickle, *others = [name for name in entries if name.endswith("/data.pkl")] or [""]
            if others or not pickle:
                raise ValueError("no (single) data.pkl")
            folder = pickle.removesuffix("data.pkl")
            byte_order = f"{folder}byteorder"
            if byte_order in entries and archive.read(byte_order) != b"little":
                raise ValueError("numbers in big-endian byte order")
            storages: dict[str, _Storage] = {}

            def storage(identifier: Any) -> _Storage:
                kind, key, count = _identified(identifier, 5)
                if key in storages:
                    return _same(storages[key], kind, count, key)
                entry = entries.get(f"{folder}data/{key}")
                promised = count * kind.raw.itemsize
                if entry is None or entry.file_size != promised:
                    found = "nothing" if entry is None else f"{entry.file_size} bytes"
                    raise ValueError(f"{found} for storage {key}, which needs {promised} bytes")
                storages[key] = _Storage(kind, kind.decode(archive.read(entry)))
                return storages[key]

            return read_pickle(io.BytesIO(archive.read(pickle)), _TABLE, storage)
    except (zipfile.BadZipFile, struct.error, EOFError, OSError, RuntimeError) as error:
        raise ValueError(f"a damaged zip archive ({error}); is it truncated?") from error


def _read_legacy(path: Path) -> Any:
    file = io.BytesIO(path.read_bytes())
    size = file.getbuffer().nbytes

    def no_storage(identifier: Any) -> NoReturn:
        raise ValueError("a storage where none belongs")

    if read_pickle(file, _TABLE, no_storage) != _LEGACY_MAGIC:
        raise ValueError("a pickle that torch.save did not write")
    if read_pickle(file, _TABLE, no_storage) != _LEGACY_PROTOCOL:
        raise ValueError("an unknown protocol")
    system = read_pickle(file, _TABLE, no_storage)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("numbers in big-endian byte order")

    storages: dict[str, _Storage] = {}
    promised = 0

    def storage(identifier: Any) -> _Storage:
        nonlocal promised
        kind, key, count = _identified(identifier, 6)
        if key in storages:
            return _same(storages[key], kind, count, key)
        promised += count * kind.raw.itemsize
        if promised > size:
            raise ValueError(f"storages of more bytes than the file's {size}")
        # Filled below: the values follow the pickle of the tensors.
        storages[key] = _Storage(kind, np.zeros(count, kind.decode(b"").dtype))
        return storages[key]

    content = read_pickle(file, _TABLE, storage)
    keys = read_pickle(file, _TABLE, no_storage)
    texts = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not texts or sorted(keys) != sorted(storages):
        raise ValueError("storages that no tensor uses, or tensors without storage")
    for key in keys:
        kind, values = storages[key].kind, storages[key].values
        count = int.from_bytes(file.read(8), "little")
        data = file.read(values.size * kind.raw.itemsize)
        if count != values.size or len(data) != values.size * kind.raw.itemsize:
            raise ValueError(f"{len(data)} bytes for storage {key} of {values.size} values")
        values[:] = kind.decode(data)
    if file.tell() != size:
        raise ValueError(f"{size - file.tell()} bytes behind its last storage")
    return content
