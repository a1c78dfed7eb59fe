"""Which reader a file needs: by its first bytes, then by its name."""

import contextlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.datasets.openfwi.annotation import read_annotation
from keras_seismic.datasets.openfwi.layout import family_of_files
from keras_seismic.file_checks import parse_json
from keras_seismic.inspection.array_files import open_mat, open_npy, open_npz
from keras_seismic.inspection.content import Content, FileProblem
from keras_seismic.inspection.trace_files import open_traces
from keras_seismic.io.matlab import HDF5_SIGNATURE
from keras_seismic.io.segy import SEGY_SUFFIXES, SU_SUFFIXES

#: Most bytes to read of a text file, or of a JSON file in an archive.
_TEXT_READ = 10_000_000


def open_file(path: Path, stack: contextlib.ExitStack) -> Content:
    """What a file holds.

    Args:
        path: The file.
        stack: Closes the files that stay open for reading.

    Raises:
        FileProblem: If it cannot be used, with the reason.
        ImportError: If a package that reads it is missing.
        OSError: If the system cannot read it.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    suffix = path.suffix.lower()
    if head.startswith(b"\x93NUMPY"):
        return _expected(open_npy(path), suffix, ".npy")
    if head.startswith(b"PK\x03\x04"):
        return _zip(path, stack)
    if head.startswith(b"MATLAB") or HDF5_SIGNATURE in (head[:8], head[512:520]):
        return _expected(open_mat(path, stack), suffix, ".mat", ".h5", ".hdf5")
    if suffix in (*SEGY_SUFFIXES, *SU_SUFFIXES):
        return open_traces(path)
    if suffix == ".txt":
        return _annotation(path)
    if suffix == ".onnx" and head:
        return Content("ONNX model", kind="model")
    raise FileProblem(_unknown(path, head))


def _expected(content: Content, suffix: str, *expected: str) -> Content:
    """The content, with a warning if the name says something else."""
    if suffix not in expected:
        content.warnings.append(
            f"the file is named {suffix or 'without a suffix'}; readers expect {expected[0]}"
        )
    return content


def _zip(path: Path, stack: contextlib.ExitStack) -> Content:
    """A zip archive: arrays or a Keras model."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if {"config.json", "metadata.json"} <= set(names):
                return _keras_model(archive)
        if any(name.endswith(".npy") for name in names):
            return _expected(open_npz(path, stack), path.suffix.lower(), ".npz")
    except FileProblem:
        raise
    except Exception as error:  # zipfile, zlib and json raise several kinds for damaged files
        raise FileProblem(f"expected a zip archive, but it is damaged: {error}") from error
    raise FileProblem(
        f"it is a zip archive of {len(names)} files ({', '.join(names[:3])} ...), neither a .npz "
        "nor a Keras model; unpack it, or for a PyTorch checkpoint see keras_seismic.convert"
    )


def _keras_model(archive: zipfile.ZipFile) -> Content:
    metadata, config = _json_object(archive, "metadata.json"), _json_object(archive, "config.json")
    inner = config.get("config")
    network = inner.get("network") if isinstance(inner, dict) else None
    facts = {
        "model": str(config.get("registered_name") or config.get("class_name")),
        "saved by": f"Keras {metadata.get('keras_version')}, {metadata.get('date_saved')}",
    }
    if isinstance(network, dict):
        facts["network"] = str(network.get("class_name"))
    return Content("Keras model (.keras)", facts, kind="model")


def _json_object(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """The JSON object in a member, unpacked only up to a limit."""
    with archive.open(name) as stream:
        text = stream.read(_TEXT_READ + 1)
    if len(text) > _TEXT_READ:
        raise FileProblem(f"not a Keras model: its {name} is longer than {_TEXT_READ:,} bytes")
    content = parse_json(text)
    if not isinstance(content, dict):
        raise FileProblem(
            f"not a Keras model: expected a JSON object in its {name}, received "
            f"{type(content).__name__}"
        )
    return content


def _annotation(path: Path) -> Content:
    """A text file that lists OpenFWI's pairs."""
    if path.stat().st_size > _TEXT_READ:
        raise FileProblem(f"expected an annotation list, but it has over {_TEXT_READ:,} bytes")
    try:
        pairs = read_annotation(path)
    except ValueError as error:
        raise FileProblem(str(error).removeprefix(f"{path}: ").removeprefix(f"{path}, ")) from error
    files = [file for pair in pairs for file in pair if file is not None]
    if any(file.suffix != ".npy" for file in files):
        raise FileProblem(
            "it is text but not an annotation list, each line of which is a path of gathers "
            "(.npy), a tab and a path of velocity"
        )
    missing = [file for file in files if not file.is_file()]
    content = Content(
        "annotation list of OpenFWI's files",
        {
            "pairs" if pairs[0].velocity else "gathers": len(pairs),
            "files found": f"{len(files) - len(missing)} of {len(files)}",
        },
        kind="pairs" if pairs[0].velocity and not missing else "list",
        family=family_of_files(pairs) or None,
    )
    if missing:
        content.warnings.append(
            f"{len(missing)} files are missing, the first is {missing[0]}; published lists hold "
            "the paths of another machine: replace their root"
        )
    return content


def _unknown(path: Path, head: bytes) -> str:
    """Why no reader takes a file, judging by its first bytes."""
    if not head:
        return "the file is empty"
    if head.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, not the file itself; fetch that with: git lfs pull"
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return (
            "it is a Python pickle, which can run code when loaded; it is never loaded here. Ask "
            "for .npy, or save the arrays with numpy.save where you trust the file"
        )
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz", ".keras", ".mat", ".h5", ".hdf5"):
        return (
            f"it is named {suffix}, but begins with {head[:16]!r} as no such file does; it is "
            "damaged or of another format"
        )
    size = path.stat().st_size
    return (
        f"the format {suffix or '(no suffix)'} is not known; its {size:,} bytes begin with "
        f"{head[:16]!r}{_looks_like(size, head)}"
    )


def _looks_like(size: int, head: bytes) -> str:
    """A hint at what a file of unknown format may be: SEG-Y, or numbers without a header."""
    if len(head) > 3600 and head[3224:3226] in (b"\0\1", b"\0\2", b"\0\3", b"\0\5", b"\0\x08"):
        return ", which looks like SEG-Y; rename it to .segy"
    values = np.frombuffer(head[: len(head) // 4 * 4], "<f4")
    with np.errstate(all="ignore"):
        for name, words in (("<f4", values), (">f4", values.byteswap())):
            sane = np.isfinite(words) & ((words == 0) | (np.abs(words) > 1e-20))
            if size % 4 == 0 and sane.all() and np.abs(words).max() < 1e20:
                return (
                    f". It may be {size // 4:,} numbers without a header: "
                    f"numpy.fromfile(path, {name!r}).reshape(...), then save it as .npy"
                )
    return ""
