"""Source wavelets."""

from collections.abc import Callable, Sequence

import numpy as np


def ricker(peak_frequency: float, dt: float, nt: int) -> np.ndarray:
    """Causal Ricker wavelet whose first sample is at time zero.

    The second derivative of a Gaussian, delayed by half its length so that it
    starts from (almost) zero at sample 0:

    ``w_k = (1 - 2 a_k^2) exp(-a_k^2)``, ``a_k = pi f dt (center - k)``

    with ``center = floor(floor(2.2 / f / dt) / 2)``; samples past
    ``2 * center`` are zero. This is the discretization behind the OpenFWI data
    sets.

    Args:
        peak_frequency: Frequency of the spectrum's maximum, Hz.
        dt: Time step, s.
        nt: Number of samples to return.

    Returns:
        float64 array of shape ``(nt,)``, 1 at the peak.

    Raises:
        ValueError: If an argument is not positive, or if the wavelet would have
            fewer than 5 samples, that is, ``dt`` is too coarse for the frequency.

    Example:
        >>> wavelet = ricker(15.0, 0.001, 1000)
        >>> wavelet.shape, int(wavelet.argmax()), float(wavelet.max())
        ((1000,), 73, 1.0)

    Reference:
        Ricker, N. (1953), The form and laws of propagation of seismic wavelets,
        Geophysics 18, 10-40.
    """
    if not (peak_frequency > 0 and dt > 0 and nt > 0):
        raise ValueError(
            "ricker: peak_frequency (Hz), dt (s) and nt must be positive, received "
            f"peak_frequency={peak_frequency}, dt={dt}, nt={nt}"
        )
    # Rounded first: 2.2 / 15 / 0.001 and the like must not lose a sample to rounding errors.
    center = int(np.floor(round(2.2 / peak_frequency / dt, 9))) // 2
    if center < 2:
        raise ValueError(
            f"ricker: dt={dt} s leaves {2 * center + 1} samples to a {peak_frequency} Hz "
            f"wavelet; use dt below {2.2 / peak_frequency / 4:.3g} s"
        )
    phase = np.pi * peak_frequency * dt * (center - np.arange(min(nt, 2 * center + 1)))
    wavelet = np.zeros(nt)
    wavelet[: len(phase)] = (1 - 2 * phase**2) * np.exp(-(phase**2))
    return wavelet


def ormsby(
    frequencies: Sequence[float], dt: float, nt: int | None = None, delay: float | None = None
) -> np.ndarray:
    """Ormsby wavelet: a spectrum in the form of a trapezoid, in zero phase about its delay.

    The spectrum rises from ``f1`` to ``f2``, is flat up to ``f3`` and falls to zero at ``f4``:

    ``w(t) = c [(s_4 - s_3) / (f4 - f3) - (s_2 - s_1) / (f2 - f1)]``, ``s_i = (f_i sinc(f_i t))^2``

    with ``t`` counted from the delay and ``sinc(x) = sin(pi x) / (pi x)``. It is made
    causal by cutting it off at the delay on either side; over the outer half of that time a cosine
    brings it to zero.

    Args:
        frequencies: ``(f1, f2, f3, f4)``, Hz.
        dt: Time step, s.
        nt: Number of samples to return; by default the whole wavelet.
        delay: Time of the peak, s; a whole number of steps is taken. By default
            ``2 / (f2 - f1)``, which keeps the low frequencies.

    Returns:
        float64 array of shape ``(nt,)``, 1 at the peak; zero past twice the delay.

    Raises:
        ValueError: If the frequencies do not ascend from 0 to half the sampling rate, or the other
            arguments are not positive.

    Example:
        >>> wavelet = ormsby((5, 10, 40, 60), dt=0.001)
        >>> int(wavelet.argmax()), float(wavelet.max()), len(wavelet)
        (400, 1.0, 801)

    Reference:
        Ryan, H. (1994), Ricker, Ormsby, Klauder, Butterworth: a choice of wavelets,
        CSEG Recorder 19(7), 8-9.
    """
    f1, f2, f3, f4 = _ascending("ormsby", frequencies, 4, dt, nt)
    if not f1 < f2 <= f3 < f4:
        raise ValueError(
            "ormsby: expected 0 <= f1 < f2 <= f3 < f4 in Hz, received "
            f"{f1:g}, {f2:g}, {f3:g}, {f4:g}"
        )

    def zero_phase(time: np.ndarray) -> np.ndarray:
        s1, s2, s3, s4 = ((f * np.sinc(f * time)) ** 2 for f in (f1, f2, f3, f4))
        return (s4 - s3) / (f4 - f3) - (s2 - s1) / (f2 - f1)

    return _causal("ormsby", zero_phase, 2 / (f2 - f1) if delay is None else delay, dt, nt)


