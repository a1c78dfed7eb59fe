"""Velocity models from files, and windows of them."""

import os
from pathlib import Path

import numpy as np

from keras_seismic.checks import checked_velocity
from keras_seismic.io.arrays import read_array
from keras_seismic.io.matlab import open_mat, read_mat
from keras_seismic.io.segy import SEGY_SUFFIXES, SU_SUFFIXES, read_layout, read_segy

#: Depth steps in m that the interval of a section can mean; others are in another unit.
_DEPTH_STEPS = (0.5, 65.0)


def read_velocity(path: str | os.PathLike[str]) -> np.ndarray:
    """A velocity model from a NumPy, MATLAB, SEG-Y or Seismic Unix file.

    Args:
        path: The file, in m/s. A .npy file, or a .mat file with one array of numbers, holds
            ``(depth, width)`` or ``(models, depth, width)``; a .segy, .sgy or .su file is a depth
            section.

    Returns:
        float32 ``(models, depth, width)``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the format is unknown, or the content truncated, of another shape, not
            finite, not positive or in km/s.
        ImportError: If what reads such files is not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in (*SEGY_SUFFIXES, *SU_SUFFIXES):
        velocity, _ = read_segy(path)
    elif suffix == ".mat":
        velocity = read_mat(path, [_only_array(path)])
    elif suffix == ".npy":
        velocity = read_array(path)
    else:
        raise ValueError(
            f"{path}: expected a .npy, .mat, .segy, .sgy or .su file, received {suffix!r}"
        )
    if velocity.ndim not in (2, 3) or 0 in velocity.shape:
        raise ValueError(
            f"{path}: expected velocity (depth, width) or (models, depth, width) in m/s, received "
            f"shape {velocity.shape}"
        )
    models = velocity.reshape(-1, *velocity.shape[-2:])
    return checked_velocity(models, str(path)).astype(np.float32)


def read_depth_step(path: str | os.PathLike[str]) -> float | None:
    """Depth from one sample to the next that a depth section's headers state.

    The headers have a word for a time in microseconds only. By custom it holds thousandths of a
    meter in depth sections: 10,000 for 10 m.

    Args:
        path: The file.

    Returns:
        m; ``None`` if the file is not SEG-Y or Seismic Unix, or states no interval or several.

    Raises:
        ValueError: If the interval is no depth step by that custom.
    """
    path = Path(path)
    if path.suffix.lower() not in (*SEGY_SUFFIXES, *SU_SUFFIXES):
        return None
    interval = read_layout(path).dt
    if interval is None:
        return None
    step = round(interval * 1e3, 6)
    low, high = _DEPTH_STEPS
    if not low <= step <= high:
        raise ValueError(
            f"{path}: its headers state a sample interval of {round(interval * 1e6)}, which is "
            f"{step:g} m if it is in thousandths of a meter, as is the custom; give the cell size "
            "dx in m"
        )
    return step


def _only_array(path: Path) -> str:
    """The name of the only array in a .mat file."""
    with open_mat(path) as file:
        if len(file.names) != 1:
            raise ValueError(
                f"{path}: expected one array, the velocity; the file holds "
                f"{', '.join(repr(name) for name in file.names) or 'nothing'}"
            )
        return str(file.names[0])


def velocity_windows(
    velocity: np.ndarray, shape: tuple[int, int], stride: int | None = None
) -> np.ndarray:
    """Windows of a large velocity model, of the size a network takes.

    Args:
        velocity: ``(depth, width)``.
        shape: ``(depth, width)`` of a window in cells.
        stride: Cells from one window to the next in both directions; by default each
            window starts where its neighbor ends.

    Returns:
        ``(windows, depth, width)``, row by row.

    Raises:
        ValueError: If the model is smaller than a window.
    """
    if velocity.shape[0] < shape[0] or velocity.shape[1] < shape[1]:
        raise ValueError(
            f"velocity_windows: the model has {velocity.shape[0]} x {velocity.shape[1]} cells, "
            f"fewer than a window of {shape[0]} x {shape[1]}"
        )
    rows, columns = (stride or shape[0]), (stride or shape[1])
    windows = np.lib.stride_tricks.sliding_window_view(velocity, shape)[::rows, ::columns]
    return np.ascontiguousarray(windows.reshape(-1, *shape))
