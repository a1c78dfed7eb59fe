"""Digests of exported models: a changed bit is found before the model is run."""

import hashlib
import os
import re
from pathlib import Path

from keras_seismic.file_checks import check_file, sha256
from keras_seismic.files import write_text

#: In a SavedModel's folder, its card, and the digests of its files for ``sha256sum -c``.
CARD, SUMS = Path("assets.extra", "model_card.json"), Path("assets.extra", "SHA256SUMS")

#: Stands in a card until its file is complete.
UNSEALED = "0" * 64

#: The card's own field, in JSON as the card writes it; and what every card of ours holds.
_FIELD, _OURS = re.compile(rb'\n  "sha256": "([0-9a-f]{64})"'), b'"package_version"'


def seal(path: str | os.PathLike[str]) -> None:
    """Note the digest of a complete export in it.

    A file's card gets the SHA-256 of the file with zeros for the digits of the digest itself; a
    SavedModel gets a list of its files' digests.

    Args:
        path: An ``.onnx`` or ``.tflite`` file with a card, or a SavedModel's version folder.

    Raises:
        ValueError: If a file has no card.
    """
    path = Path(path)
    if path.is_dir():
        lines = [f"{sha256(path / name)}  {name}\n" for name in _files(path)]
        write_text(path / SUMS, "".join(lines))
        return
    noted, found = _digests(path)
    if noted is None:
        raise ValueError(f"{path}: expected a file with a model card to note its digest in")
    with path.open("r+b") as file:
        file.seek(noted.start(1))
        file.write(found.encode())


def check_digest(path: str | os.PathLike[str]) -> None:
    """Refuse an export that has changed since it was written.

    Models from elsewhere, which have no card of ours, pass.

    Args:
        path: See ``seal``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a digest is missing or another one, or a file is missing.
    """
    path = Path(path)
    if path.is_dir():
        _check_folder(path)
        return
    check_file(path, "model")
    noted, found = _digests(path)
    if noted is not None and noted[1].decode() != found:
        raise ValueError(
            f"{path}: expected SHA-256 {noted[1].decode()}, as its card says, received {found}; "
            "the file was damaged or changed: export or copy it again"
        )


def _digests(path: Path) -> tuple[re.Match[bytes] | None, str]:
    """The digest in a file's card, if it has one, and that of the file without it."""
    content = path.read_bytes()
    noted = _FIELD.search(content)
    if noted is None:
        if _OURS in content:
            raise ValueError(
                f"{path}: expected a SHA-256 in its card, received none; it was changed, or "
                "exported by an earlier version: export it again"
            )
        return None, ""
    start, stop = noted.span(1)
    view, digest = memoryview(content), hashlib.sha256()
    for part in (view[:start], UNSEALED.encode(), view[stop:]):
        digest.update(part)
    return noted, digest.hexdigest()


def _check_folder(folder: Path) -> None:
    if not (folder / SUMS).is_file():
        if (folder / CARD).exists():
            raise ValueError(
                f"{folder / SUMS}: expected the digests of the SavedModel's files, found none; "
                "export it again"
            )
        return
    names = _files(folder)
    lines = (folder / SUMS).read_bytes().decode("utf-8", "replace").splitlines()
    noted = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in ("saved_model.pb", *noted):
        found = sha256(folder / name) if name in names else "no such file"
        if noted.get(name) != found:
            raise ValueError(
                f"{folder / name}: expected SHA-256 {noted.get(name)}, as {SUMS} says, received "
                f"{found}; the model was damaged or changed: export or copy it again"
            )


def _files(folder: Path) -> list[str]:
    """The files of a SavedModel but for the list of their digests."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if path != SUMS)
