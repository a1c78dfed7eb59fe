"""Gathers disturbed in one way each: what ``evaluate_robustness`` gives to a network."""

import dataclasses
import warnings
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import hilbert

from keras_seismic.gathers import interpolate_receivers, resample_time
from keras_seismic.noise.levels import with_noise
from keras_seismic.simulation import Acquisition, DispersionWarning, simulate

#: Gathers ``(n, time, receivers, shots)`` and velocity ``(n, depth, width, 1)``, m/s.
Disturbed: TypeAlias = tuple[np.ndarray, np.ndarray]


class Case(NamedTuple):
    """Gathers, the velocity they come from, and the experiment, if it is known."""

    gathers: np.ndarray
    velocity: np.ndarray
    acquisition: Acquisition | None

    @property
    def experiment(self) -> Acquisition:
        """The acquisition where it is known to be known."""
        if self.acquisition is None:
            raise ValueError("the acquisition is not known")
        return self.acquisition


def with_noise_of(case: Case, snr_db: float, seed: int) -> Disturbed:
    """White noise at a signal-to-noise ratio over each example, met exactly."""
    if snr_db == np.inf:
        return case.gathers, case.velocity
    noisy = np.empty_like(case.gathers)
    for number, clean in enumerate(case.gathers):
        pattern = np.random.default_rng((seed, number)).standard_normal(clean.shape, np.float32)
        noisy[number] = with_noise(clean, pattern, snr_db)
    return noisy, case.velocity


def with_missing_traces(case: Case, fraction: float, seed: int) -> Disturbed:
    """Zeros in a fraction of each shot's traces; a larger fraction includes a smaller one's."""
    if not 0 <= fraction <= 1:
        raise ValueError(f"missing_traces: expected a fraction in [0, 1], received {fraction}")
    gathers = case.gathers.copy()
    _, receivers, shots = gathers.shape[1:]
    missing = round(fraction * receivers)
    for number, gather in enumerate(gathers):
        rng = np.random.default_rng((seed, number))
        for shot in range(shots):
            gather[:, rng.permutation(receivers)[:missing], shot] = 0
    return gathers, case.velocity


def with_scaled_amplitude(case: Case, factor: float, seed: int) -> Disturbed:
    """Raw amplitudes times a factor."""
    del seed
    return case.gathers * np.float32(factor), case.velocity


def delayed(case: Case, seconds: float, seed: int) -> Disturbed:
    """The record that much later; what comes in at its beginning is zero."""
    del seed
    dt, samples = case.experiment.dt, case.gathers.shape[1]
    if not seconds:
        return case.gathers, case.velocity
    gathers = [resample_time(one, dt, dt, samples, start=seconds) for one in case.gathers]
    return np.stack(gathers), case.velocity


def at_receivers_apart(case: Case, factor: float, seed: int) -> Disturbed:
    """Every n-th receiver, and those in between interpolated.

    To record fewer receivers of a simulation is to simulate fewer: the waves are the same.
    """
    del seed
    step, x = int(factor), case.experiment.receiver_positions[..., 0]
    if step != factor or step < 1:
        raise ValueError(f"receiver_spacing: expected a whole factor, received {factor:g}")
    first = ((x.shape[1] - 1) % step) // 2  # as far from one end as from the other
    kept = slice(first, None, step)
    gathers = case.gathers.copy()
    if step > 1:
        for gather in gathers:
            for shot, places in enumerate(x):
                found = interpolate_receivers(gather[:, kept, shot], places[kept], places)
                gather[..., shot] = found
    return gathers, case.velocity


def scaled_velocity(case: Case, factor: float, seed: int) -> Disturbed:
    """Gathers simulated for the velocity times a factor, which is the velocity to find."""
    del seed
    velocity = case.velocity * np.float32(factor)
    return _simulated(velocity, case.experiment), velocity


def with_stretched_wavelet(case: Case, factor: float, seed: int) -> Disturbed:
    """Gathers simulated with a wavelet whose frequencies are those of the old times a factor.

    Its peak, which arrivals are timed by, is where it was.
    """
    del seed
    acquisition = case.experiment
    old = np.trim_zeros(acquisition.wavelet, "b")
    peak = int(np.argmax(np.abs(old)))
    before, after = int(peak / factor), int((len(old) - 1 - peak) / factor)
    at = peak + np.arange(-before, after + 1) * factor
    new = CubicSpline(np.arange(len(old)), old)(at)
    frequency = factor * acquisition.peak_frequency
    return _with_wavelet(case, new, before, peak, frequency), case.velocity


def with_rotated_wavelet(case: Case, degrees: float, seed: int) -> Disturbed:
    """Gathers simulated with the wavelet rotated in phase: ``w cos(a) - H[w] sin(a)``.

    ``H`` is the Hilbert transform. What it spreads to before time zero is kept, by starting the
    simulation earlier.
    """
    del seed
    acquisition = case.experiment
    old = np.trim_zeros(acquisition.wavelet, "b")
    lead, peak = len(old), int(np.argmax(np.abs(old)))
    padded = np.pad(old, (2 * lead, 2 * lead))  # far enough for the transform's tails
    new = np.real(hilbert(padded) * np.exp(1j * np.radians(degrees)))[lead : 4 * lead]
    frequency = acquisition.peak_frequency
    return _with_wavelet(case, new, lead + peak, peak, frequency), case.velocity


def _with_wavelet(
    case: Case, wavelet: np.ndarray, center: int, wanted: int, frequency: float
) -> np.ndarray:
    """Gathers for a wavelet whose sample ``center`` is at the time of sample ``wanted``."""
    acquisition, late = case.experiment, center - wanted
    longer = dataclasses.replace(
        acquisition,
        nt=acquisition.nt + max(late, 0),
        peak_frequency=frequency,
        source_wavelet=tuple(wavelet),
    )
    gathers = _simulated(case.velocity, longer)[:, max(late, 0) :]
    early = np.zeros((len(gathers), max(-late, 0), *gathers.shape[2:]), np.float32)
    return np.concatenate([early, gathers], axis=1)[:, : acquisition.nt]


def _simulated(velocity: np.ndarray, acquisition: Acquisition) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DispersionWarning)  # below its limit there is an error
        return simulate(velocity[..., 0], acquisition, progress=False)
