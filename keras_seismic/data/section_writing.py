"""Writing sections, with the headers of the file that they came from."""

import os
import shutil
from pathlib import Path

import numpy as np

from keras_seismic.data.arrays import check_finite, write_array
from keras_seismic.data.sections import Section
from keras_seismic.data.segy import check_layout

#: SEG-Y sample formats that hold real numbers: IBM, IEEE 4 and 8 bytes.
_FLOAT_FORMATS = (1, 5, 6)

_SEGY = (".segy", ".sgy")


def write_section(path: str | os.PathLike, amplitude: np.ndarray, like: Section) -> Path:
    """Write a section beside its original: SEG-Y where that is SEG-Y, else .npy.

    A SEG-Y file is the original with its samples replaced: text, binary and trace headers,
    sample format and byte order stay as they are, byte for byte. Written under a temporary
    name and renamed.

    Args:
        path: The file to write, .segy, .sgy or .npy.
        amplitude: ``(time, traces)``.
        like: The section whose headers these are; for SEG-Y it must come from a SEG-Y file.

    Returns:
        The path.

    Raises:
        ValueError: If the section has another shape than the original or is not finite, the
            suffix is unknown, or the original is no SEG-Y file or holds integers, which
            cannot take reflectivity.
        ImportError: If segyio is needed and not installed.

    Example:
        >>> section = read_section("line.segy")  # doctest: +SKIP
        >>> write_section("twice.segy", 2 * section.amplitude, section)  # doctest: +SKIP
    """
    check_target(path, like)
    path, amplitude = Path(path), np.asarray(amplitude, np.float32)
    check_finite(amplitude, f"{path}: section")
    if amplitude.shape != like.amplitude.shape:
        raise ValueError(
            f"{path}: expected a section (time, traces) of {like.amplitude.shape} as the original, "
            f"received {amplitude.shape}"
        )
    if like.path is None or path.suffix.lower() == ".npy":
        write_array(path, amplitude)
    else:
        _write_segy(path, amplitude, like.path)
    return path


def check_target(path: str | os.PathLike, like: Section) -> None:
    """Refuse a file that ``write_section`` could not write, before work is done for it.

    Args:
        path: The file to write.
        like: The section whose headers it will get.

    Raises:
        ValueError: If the suffix is unknown, or the original is no SEG-Y file of floats and
            a SEG-Y file is wanted.
    """
    path, original = Path(path), like.path
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return
    if suffix not in _SEGY:
        raise ValueError(f"{path}: expected a .segy, .sgy or .npy file, received {suffix!r}")
    if original is None or original.suffix.lower() not in _SEGY:
        raise ValueError(
            f"{path}: SEG-Y needs the headers of a SEG-Y file, but the section comes from "
            f"{original or 'memory'}; write .npy"
        )
    *_, code = check_layout(original)
    if code not in _FLOAT_FORMATS:
        raise ValueError(
            f"{path}: the samples of {original} are integers (format {code}), which would round "
            "the section to whole numbers; write .npy"
        )


def _write_segy(path: Path, amplitude: np.ndarray, original: Path) -> None:
    endian, *_ = check_layout(original)
    try:
        import segyio
    except ImportError as error:
        raise ImportError(
            f"writing {path} needs segyio: pip install 'keras_seismic[segy]'"
        ) from error
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        shutil.copyfile(original, temporary)
        with segyio.open(str(temporary), "r+", ignore_geometry=True, endian=endian) as file:
            file.trace.raw[:] = np.ascontiguousarray(amplitude.T, file.dtype)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
