"""Text lists, models and archives: files that hold no arrays but are met with beside them."""

import json
import zipfile
from pathlib import Path
from typing import Any

from keras_seismic.inspection.content import Content, FileProblem

_TEXT_READ = 10_000_000
_LISTED = 100_000

#: First bytes of what is not data, and what to do about it.
_FOREIGN = {
    b"version https://git-lfs": (
        "is a pointer of Git LFS, not the file itself; fetch it with: git lfs pull"
    ),
    b"<!DOCTYPE": "is a web page; the download went wrong (a login or a notice?)",
    b"<!doctype": "is a web page; the download went wrong (a login or a notice?)",
    b"<html": "is a web page; the download went wrong (a login or a notice?)",
    b"\x1f\x8b": "is compressed by gzip; unpack it first: gunzip or tar -xzf",
    b"BZh": "is compressed by bzip2; unpack it first: bunzip2 or tar -xjf",
    b"\xfd7zXZ": "is compressed by xz; unpack it first: unxz or tar -xJf",
    b"7z\xbc\xaf": "is a 7z archive; unpack it first",
    b"Rar!": "is a RAR archive; unpack it first",
}


def refuse_foreign(path: Path, head: bytes) -> None:
    """Refuse what only pretends to be data.

    Raises:
        FileProblem: With what it is and what to do.
    """
    if not head:
        raise FileProblem("the file is empty")
    for start, text in _FOREIGN.items():
        if head.startswith(start):
            raise FileProblem(f"it {text}")
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        raise FileProblem(
            "it is a Python pickle, which can run code when loaded; it is never loaded here. Ask "
            "for .npy, or save the arrays with numpy.save where you trust the file"
        )


def open_zip(path: Path) -> Content | None:
    """A zip archive: a Keras model, a PyTorch checkpoint; ``None`` for .npz, which holds arrays.

    Raises:
        FileProblem: If it is damaged or some other archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if {"config.json", "metadata.json"} <= set(names):
                return _keras_model(path, archive)
    except FileProblem:
        raise
    except Exception as error:  # zipfile, zlib and json have several for damaged files
        raise FileProblem(f"expected a zip archive, but it is damaged: {error}") from error
    if any(name.endswith("data.pkl") for name in names):
        return Content(
            "PyTorch checkpoint (a zip archive with a pickle, which is never loaded here)",
            {"members": len(names)},
        )
    if any(name.endswith(".npy") for name in names):
        return None
    raise FileProblem(
        f"it is a zip archive of {len(names)} files ({', '.join(names[:3])} ...) and neither a "
        ".npz nor a Keras model; unpack it first"
    )


def _keras_model(path: Path, archive: zipfile.ZipFile) -> Content:
    metadata, config = _json_object(archive, "metadata.json"), _json_object(archive, "config.json")
    inner = config.get("config") or {}
    network = inner.get("network") if isinstance(inner, dict) else None
    facts = {
        "model": str(config.get("registered_name") or config.get("class_name")),
        "saved by": f"Keras {metadata.get('keras_version')}, {metadata.get('date_saved')}",
    }
    if isinstance(network, dict):
        facts["network"] = str(network.get("class_name"))
    return Content("Keras model (.keras)", facts)


def _json_object(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """The JSON object in a member, of which no more is unpacked than such a file can be long."""
    with archive.open(name) as stream:
        text = stream.read(_TEXT_READ + 1)
    if len(text) > _TEXT_READ:
        raise FileProblem(f"its {name} is longer than {_TEXT_READ:,} bytes; this is no Keras model")
    content = json.loads(text)
    if not isinstance(content, dict):
        raise FileProblem(
            f"expected a JSON object in its {name}, received {type(content).__name__}; this is no "
            "Keras model"
        )
    return content


def open_text(path: Path) -> Content:
    """A text file: an annotation list of OpenFWI, if its lines are paths.

    Raises:
        FileProblem: If it is text of another kind, or none.
    """
    with path.open("rb") as file:
        raw = file.read(_TEXT_READ)
    try:
        lines = raw.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise FileProblem(f"expected text, but it is none: {error}") from error
    crlf = sum(line.endswith("\r") for line in lines)
    rows = [line.rstrip("\r").split("\t") for line in lines if line.strip()][:_LISTED]
    if not rows or not all(row[0].strip().endswith(".npy") for row in rows):
        raise FileProblem(
            "it is text, but no annotation list, whose lines are a path of gathers (.npy), a "
            "tab, and a path of velocity"
        )
    widths = [len(row) for row in rows]
    content = Content(
        "annotation list",
        {"pairs": widths.count(2), "gathers only": widths.count(1)},
    )
    wrong = [i + 1 for i, width in enumerate(widths) if width > 2]
    if wrong:
        content.warnings.append(
            f"lines with more than one tab: {len(wrong)}, the first is {wrong[0]}"
        )
    if crlf:
        content.warnings.append(f"lines that end as on Windows (CRLF): {crlf}")
    _check_paths(path, [name.strip() for row in rows for name in row], content)
    return content


def _check_paths(path: Path, names: list[str], content: Content) -> None:
    """Which of the files are there, by their paths as they stand or beside the list."""
    missing = [name for name in names if not (path.parent / name).is_file()]
    if len(set(names)) < len(names):
        content.warnings.append(f"paths listed more than once: {len(names) - len(set(names))}")
    if any(".." in Path(name).parts for name in names):
        content.warnings.append("some paths climb out of their folder (..)")
    content.facts["files found"] = f"{len(names) - len(missing)} of {len(names)}"
    if missing:
        beside = sum((path.parent / Path(name).name).is_file() for name in missing)
        content.warnings.append(
            f"files that are not there: {len(missing)}, the first is {missing[0]}; published lists "
            "hold the paths of another machine, so replace their root"
            + (f" ({beside} lie beside the list)" if beside else "")
        )
