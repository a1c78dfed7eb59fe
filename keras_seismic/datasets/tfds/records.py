"""Files of a TFDS data set that are the same, byte for byte, on every machine."""

import hashlib
import os
from collections.abc import Iterable
from typing import Any

from etils import epath
from tensorflow_datasets.core import writer

#: In the format of the program sha256sum.
CHECKSUMS = "SHA256SUMS"
_CHUNK = 2**22
#: TFDS rewrites its file when only the description changes, and notes there who built it.
_NOT_LISTED = (CHECKSUMS, "dataset_info.json")


class CanonicalExampleWriter(writer.ExampleWriter):
    """Writes records whose features are sorted by name.

    A record is a map from names to features, which protobuf stores in an order that
    differs from process to process.
    """

    def write(self, path: os.PathLike[str], examples: Iterable[tuple[Any, bytes]]) -> Any:
        return super().write(path, ((key, _canonical(record)) for key, record in examples))


def _canonical(record: bytes) -> bytes:
    import tensorflow as tf

    return tf.train.Example.FromString(record).SerializeToString(deterministic=True)


def write_checksums(folder: os.PathLike[str]) -> None:
    """Write ``SHA256SUMS`` for the data in a folder; ``sha256sum -c`` verifies them."""
    place = epath.Path(folder)
    lines = []
    for path in sorted(place.iterdir()):
        if path.name not in _NOT_LISTED and path.is_file():
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
            lines.append(f"{digest.hexdigest()}  {path.name}\n")
    temporary = place / f".{CHECKSUMS}.partial"
    temporary.write_text("".join(lines))
    temporary.replace(place / CHECKSUMS)
