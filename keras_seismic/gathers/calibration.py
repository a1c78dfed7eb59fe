"""Calibration: field gathers scaled to simulated amplitudes by the direct wave."""

import dataclasses
import warnings
from typing import TypeVar

import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.gathers.direct_wave import (
    correlate,
    distances,
    estimate_velocity,
    simulated_direct_wave,
    window_ends,
)
from keras_seismic.gathers.shot_gathers import ShotGathers
from keras_seismic.simulation.acquisition import Acquisition

#: Near offsets, in wavelengths of 1500 m/s at the peak frequency: 15 to 100 m at 15 Hz.
_NEAREST, _FARTHEST, _REFERENCE_VELOCITY = 0.15, 1.0, 1500.0

#: Fewest traces to take a scale from.
_FEWEST = 3

#: Correlation with the expected direct wave below which a warning is given.
POOR_CORRELATION = 0.8

Gathers = TypeVar("Gathers", np.ndarray, ShotGathers)


class WaveletWarning(UserWarning):
    """The direct wave of field gathers does not look like the acquisition's."""


@dataclasses.dataclass(frozen=True, eq=False)
class Calibration:
    """What the direct wave says about gathers; returned by ``measure_direct_wave``.

    Attributes:
        scale: Factor for the amplitudes of each shot, ``(shots,)``; negative if the polarity
            is reversed.
        polarity: 1, or -1 if the recorded direct wave has reversed polarity.
        correlation: Median correlation of the near traces' direct wave with the expected
            one, of either polarity; 1 is the same wavelet.
        shift: Delay of the recorded direct wave relative to the expected one, s. Gathers with
            a shift need their time zero corrected.
        velocity: Near-surface velocity, given or found, m/s.
        scatter: Relative scatter of the scale from trace to trace (median absolute
            deviation).
        spreading: Exponent of distance in the ratio of recorded to simulated amplitudes:
            0 in two dimensions, about -0.5 for point sources in three.
        traces: Number of near traces used.
    """

    scale: np.ndarray
    polarity: int
    correlation: float
    shift: float
    velocity: float
    scatter: float
    spreading: float
    traces: int

    def apply(self, gathers: Gathers) -> Gathers:
        """The gathers times the scale, ``(..., time, receivers, shots)``, float32.

        Raises:
            ValueError: If their number of shots differs.
        """
        if isinstance(gathers, ShotGathers):
            factor = f"{self.scale.mean():.4g}"
            return dataclasses.replace(
                gathers,
                amplitude=self._scaled(gathers.amplitude),
                changes=(*gathers.changes, f"amplitudes multiplied by {factor} (direct wave)"),
            )
        return self._scaled(np.asarray(gathers))

    def _scaled(self, gathers: np.ndarray) -> np.ndarray:
        if gathers.shape[-1] != len(self.scale):
            raise ValueError(
                f"Calibration: the scale is for {len(self.scale)} shots, received gathers "
                f"(..., time, receivers, shots) of {gathers.shape}"
            )
        return np.asarray(gathers * self.scale, np.float32)

    def __str__(self) -> str:
        low, high = np.abs(self.scale).min(), np.abs(self.scale).max()
        scale = f"{low:.4g}" if high <= low * (1 + 1e-6) else f"{low:.4g} to {high:.4g}"
        return (
            f"scale {scale}{', polarity reversed' if self.polarity < 0 else ''}; direct wave: "
            f"{self.velocity:.0f} m/s, correlation {self.correlation:.3f} with the expected one, "
            f"{self.shift * 1e3:+.1f} ms late, scale scatters by {self.scatter:.1%} over "
            f"{self.traces} near traces, spreading exponent {self.spreading:+.2f}"
        )


