"""Writing sections, with the headers of the file they came from."""

import os
from pathlib import Path

import numpy as np

from keras_seismic.checks import check_finite, checked_choice
from keras_seismic.files import written_whole
from keras_seismic.io.arrays import write_array
from keras_seismic.io.sections import Section
from keras_seismic.io.segy.file_writing import TraceFileWriter
from keras_seismic.io.segy.reading import CHUNK, read_layout
from keras_seismic.io.segy.samples import INTEGER_FORMATS
from keras_seismic.io.segy.trace_layout import SEGY_SUFFIXES, SU_SUFFIXES, TraceLayout


def write_section(
    path: str | os.PathLike[str],
    amplitude: np.ndarray,
    like: Section,
    integers: str = "refuse",
) -> Path:
    """Write a section in the format of its original (SEG-Y or SU), or as .npy.

    A SEG-Y or Seismic Unix file is the original with its samples replaced: text, binary and
    trace headers, sample format and byte order stay as they are, byte for byte, and so does
    every sample whose value is unchanged. A section that was only read gives an identical
    file, even if its IBM floats are in a form that segyio would not write. The file is written
    under a temporary name, then renamed.

    Args:
        path: The file to write: .npy, or of the original's format.
        amplitude: ``(time, traces)``.
        like: The section whose headers these are; for SEG-Y and SU it must come from a file
            of that format.
        integers: What to do if the original holds integers: ``"refuse"`` (right for
            reflectivity and other small numbers), ``"round"``, which refuses what does not
            fit the format, or ``"clip"``, which rounds and clips with a warning.

    Returns:
        The path.

    Raises:
        ValueError: If the section differs in shape from the original or is not finite, the
            suffix is not the original's, or ``integers`` forbids it.
        ImportError: If segyio is needed and not installed.

    Warns:
        ClippingWarning: If amplitudes were clipped.

    Example:
        >>> section = read_section("line.segy")  # doctest: +SKIP
        >>> write_section("twice.segy", 2 * section.amplitude, section)  # doctest: +SKIP
    """
    check_target(path, like, integers)
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
        _write_traces(path, amplitude, read_layout(like.path), integers)
    return path


def check_target(
    path: str | os.PathLike[str], like: Section | TraceLayout, integers: str = "refuse"
) -> None:
    """Refuse a file that ``write_section`` could not write, before any work is done.

    Args:
        path: The file to write.
        like: The section whose headers it will get, or the layout of its file.
        integers: As for ``write_section``.

    Raises:
        ValueError: If the suffix is unknown or of another format than the original's, or the
            original holds integers and ``integers`` is ``"refuse"``.
    """
    path, original = Path(path), like.path
    checked_choice(integers, ("refuse", "round", "clip"), f"{path}: integers")
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return
    formats = {"SEG-Y": SEGY_SUFFIXES, "SU": SU_SUFFIXES}
    wanted = next((name for name, suffixes in formats.items() if suffix in suffixes), None)
    if wanted is None:
        raise ValueError(f"{path}: expected a .segy, .sgy, .su or .npy file, received {suffix!r}")
    if original is None or original.suffix.lower() not in formats[wanted]:
        raise ValueError(
            f"{path}: {wanted} needs the headers of a {wanted} file, but the section comes from "
            f"{original or 'memory'}; write .npy"
            + (f" or {original.suffix}" if original and original.suffix != ".npy" else "")
        )
    code = like.code if isinstance(like, TraceLayout) else read_layout(original).code
    if integers == "refuse" and code in INTEGER_FORMATS:
        raise ValueError(
            f"{path}: the samples of {original} are integers (format {code}), which would round "
            "the section to whole numbers; write .npy, or pass integers='round' or 'clip' if "
            "whole numbers are fine enough"
        )


def _write_traces(path: Path, amplitude: np.ndarray, layout: TraceLayout, integers: str) -> None:
    """The original's records with the new samples, written whole."""
    if amplitude.shape != (layout.samples, layout.traces):
        raise ValueError(
            f"{path}: {layout.path} has changed since it was read: it holds {layout.samples} "
            f"samples of {layout.traces} traces, the section {amplitude.shape}"
        )
    with (
        written_whole(path) as temporary,
        TraceFileWriter(temporary, layout, integers, named=path) as file,
    ):
        for first in range(0, layout.traces, CHUNK):
            traces = amplitude[:, first : first + CHUNK].T
            file.write(np.arange(first, first + len(traces)), traces)
