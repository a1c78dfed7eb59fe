"""Cadzow filtering, also called singular spectrum analysis: events as rank."""

from collections.abc import Sequence

import numpy as np

from keras_seismic.checks import checked_size
from keras_seismic.denoising.windows import Size, by_frequency, checked_section


def cadzow(
    section: np.ndarray,
    rank: int = 4,
    damping: float = 2.0,
    iterations: int = 1,
    window: Size = (64, 24),
    overlap: Size | None = None,
    band: Sequence[float] | None = None,
    dt: float | None = None,
) -> np.ndarray:
    """The part of a section that few linear events explain, frequency by frequency.

    The values of one frequency along the traces, written into a Hankel matrix (``H[i, j] =
    x[i + j]``), have rank ``k`` if there are ``k`` linear events; noise fills all of it. The
    matrix is replaced by the nearest one of the given rank and its antidiagonals are averaged.

    Args:
        section: ``(time, traces)``.
        rank: Number of dips in a window that are kept.
        damping: Singular values ``s`` that are kept are multiplied by ``1 - (s0 / s)^damping``,
            ``s0`` the largest one that is not: the smaller, the less noise stays with weak
            events, and the weaker they get; ``inf`` leaves them as they are.
        iterations: Averaging raises the rank again; repeat both this often.
        window: Samples and traces of a window, or one number for both; a window that is larger
            than the section is as large as the section.
        overlap: Samples and traces that neighbors share; half of the window by default.
        band: Lowest and highest frequency of the signal, Hz: the others are zero in the result,
            and cost no time. All by default.
        dt: Sample interval, s; only ``band`` needs it.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is unusable or not finite, or an argument is impossible.

    Example:
        >>> time, trace = np.mgrid[:256, :60]
        >>> event = np.exp(-(((time - 80 - trace) / 5) ** 2))
        >>> noise = np.random.default_rng(0).normal(size=event.shape)
        >>> denoised = cadzow(event + 0.3 * noise, rank=1)
        >>> bool(np.std(denoised - event) < 0.5 * 0.3)
        True

    Reference:
        Trickett, S. (2008), F-xy Cadzow noise suppression, 78th SEG Annual Meeting, 2586-2590.
        Huang, W. et al. (2016), Damped multichannel singular spectrum analysis for 3D random
        noise attenuation, Geophysics 81, V261-V270.
    """
    name = "cadzow"
    section = checked_section(section, name)
    (rank,) = checked_size((rank,), 1, f"{name}: rank")
    (iterations,) = checked_size((iterations,), 1, f"{name}: iterations")
    if not damping > 0:
        raise ValueError(f"{name}: damping must be positive, received {damping}")

    def reduced(spectra: np.ndarray) -> np.ndarray:
        for _ in range(iterations):
            spectra = _reduced(spectra, rank, damping)
        return spectra

    return by_frequency(reduced, section, window, overlap, band, dt, name)


def _reduced(spectra: np.ndarray, rank: int, damping: float) -> np.ndarray:
    """``(spectra, traces)``, the rank of each Hankel matrix reduced."""
    traces = spectra.shape[1]
    columns = (traces + 1) // 2
    if columns <= rank:
        return spectra
    view = np.lib.stride_tricks.sliding_window_view(spectra, columns, axis=1)
    hankel = np.ascontiguousarray(view)  # or NumPy multiplies without BLAS
    # The right singular vectors: quicker from the small Hermitian matrix than by an SVD.
    squares, vectors = np.linalg.eigh(hankel.conj().swapaxes(1, 2) @ hankel)
    kept = vectors[..., -rank:]
    share = np.ones((len(kept), 1, rank))
    if np.isfinite(damping):
        squares = np.maximum(squares, np.finfo(np.float64).tiny)
        share -= (squares[:, None, -rank - 1, None] / squares[:, None, -rank:]) ** (damping / 2)
    low_rank = (hankel @ (kept * share)) @ kept.conj().swapaxes(1, 2)
    result, count = np.zeros_like(spectra), np.zeros(traces)
    for column in range(columns):
        result[:, column : column + low_rank.shape[1]] += low_rank[..., column]
        count[column : column + low_rank.shape[1]] += 1
    averaged: np.ndarray = result / count
    return averaged