def measure_direct_wave(
    gathers: np.ndarray | ShotGathers,
    acquisition: Acquisition,
    velocity: float | None = None,
    per_shot: bool = False,
    offsets: tuple[float, float] | None = None,
    max_shift: float | None = None,
) -> Calibration:
    """The scale that gives field gathers the amplitude of simulated ones.

    Networks expect the amplitudes of their training simulations; those of field data are
    arbitrary. The direct wave at near receivers does not depend on the ground below, so it is
    compared with the one that ``simulate`` gives for the acquisition over a homogeneous near
    surface, from time zero to the wavelet's peak, before most reflections interfere. The median
    over near traces makes it robust to single bad ones. The scale is accurate to 1 % where the
    uppermost 90 m have one velocity; a boundary at 50 m causes an error of about 2 %, a thin fast
    layer one of up to 34 % (``benchmarks/calibration.py``), which shows as a large ``scatter``.

    Args:
        gathers: ``(time, receivers, shots)`` on the acquisition's positions and samples (see
            ``match_acquisition``).
        acquisition: The experiment.
        velocity: Near-surface velocity, m/s (water: 1500); by default the one whose direct
            wave fits the gathers best.
        per_shot: A scale for each shot, for sources of different strength, instead of one for
            all.
        offsets: Smallest and largest distance of the near receivers, m; by default 15 to
            100 m for 15 Hz, and in proportion to the wavelength.
        max_shift: Largest error of time zero to allow for, s; by default a quarter of the
            wavelet's period, beyond which polarity would be uncertain.

    Returns:
        The calibration; ``calibration.apply(gathers)`` scales them.

    Raises:
        ValueError: If the gathers do not match the acquisition or are not finite, there are too
            few live near traces, or the acquisition's grid cannot carry the velocity.

    Warns:
        WaveletWarning: If the correlation is below 0.8, because the wavelet, velocity or time
            zero differs.

    Example:
        >>> calibration = measure_direct_wave(matched, model.acquisition)  # doctest: +SKIP
        >>> print(calibration)  # doctest: +SKIP
        >>> velocity = model(calibration.apply(matched).amplitude[None])  # doctest: +SKIP
    """
    amplitude = gathers.amplitude if isinstance(gathers, ShotGathers) else np.asarray(gathers)
    _check_gathers(amplitude, acquisition)
    dt, distance = acquisition.dt, distances(acquisition)
    period = 1 / acquisition.peak_frequency
    if max_shift is None:
        max_shift = period / 4
    longest_lag = round(max_shift / dt)
    window = int(np.argmax(acquisition.wavelet)) * dt
    near = _near_traces(amplitude, distance, offsets, period)
    recorded, apart = amplitude[:, near].astype(np.float64), distance[near]
    if velocity is None:
        if acquisition.free_surface:
            raise ValueError(
                "measure_direct_wave: the near-surface velocity cannot be estimated under a free "
                "surface, whose ghost cancels much of the direct wave; pass velocity= in m/s"
            )
        velocity = estimate_velocity(recorded, acquisition, apart, window, longest_lag)
    ends = window_ends(apart, velocity, window, dt, len(amplitude))
    expected = simulated_direct_wave(acquisition, velocity, int(ends.max()))[:, near]
    found = correlate(recorded, expected, ends, longest_lag)
    strength = np.log(np.maximum(np.abs(found.projection), np.finfo(np.float64).tiny))
    shots = np.nonzero(near)[1]
    overall = np.median(strength)
    by_shot = np.full(len(acquisition.sources), overall)
    if per_shot:
        by_shot = np.array([np.median(strength[shots == k]) for k in range(len(by_shot))])
    residual = strength - by_shot[shots]
    calibration = Calibration(
        scale=found.polarity * np.exp(-by_shot),
        polarity=found.polarity,
        correlation=float(np.median(found.traces)),
        shift=found.lag * dt,
        velocity=float(velocity),
        scatter=float(np.median(np.abs(residual))),
        spreading=float(np.polyfit(np.log(apart), residual, 1)[0]),
        traces=int(near.sum()),
    )
    if calibration.correlation < POOR_CORRELATION:
        warnings.warn(
            f"the direct wave correlates by only {calibration.correlation:.2f} with the "
            f"acquisition's (about {acquisition.peak_frequency:g} Hz, {velocity:.0f} m/s): "
            "wavelet, near-surface velocity or time zero differ, and the scale means little",
            WaveletWarning,
            stacklevel=2,
        )
    return calibration


def _check_gathers(amplitude: np.ndarray, acquisition: Acquisition) -> None:
    if amplitude.shape != acquisition.gather_shape:
        raise ValueError(
            "measure_direct_wave: expected gathers (time, receivers, shots) of the acquisition, "
            f"{acquisition.gather_shape}, received {amplitude.shape}; see match_acquisition"
        )
    check_finite(amplitude, "measure_direct_wave: gathers")


def _near_traces(
    amplitude: np.ndarray,
    distance: np.ndarray,
    offsets: tuple[float, float] | None,
    period: float,
) -> np.ndarray:
    """Live traces at near offsets, bool ``(receivers, shots)``, enough of them for each shot."""
    if offsets is None:
        wavelength = _REFERENCE_VELOCITY * period
        offsets = (_NEAREST * wavelength, _FARTHEST * wavelength)
    low, high = offsets
    if not 0 <= low < high:
        raise ValueError(
            f"measure_direct_wave: offsets must be (smallest, largest) in m, received {offsets}"
        )
    # A receiver in the source's cell records the cell, not a wave.
    near = (distance >= max(low, 1e-6)) & (distance <= high)
    live = np.any(amplitude != 0, axis=0)
    counts = np.sum(near & live, axis=0)
    if counts.min() < _FEWEST:
        shot = int(np.argmin(counts))
        raise ValueError(
            f"measure_direct_wave: shot {shot + 1} has {counts[shot]} live traces between {low:g} "
            f"and {high:g} m (dead ones: {int(np.sum(near[:, shot])) - counts[shot]}), but "
            f"{_FEWEST} are needed; pass wider offsets="
        )
    return np.asarray(near & live)
