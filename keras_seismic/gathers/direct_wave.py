"""The direct wave of an acquisition: what it should look like, and how gathers compare."""

import dataclasses

import numpy as np

from keras_seismic.simulation import Acquisition, simulate

#: Rows below the deepest position in the model used to simulate the direct wave.
_ROWS_BELOW = 20

#: Near-surface velocities to search, m/s, in steps of 1.5 % and then of 0.2 %.
_SLOWEST, _FASTEST, _STEP, _FINE_STEP = 400.0, 6500.0, 0.015, 0.002


def distances(acquisition: Acquisition) -> np.ndarray:
    """Between every receiver and source, ``(receivers, shots)``, m."""
    apart = acquisition.receiver_positions - acquisition.source_positions[:, None]
    return np.asarray(np.hypot(*apart.T))


def closed_form_direct_wave(
    acquisition: Acquisition, velocity: float, samples: int, distance: np.ndarray
) -> np.ndarray:
    """The wave in an unbounded homogeneous medium, without simulating it.

    ``p(t) = dx^2 / (2 pi) integral of w(t - s) / sqrt(s^2 - r^2 / v^2) ds`` from ``r / v`` on: the
    two-dimensional Green's function and the simulation's injection into one cell. Grid
    dispersion, 1 to 3 % of the amplitude at 4 points per wavelength, is left out.

    Args:
        acquisition: Wavelet, dx and dt.
        velocity: m/s.
        samples: Number of samples.
        distance: From source to receiver, ``(traces,)``, positive, m.

    Returns:
        ``(samples, traces)``.
    """
    # The integral over each sample interval, so that the singularity does no harm. A source
    # sample k acts on the pressure one step later, which is record k.
    edges = (np.arange(samples + 1) + 0.5) * acquisition.dt
    kernel = np.diff(np.arccosh(np.maximum(edges[:, None] * velocity / distance, 1)), axis=0)
    wavelet = np.zeros(samples)
    wavelet[: acquisition.nt] = acquisition.wavelet[:samples]
    spectrum = np.fft.rfft(wavelet, 2 * samples)[:, None] * np.fft.rfft(kernel, 2 * samples, axis=0)
    wave = np.fft.irfft(spectrum, 2 * samples, axis=0)[:samples]
    return wave * acquisition.dx**2 / (2 * np.pi)


def simulated_direct_wave(acquisition: Acquisition, velocity: float, samples: int) -> np.ndarray:
    """The wave that ``simulate`` gives for a homogeneous model.

    Args:
        acquisition: The experiment.
        velocity: m/s.
        samples: Number of samples.

    Returns:
        ``(samples, receivers, shots)``.

    Raises:
        ValueError: If the acquisition's grid cannot carry waves of that velocity.
    """
    places = np.vstack([acquisition.source_positions, *acquisition.receiver_positions])
    columns, rows = (int(n) + 1 for n in np.rint(places / acquisition.dx).max(axis=0))
    model = np.full((1, rows + _ROWS_BELOW, columns), float(velocity))
    # A multiple of 64 samples, since each new length is compiled again.
    shorter = dataclasses.replace(acquisition, nt=-(-samples // 64) * 64)
    return simulate(model, shorter, progress=False)[0, :samples]


@dataclasses.dataclass(frozen=True)
class Correlation:
    """How well an expected direct wave fits recorded ones.

    Attributes:
        lag: Samples by which the recorded waves come later.
        polarity: 1 or -1.
        traces: Correlation coefficient of each trace at that lag, times the polarity.
        projection: Amplitude of each recorded wave in units of the expected one.
    """

    lag: int
    polarity: int
    traces: np.ndarray
    projection: np.ndarray


def correlate(
    recorded: np.ndarray, expected: np.ndarray, ends: np.ndarray, longest_lag: int
) -> Correlation:
    """Compare from time zero to the end of each trace's window, at the best common lag.

    Args:
        recorded: ``(time, traces)``, none of them dead.
        expected: The same.
        ends: Last sample of each window plus one, ``(traces,)``.
        longest_lag: Samples to try in either direction.
    """
    samples = len(expected)
    inside = np.arange(samples)[:, None] < ends
    template = np.where(inside, expected, 0.0)
    size = samples + 2 * longest_lag
    padded = np.zeros((size, recorded.shape[1]))
    padded[longest_lag : longest_lag + len(recorded)] = recorded[: size - longest_lag]
    length = 2 * size
    product = np.fft.irfft(
        np.fft.rfft(padded, length, axis=0) * np.conj(np.fft.rfft(template, length, axis=0)),
        length,
        axis=0,
    )[: 2 * longest_lag + 1]
    energy = np.concatenate([np.zeros((1, padded.shape[1])), np.cumsum(padded**2, axis=0)])
    lags = np.arange(2 * longest_lag + 1)
    columns = np.arange(padded.shape[1])
    recorded_energy = energy[lags[:, None] + ends, columns] - energy[lags]
    expected_energy = np.sum(template**2, axis=0)
    tiny = np.finfo(np.float64).tiny
    coefficients = product / np.sqrt(np.maximum(recorded_energy * expected_energy, tiny))
    means = coefficients.mean(axis=1)
    best = int(np.argmax(np.abs(means)))
    polarity = -1 if means[best] < 0 else 1
    return Correlation(
        best - longest_lag,
        polarity,
        polarity * coefficients[best],
        product[best] / np.maximum(expected_energy, tiny),
    )


def estimate_velocity(
    recorded: np.ndarray,
    acquisition: Acquisition,
    distance: np.ndarray,
    window: float,
    longest_lag: int,
) -> float:
    """Near-surface velocity whose direct wave correlates best with the near traces.

    Args:
        recorded: ``(time, traces)``, none of them dead.
        acquisition: The experiment.
        distance: From source to receiver, for each trace, m.
        window: Length of the direct wave that is compared, s.
        longest_lag: Samples by which the recording's time zero may be wrong.

    Returns:
        m/s.
    """

    def score(velocity: float) -> float:
        ends = window_ends(distance, velocity, window, acquisition.dt, len(recorded))
        expected = closed_form_direct_wave(acquisition, velocity, int(ends.max()), distance)
        return float(correlate(recorded, expected, ends, longest_lag).traces.mean())

    count = int(np.log(_FASTEST / _SLOWEST) / _STEP)
    coarse = np.geomspace(_SLOWEST, _FASTEST, count)
    best = coarse[int(np.argmax([score(v) for v in coarse]))]
    fine = best * (1 + np.arange(-_STEP, _STEP + 1e-9, _FINE_STEP))
    return float(fine[int(np.argmax([score(v) for v in fine]))])


def window_ends(
    distance: np.ndarray, velocity: float, window: float, dt: float, samples: int
) -> np.ndarray:
    """Sample after the last of each trace's window, ``(traces,)``."""
    ends = np.ceil((distance / velocity + window) / dt).astype(int)
    return np.asarray(np.minimum(ends, samples))
