"""Checks of files before they are read: what they are, and how much memory they may take."""

import hashlib
import json
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

#: Any file may unpack to so many bytes, a larger one to so many times its size.
_UNPACKED, _RATIO = 2**28, 100

#: Most bytes of a JSON file.
_JSON_BYTES = 2**24

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_file(path: str | os.PathLike[str], contents: str = "file") -> None:
    """Refuse what cannot be read as a file, on which reading could wait forever.

    Args:
        path: The file.
        contents: What it should be, for the message: "model file".

    Raises:
        FileNotFoundError: If there is no such file, or a folder, FIFO, socket or device.
        ValueError: If the name is not UTF-8.

    Example:
        >>> check_file("/dev/null")
        Traceback (most recent call last):
        FileNotFoundError: /dev/null: expected a file, received a device
    """
    check_name(path)
    kind = kind_of(path)
    if kind is None:
        raise FileNotFoundError(f"{path}: no such {contents}")
    if kind != "a file":
        raise FileNotFoundError(f"{path}: expected a {contents}, received {kind}")


def kind_of(path: str | os.PathLike[str]) -> str | None:
    """What is at a path, in words, links followed; ``None`` if there is nothing.

    Example:
        >>> kind_of("/"), kind_of("/nowhere")
        ('a folder', None)
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _KINDS.get(stat.S_IFMT(mode), "a file")


def check_name(path: str | os.PathLike[str]) -> None:
    """Refuse a file name that is not text, which most formats and runtimes cannot take.

    Raises:
        ValueError: If the name is not UTF-8.

    Example:
        >>> check_name("gathers.npy")
    """
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{os.fspath(path)!r}: expected a file name in UTF-8, received other bytes; rename it"
        ) from None


def check_unpacked(path: Path, size: int, contents: str) -> None:
    """Refuse what would take far more memory than its file.

    Any file may unpack to 256 MiB, a larger one to a hundred times its size.

    Args:
        path: The file.
        size: In memory, bytes.
        contents: What it is, for the message.

    Raises:
        ValueError: If it is more than that.
    """
    packed = path.stat().st_size
    if size > max(_UNPACKED, _RATIO * packed):
        raise ValueError(
            f"{path}: {contents} would take {size:,} bytes; expected {_RATIO} times the file's "
            f"{packed:,} bytes at most, so it is damaged or made to fill the memory"
        )


def checked_entries(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The entries of a model's archive, which neither Keras nor PyTorch compresses.

    Args:
        archive: Open for reading.
        size: Of its file, bytes.

    Raises:
        ValueError: If an entry is compressed, they are longer than the file, two have the same
            name, or one differs from its checksum; without the path.
    """
    entries = archive.infolist()
    names = {entry.filename: entry for entry in entries}
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("compressed entries, which models do not have")
    if sum(entry.file_size for entry in entries) > size:
        raise ValueError(f"entries of more bytes than the file's {size:,}")
    if len(names) != len(entries):
        raise ValueError("two entries of the same name")
    damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"{damaged} differs from its checksum; it was damaged or changed")
    return names


def read_json(path: Path) -> Any:
    """The content of a JSON file in UTF-8, of 16 MiB at most.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is something else, or nested too deeply; without the path.
    """
    check_file(path)
    with path.open("rb") as file:
        text = file.read(_JSON_BYTES + 1)
    if len(text) > _JSON_BYTES:
        raise ValueError(f"expected JSON of {_JSON_BYTES:,} bytes at most")
    return parse_json(text)


def parse_json(text: str | bytes) -> Any:
    """JSON whose nesting and numbers Python can take.

    Raises:
        ValueError: If it is not JSON, is nested too deeply, holds an integer beyond 64 bits or what
            is no text.

    Example:
        >>> parse_json("[1" + "0" * 400 + "]")
        Traceback (most recent call last):
        ValueError: expected numbers of 64 bits, received one of 401 digits
    """
    try:
        content = json.loads(text, parse_int=_integer)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("expected text in UTF-8, received half of a surrogate pair") from None
    return content


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError(f"expected numbers of 64 bits, received one of {len(digits)} digits")
    return int(digits)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
