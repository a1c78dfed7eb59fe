"""f-x deconvolution: what the traces beside a trace predict."""

from collections.abc import Sequence

import numpy as np

from keras_seismic.checks import checked_size
from keras_seismic.denoising.windows import Size, by_frequency, checked_section


def fx_deconvolution(
    section: np.ndarray,
    length: int = 4,
    regularization: float = 0.01,
    window: Size = (64, 32),
    overlap: Size | None = None,
    band: Sequence[float] | None = None,
    dt: float | None = None,
) -> np.ndarray:
    """What neighboring traces predict of each trace, frequency by frequency.

    In one frequency, linear events are complex exponentials along the traces, and ``k`` of them
    are predicted exactly by ``k`` traces; noise that differs from trace to trace is not. The
    filter minimizes the error of predicting forward and, with its complex conjugate, backward;
    both predictions are averaged. In windows, so that curved events are nearly straight.

    Args:
        section: ``(time, traces)``.
        length: Traces that predict the next one; more than there are dips in a window, since
            some are spent on the noise.
        regularization: Added to the diagonal of the normal equations, relative to its mean: the
            larger, the weaker and the steadier the prediction.
        window: Samples and traces of a window, or one number for both; a window that is larger
            than the section is as large as the section.
        overlap: Samples and traces that neighbors share; half of the window by default.
        band: Lowest and highest frequency of the signal, Hz: the others are zero in the result,
            and cost no time. All by default.
        dt: Sample interval, s; only ``band`` needs it.

    Returns:
        float32 ``(time, traces)``.

    Raises:
        ValueError: If the section is unusable or not finite, has fewer than ``2 length`` traces
            in a window, or another argument is impossible.

    Example:
        >>> time, trace = np.mgrid[:256, :60]
        >>> event = np.exp(-(((time - 80 - trace) / 5) ** 2))
        >>> noise = np.random.default_rng(0).normal(size=event.shape)
        >>> denoised = fx_deconvolution(event + 0.3 * noise, length=3)
        >>> bool(np.std(denoised - event) < 0.5 * 0.3)
        True

    Reference:
        Canales, L. L. (1984), Random noise reduction, 54th SEG Annual Meeting, 525-527.
    """
    name = "fx_deconvolution"
    section = checked_section(section, name)
    (length,) = checked_size((length,), 1, f"{name}: length")
    if not 0 <= regularization < np.inf:
        raise ValueError(
            f"{name}: regularization must be a number from 0 on, received {regularization}"
        )

    def predicted(spectra: np.ndarray) -> np.ndarray:
        if spectra.shape[1] < 2 * length:
            raise ValueError(
                f"{name}: a filter of length {length} needs windows and a section of at least "
                f"{2 * length} traces, received {spectra.shape[1]}"
            )
        return _predicted(spectra, length, regularization)

    return by_frequency(predicted, section, window, overlap, band, dt, name)


def _predicted(spectra: np.ndarray, length: int, regularization: float) -> np.ndarray:
    """``(spectra, traces)``, each value predicted from both sides."""
    runs = np.lib.stride_tricks.sliding_window_view(spectra, length + 1, axis=1)
    before, after = runs[..., length - 1 :: -1] if length > 1 else runs[..., :1], runs[..., 1:]
    known = np.concatenate([before, after.conj()], axis=1)
    target = np.concatenate([runs[..., length], runs[..., 0].conj()], axis=1)[..., None]
    adjoint = known.conj().swapaxes(1, 2)
    normal = adjoint @ known
    diagonal = np.einsum("nii->ni", normal)
    diagonal += regularization * diagonal.mean(axis=1, keepdims=True)
    # Empty spectra and exact predictions are no reason to divide by zero.
    diagonal += 1e-13 * diagonal.mean(axis=1, keepdims=True).real + np.finfo(np.float64).tiny
    weights = np.linalg.solve(normal, adjoint @ target)
    result, count = np.zeros_like(spectra), np.zeros(spectra.shape[1])
    result[:, length:] += (before @ weights)[..., 0]
    result[:, :-length] += (after @ weights.conj())[..., 0]
    count[length:] += 1
    count[:-length] += 1
    predicted: np.ndarray = result / count
    return predicted
