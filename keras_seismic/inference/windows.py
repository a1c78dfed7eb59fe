"""Networks on sections of any size, in overlapping windows that blend into each other."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.denoising.windows import blending
from keras_seismic.progress import progress_bar
from keras_seismic.simulation.acquisition import is_whole_number

Size = int | Sequence[int]


def apply_in_windows(
    function: Callable[[np.ndarray], Any],
    section: np.ndarray,
    window: Size = 256,
    overlap: Size | None = None,
    batch_size: int = 4,
    progress: bool = True,
    description: str = "processing windows",
) -> np.ndarray:
    """Apply a network to a section in overlapping windows.

    All windows have the same size: the last ones in a row or column are moved back to end at the
    section's edge, and a section smaller than a window is mirrored until it fills one. Where
    windows overlap, their results are weighted by ``sin^2`` ramps that sum to one at every
    sample, so a network that changes nothing returns the section.

    Args:
        function: Anything from ``(batch, time, traces, 1)`` float32 to the same shape: a
            Keras model, what ``load_predictor`` returns, or a Python function.
        section: ``(time, traces)``.
        window: Samples and traces of a window, or one number for both.
        overlap: Samples and traces that neighbors share, less than the window; a quarter of
            the window by default.
        batch_size: Windows passed to the function together.
        progress: Show a progress bar when the work takes longer than a second.
        description: Label of the progress bar.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is not ``(time, traces)`` or not finite, a size is
            impossible, or the function returns another shape or values that are not finite.

    Example:
        >>> section = np.random.default_rng(0).standard_normal((300, 70)).astype("float32")
        >>> doubled = apply_in_windows(lambda windows: 2 * windows, section, window=(64, 32))
        >>> bool(np.allclose(doubled, 2 * section, atol=1e-6))
        True
    """
    section = np.asarray(section, np.float32)
    if section.ndim != 2 or 0 in section.shape:
        raise ValueError(
            f"apply_in_windows: expected a section (time, traces), received shape {section.shape}"
        )
    check_finite(section, "apply_in_windows: section")
    size = _pair(window, "window", 1)
    shared = (size[0] // 4, size[1] // 4) if overlap is None else _pair(overlap, "overlap", 0)
    if shared[0] >= size[0] or shared[1] >= size[1]:
        raise ValueError(
            f"apply_in_windows: the overlap must be smaller than the window, received "
            f"{shared[0]} x {shared[1]} of {size[0]} x {size[1]}"
        )
    if not is_whole_number(batch_size, minimum=1):
        raise ValueError(
            f"apply_in_windows: batch_size must be a positive integer, received {batch_size}"
        )

    missing = [max(s - n, 0) for s, n in zip(size, section.shape, strict=True)]
    padded = np.pad(section, [(0, n) for n in missing], mode="symmetric")
    rows, columns = (
        list(zip(*blending(n, s, o), strict=True))
        for n, s, o in zip(padded.shape, size, shared, strict=True)
    )
    result = np.zeros(padded.shape)
    places = itertools.product(rows, columns)
    with progress_bar(len(rows) * len(columns), description, "window", progress) as bar:
        while batch := list(itertools.islice(places, int(batch_size))):
            slices = [np.s_[r : r + size[0], c : c + size[1]] for (r, _), (c, _) in batch]
            outputs = _checked_call(function, np.stack([padded[s] for s in slices])[..., None])
            for ((_, by_row), (_, by_column)), s, output in zip(
                batch, slices, outputs, strict=True
            ):
                result[s] += output[..., 0] * by_row[:, None] * by_column
            bar.update(len(batch))
    return result[: section.shape[0], : section.shape[1]].astype(np.float32)


def fitting_window(shape: tuple[int, ...], largest: int, overlap: int) -> tuple[int, ...]:
    """A size of window that covers a section with little to spare.

    Args:
        shape: Of the section.
        largest: Longest side of a window.
        overlap: Samples and traces that neighbors share.

    Returns:
        Multiples of 16 along each axis, of as few windows as possible.
    """
    counts = [max(-(-(n - overlap) // (largest - overlap)), 1) for n in shape]
    needed = [-(-(n + (k - 1) * overlap) // k) for n, k in zip(shape, counts, strict=True)]
    return tuple(-(-n // 16) * 16 for n in needed)


def _checked_call(function: Callable[[np.ndarray], Any], windows: np.ndarray) -> np.ndarray:
    outputs = keras.ops.convert_to_numpy(function(windows))
    if outputs.shape != windows.shape:
        raise ValueError(
            f"apply_in_windows: the function must return the shape it is given, {windows.shape} "
            f"(batch, time, traces, 1), received {outputs.shape}"
        )
    check_finite(outputs, "apply_in_windows: what the function returned")
    return outputs


def _pair(value: Size, name: str, minimum: int) -> tuple[int, int]:
    sizes = tuple(value) if isinstance(value, Sequence | np.ndarray) else (value, value)
    if len(sizes) != 2 or not all(is_whole_number(n, minimum) for n in sizes):
        raise ValueError(
            f"apply_in_windows: {name} must be one or two whole numbers of at least {minimum}, "
            f"received {value!r}"
        )
    return int(sizes[0]), int(sizes[1])
