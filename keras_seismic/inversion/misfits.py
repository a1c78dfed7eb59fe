"""Misfits between predicted and observed gathers, each with its adjoint source.

A misfit is a function of two arrays ``(time, ...)`` that returns its value and its derivative with
respect to the first of them, the adjoint source. All are dimensionless: zeros as a prediction give
about 1, so that weights of regularization mean the same whatever the amplitudes' unit.
"""

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from keras_seismic.checks import checked_choice

#: ``(predicted, observed) -> (value, adjoint source)``, arrays ``(time, ...)``.
Misfit: TypeAlias = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]

#: Fraction of the RMS amplitude below which an envelope is not divided by itself.
_SMALL_ENVELOPE = 1e-3


@dataclasses.dataclass(frozen=True)
class L2:
    """``sum (p - d)^2 / sum d^2``, the usual least squares.

    Example:
        >>> value, adjoint = L2()(np.zeros((4, 2)), np.ones((4, 2)))
        >>> float(value), float(adjoint[0, 0])
        (1.0, -0.25)
    """

    def __call__(self, predicted: np.ndarray, observed: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and adjoint source."""
        residual = predicted - observed
        energy = np.sum(observed**2)
        return float(np.sum(residual**2) / energy), 2 * residual / energy


@dataclasses.dataclass(frozen=True)
class Huber:
    """Squares of small residuals, absolute values of large ones, joined smoothly.

    ``h(r) = 2 t^2 (sqrt(1 + (r / t)^2) - 1)`` with ``t = threshold * rms(d)``, summed and divided
    by the sum of ``h(d)``. Large residuals, such as spikes, a bad trace or a cycle too many, pull
    less than in ``L2``.

    Args:
        threshold: Residual, in units of the observed RMS amplitude, where the one becomes the
            other. A thousandth is an L1 norm for all that matters.

    Raises:
        ValueError: If the threshold is not positive.
    """

    threshold: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.threshold < np.inf:
            raise ValueError(f"Huber: threshold must be positive, received {self.threshold}")

    def __call__(self, predicted: np.ndarray, observed: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and adjoint source."""
        scale = self.threshold * np.sqrt(np.mean(observed**2))
        residual = (predicted - observed) / scale
        root = np.sqrt(1 + residual**2)
        total = np.sum(np.sqrt(1 + (observed / scale) ** 2) - 1)
        return float(np.sum(root - 1) / total), residual / root / (scale * total)


@dataclasses.dataclass(frozen=True)
class Envelope:
    """``L2`` of the envelopes, which have low frequencies even where the data have none.

    The envelope is ``sqrt(p^2 + H(p)^2)`` with the Hilbert transform ``H`` along time. It
    tolerates a start that is more than half a cycle off, and sees no polarity.

    Reference:
        Bozdag, E., Trampert, J. and Tromp, J. (2011), Misfit functions for full waveform
        inversion based on instantaneous phase and envelope measurements, Geophysical Journal
        International 185, 845-870.
    """

    def __call__(self, predicted: np.ndarray, observed: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and adjoint source."""
        # Rounded off near zero, where the root has no derivative.
        small = _SMALL_ENVELOPE * np.sqrt(np.mean(observed**2))
        rotated = hilbert(predicted)
        envelope = np.sqrt(predicted**2 + rotated**2 + small**2)
        target = np.sqrt(observed**2 + hilbert(observed) ** 2 + small**2)
        residual = envelope - target
        energy = np.sum(target**2)
        ratio = 2 * residual / envelope / energy
        # The transform's adjoint is its negative.
        adjoint = ratio * predicted - hilbert(ratio * rotated)
        return float(np.sum(residual**2) / energy), adjoint


@dataclasses.dataclass(frozen=True)
class NormalizedCorrelation:
    """``1 - <p, d> / (|p| |d|)`` of each trace, averaged: shapes without amplitudes.

    For data whose amplitudes are not to be trusted (unknown coupling or source strength, other
    attenuation than the scheme's). Traces that are zero do not count.

    Reference:
        Choi, Y. and Alkhalifah, T. (2012), Application of multi-source waveform inversion to
        marine streamer data using the global correlation norm, Geophysical Prospecting 60,
        748-758.
    """

    def __call__(self, predicted: np.ndarray, observed: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and adjoint source."""
        sizes = np.linalg.norm(predicted, axis=0), np.linalg.norm(observed, axis=0)
        live = (sizes[0] > 0) & (sizes[1] > 0)
        count = max(int(np.sum(sizes[1] > 0)), 1)
        p = np.divide(predicted, sizes[0], out=np.zeros_like(predicted), where=live)
        d = np.divide(observed, sizes[1], out=np.zeros_like(observed), where=live)
        correlation = np.sum(p * d, axis=0)
        residual = np.divide(correlation * p - d, sizes[0], out=np.zeros_like(p), where=live)
        return float((count - correlation.sum()) / count), residual / count


MISFITS: dict[str, Misfit] = {
    "l2": L2(),
    "l1": Huber(1e-3),
    "huber": Huber(),
    "envelope": Envelope(),
    "correlation": NormalizedCorrelation(),
}


def as_misfit(misfit: str | Misfit) -> Misfit:
    """A misfit from its name, or as it is.

    Raises:
        ValueError: If there is none of that name.
    """
    if callable(misfit):
        return misfit
    return MISFITS[str(checked_choice(misfit, tuple(MISFITS), "misfit"))]


def hilbert(traces: np.ndarray) -> np.ndarray:
    """The Hilbert transform along the first axis, periodic in it; its adjoint is its negative.

    Example:
        >>> phase = 2 * np.pi * np.arange(8) / 8
        >>> bool(np.allclose(hilbert(np.cos(phase)), np.sin(phase)))
        True
    """
    spectrum = np.fft.rfft(traces, axis=0)
    spectrum[0] = 0
    if len(traces) % 2 == 0:
        spectrum[-1] = 0
    return np.fft.irfft(-1j * spectrum, len(traces), axis=0)
