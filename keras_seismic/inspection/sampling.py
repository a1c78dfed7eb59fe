"""Reading a bounded part of an array, as panels of whole traces."""

import numpy as np

from keras_seismic.inspection.content import Source

#: Axes that run down a panel, and across it.
_DOWN = ("time", "depth")
_ACROSS = ("trace", "receiver", "width", "inline", "crossline")

#: Number of places at which the columns of a very wide panel are read.
_WINDOWS = 8


def read_sample(
    source: Source, axes: tuple[str, ...], limit: int
) -> tuple[np.ndarray, np.ndarray, str]:
    """Evenly spread panels of an array, about ``limit`` samples at most.

    Args:
        source: The array.
        axes: Names of its axes; without time or depth, the second-to-last axis runs down.
        limit: Samples to read.

    Returns:
        The panels, floating point ``(panels, down, across)``; the indices of their columns in the
        array; and, in words, how much was read.
    """
    shape = source.shape
    down = next((i for i, axis in enumerate(axes) if axis in _DOWN), max(len(shape) - 2, 0))
    across = next(
        (axes.index(axis) for axis in _ACROSS if axis in axes),
        None if len(shape) == 1 else (len(shape) - 1 if down != len(shape) - 1 else down - 1),
    )
    if np.prod(shape, dtype=np.int64) > limit and "crossline" in axes:
        across = axes.index("crossline")  # neighbors in the file
    others = [i for i in range(len(shape)) if i not in (down, across)]
    counts = [shape[i] for i in others]
    total = int(np.prod(counts, dtype=np.int64))
    rows, width = shape[down], 1 if across is None else shape[across]
    chosen = _panels_to_read(counts, total, rows * width, limit)
    columns = _columns_to_read(width, max(limit // (rows * len(chosen)), 1))
    rows_read = min(rows, limit)
    dtype = np.float64 if source.dtype.itemsize > 4 or source.dtype.kind in "iu" else np.float32
    panels = np.empty((len(chosen), rows_read, len(columns)), dtype)
    parts = np.split(np.arange(len(columns)), np.flatnonzero(np.diff(columns) != 1) + 1)
    for k, number in enumerate(chosen):
        place = np.unravel_index(int(number), counts) if counts else ()
        for part in parts:
            index: list[int | slice] = [0] * len(shape)
            index[down] = slice(0, rows_read)
            for i, where in zip(others, place, strict=True):
                index[i] = int(where)
            if across is not None:
                index[across] = slice(int(columns[part[0]]), int(columns[part[-1]]) + 1)
            read = np.asarray(source.array[tuple(index)])
            if across is None:
                read = read[:, None]
            elif across < down:
                read = read.T
            panels[k][:, part] = read
    size = int(np.prod(shape, dtype=np.int64))
    parts_read = [
        f"{read:,} of {there:,} {name}"
        for read, there, name in (
            (len(chosen), total, "panels"),
            (len(columns), width, "traces"),
            (rows_read, rows, "samples of each (the first)"),
        )
        if read < there
    ]
    if not parts_read:
        return panels, columns, f"all {size:,} samples"
    examined = f"{panels.size:,} of {size:,} samples, spread evenly: {', '.join(parts_read)}"
    return panels, columns, examined


def _panels_to_read(counts: list[int], total: int, size: int, limit: int) -> np.ndarray:
    """Numbers of panels: whole records (all shots of one) where possible."""
    most = max(limit // max(size, 1), 1)
    if total <= most:
        return np.arange(total)
    in_record = total // counts[0]
    if len(counts) > 1 and in_record <= most:
        records = np.unique(np.linspace(0, counts[0] - 1, max(most // in_record, 1)).astype(int))
        return (records[:, None] * in_record + np.arange(in_record)).ravel()
    return np.unique(np.linspace(0, total - 1, most).astype(int))


def _columns_to_read(width: int, most: int) -> np.ndarray:
    """All columns, or a few windows of neighboring ones: whole pages of a mapped file."""
    if width <= most:
        return np.arange(width)
    size = max(most // _WINDOWS, 1)
    starts = np.linspace(0, width - size, min(_WINDOWS, most)).astype(int)
    return np.unique(starts[:, None] + np.arange(size))
