"""Which reader a file needs: by its first bytes, then by its name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_seismic.inspection.array_files import open_mat, open_npy
from keras_seismic.inspection.content import Content, FileProblem
from keras_seismic.inspection.npz_files import open_npz
from keras_seismic.inspection.other_files import open_text, open_zip, refuse_foreign
from keras_seismic.inspection.trace_files import open_segy, open_su

_HDF5 = b"\x89HDF\r\n\x1a\n"

_BY_SUFFIX: dict[str, Callable[[Path], Content]] = {
    ".segy": open_segy,
    ".sgy": open_segy,
    ".su": open_su,
    ".mat": open_mat,
    ".txt": open_text,
}


def open_file(path: Path) -> Content:
    """What a file holds.

    Raises:
        FileProblem: If it cannot be used, with the reason.
        ImportError: If a package is missing that reads it.
        OSError: If the system refuses to read it.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    refuse_foreign(path, head)
    suffix = path.suffix.lower()
    if head.startswith(b"\x93NUMPY"):
        return _expected(open_npy(path), path, (".npy",))
    if head.startswith(b"PK\x03\x04"):
        return open_zip(path) or _expected(open_npz(path), path, (".npz",))
    if head.startswith((b"MATLAB", _HDF5)) or head[512:520] == _HDF5:
        return _expected(open_mat(path), path, (".mat", ".h5", ".hdf5"))
    if suffix in (".npy", ".npz", ".keras"):
        raise FileProblem(
            f"it is named {suffix}, but does not begin like such a file; it is damaged or of "
            "another format"
        )
    if suffix == ".onnx":
        return Content("ONNX model")
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix](path)
    return _unknown(path, head)


def _expected(content: Content, path: Path, suffixes: tuple[str, ...]) -> Content:
    """The content, with a word about a name that says something else."""
    if path.suffix.lower() not in suffixes:
        content.warnings.append(
            f"the file is named {path.suffix or 'without a suffix'}; readers expect {suffixes[0]}"
        )
    return content


def _unknown(path: Path, head: bytes) -> Content:
    """A file whose name tells nothing: SEG-Y, text, or bytes without a header."""
    for reader, suffix in ((open_segy, ".segy"), (open_text, ".txt")):
        try:
            content = reader(path)
        except FileProblem:
            continue
        content.warnings.append(f"named {path.suffix or 'without a suffix'}; rename it to {suffix}")
        return content
    size = path.stat().st_size
    hint = ""
    if size % 4 == 0:
        values = np.frombuffer(head[: len(head) // 4 * 4], "<f4")
        with np.errstate(all="ignore"):
            for name, words in (("<f4", values), (">f4", values.byteswap())):
                sane = np.isfinite(words) & ((words == 0) | (np.abs(words) > 1e-20))
                if sane.all() and np.abs(words).max() < 1e20:
                    hint = (
                        f"; its beginning makes sense as {name} numbers: "
                        f"numpy.fromfile(path, {name!r}).reshape(...) and save it as .npy"
                    )
                    break
    raise FileProblem(
        f"the format {path.suffix or '(no suffix)'} is not known. {size:,} bytes without a header "
        f"are {size // 4:,} 4-byte numbers of any shape" + hint
    )
