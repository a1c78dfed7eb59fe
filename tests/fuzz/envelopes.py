"""Formats around formats: opened, so that what is inside can be damaged and closed again.

A checksum around the damaged part would otherwise be all that is ever tested.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import NamedTuple

Parts = dict[str, bytes]


class Envelope(NamedTuple):
    """How to take content apart, and how to make content of the parts."""

    open: Callable[[bytes], Parts]
    close: Callable[[Parts], bytes]


def _open_zip(content: bytes) -> Parts:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def _zip_closer(method: int) -> Callable[[Parts], bytes]:
    def close(parts: Parts) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            for name, content in parts.items():
                archive.writestr(zipfile.ZipInfo(name), content, method)
        return buffer.getvalue()

    return close


STORED = Envelope(_open_zip, _zip_closer(zipfile.ZIP_STORED))
DEFLATED = Envelope(_open_zip, _zip_closer(zipfile.ZIP_DEFLATED))

_MAT_HEADER, _COMPRESSED = 128, 15


def _open_mat(content: bytes) -> Parts:
    """The header of a version 5 file and its elements, unpacked where they are compressed."""
    parts, place = {"header": content[:_MAT_HEADER]}, _MAT_HEADER
    while place + 8 <= len(content):
        kind, size = struct.unpack_from("<II", content, place)
        element = content[place : place + 8 + size]
        if kind == _COMPRESSED:
            parts[f"compressed {place}"] = zlib.decompress(element[8:])
        else:
            parts[f"element {place}"] = element
        place += 8 + size
    return parts


def _close_mat(parts: Parts) -> bytes:
    content = b""
    for name, part in parts.items():
        if name.startswith("compressed"):
            packed = zlib.compress(part)
            part = struct.pack("<II", _COMPRESSED, len(packed)) + packed
        content += part
    return content


MAT = Envelope(_open_mat, _close_mat)