def klauder(
    frequencies: Sequence[float],
    sweep: float,
    dt: float,
    nt: int | None = None,
    delay: float | None = None,
) -> np.ndarray:
    """Klauder wavelet: the autocorrelation of a vibrator's linear sweep.

    ``w(t) = sin(pi k t (T - |t|)) / (pi k t T) cos(pi (f1 + f2) t)``, ``k = (f2 - f1) / T``

    with ``t`` counted from the delay. The term of the sum of the two sweeps, smaller by about
    ``1 / (f1 T)``, is left out. It is made causal as ``ormsby`` is.

    Args:
        frequencies: ``(f1, f2)`` that the sweep begins and ends with, Hz, in either order.
        sweep: Duration ``T`` of the sweep, s.
        dt: Time step, s.
        nt: Number of samples to return; by default the whole wavelet.
        delay: Time of the peak, s; a whole number of steps is taken. By default three periods
            of the lower frequency.

    Returns:
        float64 array of shape ``(nt,)``, 1 at the peak; zero past twice the delay.

    Raises:
        ValueError: If the frequencies are equal, not positive or above half the sampling rate, the
            sweep is shorter than the delay, or the other arguments are not positive.

    Example:
        >>> wavelet = klauder((8, 60), sweep=10.0, dt=0.001)
        >>> int(wavelet.argmax()), float(wavelet.max())
        (375, 1.0)

    Reference:
        Klauder, J. R. et al. (1960), The theory and design of chirp radars, Bell System
        Technical Journal 39, 745-808; Ryan, H. (1994) as for ``ormsby``.
    """
    low, high = _ascending("klauder", sorted(frequencies), 2, dt, nt)
    if not 0 < low < high:
        raise ValueError(
            f"klauder: expected two different positive frequencies in Hz, received {low:g} and "
            f"{high:g}"
        )
    delay = 3 / low if delay is None else delay
    if not sweep >= delay:
        raise ValueError(
            f"klauder: expected a sweep of at least the delay, {delay:g} s, received {sweep} s"
        )

    def zero_phase(time: np.ndarray) -> np.ndarray:
        left = 1 - np.abs(time) / sweep
        envelope = left * np.sinc((high - low) * time * left)
        return np.asarray(envelope * np.cos(np.pi * (low + high) * time))

    return _causal("klauder", zero_phase, delay, dt, nt)


def described_wavelet(text: str, dt: float) -> np.ndarray:
    """The wavelet described by ``ormsby=F1,F2,F3,F4`` or ``klauder=F1,F2,SWEEP``, in Hz and s.

    Args:
        text: The description.
        dt: Time step, s.

    Returns:
        The whole wavelet, see ``ormsby`` and ``klauder``.

    Raises:
        ValueError: If it describes none of them, or one that they refuse.

    Example:
        >>> len(described_wavelet("ormsby=5,10,40,60", dt=0.001))
        801
    """
    name, _, numbers = text.partition("=")
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        values = []
    if name == "ormsby" and len(values) == 4:
        return ormsby(values, dt)
    if name == "klauder" and len(values) == 3:
        return klauder(values[:2], values[2], dt)
    raise ValueError(
        "wavelet: expected ormsby=F1,F2,F3,F4 or klauder=F1,F2,SWEEP in Hz and s, received "
        f"{text!r}"
    )


def _ascending(
    name: str, frequencies: Sequence[float], count: int, dt: float, nt: int | None
) -> tuple[float, ...]:
    given = tuple(float(f) for f in frequencies)
    if len(given) != count or not (dt > 0 and (nt is None or nt > 0)):
        raise ValueError(
            f"{name}: expected {count} frequencies (Hz) and a positive dt (s) and nt, received "
            f"{given}, dt={dt}, nt={nt}"
        )
    if not 0 <= given[0] <= given[-1] <= 0.5 / dt:
        raise ValueError(
            f"{name}: frequencies must be within 0 to {0.5 / dt:g} Hz, half the sampling rate, "
            f"received {given}"
        )
    return given


def _causal(
    name: str,
    zero_phase: Callable[[np.ndarray], np.ndarray],
    delay: float,
    dt: float,
    nt: int | None,
) -> np.ndarray:
    """A wavelet about time zero, delayed and brought to zero at both ends."""
    center = round(delay / dt) if np.isfinite(delay) else 0
    if center < 2:
        raise ValueError(
            f"{name}: delay must be at least {2 * dt:g} s, two steps, received {delay}"
        )
    steps = np.arange(-center, center + 1)
    outside = (2 * np.abs(steps) / center - 1).clip(0)
    taper = np.cos(np.pi / 2 * outside) ** 2
    wavelet = np.zeros(max(nt or 0, len(steps)))
    wavelet[: len(steps)] = taper * zero_phase(steps * dt)
    return wavelet[:nt] / wavelet[center]


#: Amplitude, relative to the spectrum's maximum, below which a frequency is left out of account:
#: that of a Ricker wavelet at 2.5 times its peak frequency, x exp(1 - x) with x = 2.5 squared.
_SIGNIFICANT = 6.25 * np.exp(-5.25)


def highest_frequency(wavelet: np.ndarray, dt: float) -> float:
    """The highest frequency whose amplitude is at least 3.3 % of the spectrum's maximum.

    For a Ricker wavelet that is 2.5 times the peak frequency.

    Args:
        wavelet: Samples, not all zero.
        dt: Time between them, s.

    Returns:
        Hz.

    Example:
        >>> round(highest_frequency(ricker(15.0, 0.001, 200), 0.001), 1)
        37.5
    """
    frequencies, amplitude = _spectrum(wavelet, dt)
    return float(frequencies[amplitude >= _SIGNIFICANT * amplitude.max()][-1])


def mean_frequency(wavelet: np.ndarray, dt: float) -> float:
    """The mean of a wavelet's frequencies, weighted by their power, Hz.

    Args:
        wavelet: Samples, not all zero.
        dt: Time between them, s.

    Example:
        >>> round(mean_frequency(ricker(15.0, 0.001, 200), 0.001), 1)
        16.0
    """
    frequencies, amplitude = _spectrum(wavelet, dt)
    return float(np.average(frequencies, weights=amplitude**2))


def _spectrum(wavelet: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies, finely spaced, and the amplitude at each."""
    size = 2 ** int(np.ceil(np.log2(max(8 * len(wavelet), 2**15))))
    return np.fft.rfftfreq(size, dt), np.abs(np.fft.rfft(wavelet, size))
