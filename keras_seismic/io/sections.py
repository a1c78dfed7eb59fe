"""Seismic sections from files."""

import dataclasses
import os
from pathlib import Path

import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.io.arrays import read_array
from keras_seismic.io.segy import SEGY_SUFFIXES, SU_SUFFIXES, read_segy


@dataclasses.dataclass(frozen=True)
class Section:
    """A seismic section in memory.

    Attributes:
        amplitude: float32 ``(time, traces)``.
        dt: Sample interval in s, if the file states it.
        path: Where it came from.
    """

    amplitude: np.ndarray
    dt: float | None = None
    path: Path | None = None

    @property
    def dead_traces(self) -> np.ndarray:
        """Which traces are all zero, bool ``(traces,)``."""
        dead: np.ndarray = np.all(self.amplitude == 0, axis=0)
        return dead


def read_section(path: str | os.PathLike[str], line: int | None = None) -> Section:
    """A section from a SEG-Y (.sgy, .segy), Seismic Unix (.su) or NumPy (.npy) file.

    Args:
        path: The file. A .npy file holds ``(time, traces)``, or a cube
            ``(time, inline, crossline)``, of which ``line`` chooses one.
        line: Index along the last axis of a cube.

    Returns:
        The section; dead traces stay in it as zeros.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the format is unknown, or the content truncated, of another shape,
            not finite or all zero.

    Example:
        >>> section = read_section("line.segy")  # doctest: +SKIP
        >>> section.amplitude.shape, section.dt  # doctest: +SKIP
        ((2001, 305), 0.004)
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in (*SEGY_SUFFIXES, *SU_SUFFIXES):
        amplitude, dt = read_segy(path)
    elif suffix == ".npy":
        # Of a cube, only the line is read, not the whole file.
        amplitude, dt = read_array(path, mmap=line is not None), None
        if amplitude.ndim == 3 and line is not None:
            if not 0 <= line < amplitude.shape[2]:
                raise ValueError(
                    f"{path}: line must be in 0-{amplitude.shape[2] - 1}, received {line}"
                )
            amplitude = amplitude[:, :, line]
    else:
        raise ValueError(f"{path}: expected a .segy, .sgy, .su or .npy file, received {suffix!r}")
    if amplitude.ndim != 2 or 0 in amplitude.shape:
        hint = "; choose a line of the cube with line=" if amplitude.ndim == 3 else ""
        raise ValueError(
            f"{path}: expected a section (time, traces), received shape {amplitude.shape}{hint}"
        )
    # Copied if the file is mapped: it may change later, but the section must not.
    mapped = isinstance(amplitude, np.memmap)
    amplitude = (np.array if mapped else np.asarray)(amplitude, np.float32, order="C")
    check_finite(amplitude, str(path))
    if not amplitude.any():
        raise ValueError(f"{path}: every sample is zero; there is nothing in this section")
    return Section(amplitude, dt, path)
