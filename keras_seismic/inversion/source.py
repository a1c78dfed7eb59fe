"""The source side of waveform inversion: filters for its frequency stages, and its estimation."""

import numpy as np

#: Order of the low-pass filter: 24 dB an octave.
_ORDER = 4

#: Power, relative to the strongest frequency's, below which a wavelet is not estimated.
_WATER_LEVEL = 1e-4


def low_pass(traces: np.ndarray, frequency: float | None, dt: float) -> np.ndarray:
    """Causal low-pass filter along the first axis (Butterworth, order 4).

    Simulation is linear and does not change with time, so a filtered wavelet gives exactly the
    filtered gathers; a zero-phase filter would need the wavelet before its first sample.

    Args:
        traces: ``(time, ...)``: gathers or a wavelet.
        frequency: Where the amplitude is halved in power, Hz; ``None`` leaves all as it is.
        dt: Sample interval, s.

    Raises:
        ValueError: If the frequency is not between zero and half the sampling rate.

    Example:
        >>> low_pass(np.ones((200, 3)), 10.0, dt=0.004)[-1].round(3).tolist()
        [1.0, 1.0, 1.0]
    """
    if frequency is None:
        return traces
    if not 0 < frequency < 0.5 / dt:
        raise ValueError(
            f"low_pass: frequency must be between 0 and {0.5 / dt:g} Hz (half of 1/dt), received "
            f"{frequency}"
        )
    from scipy.signal import butter, sosfilt

    return sosfilt(butter(_ORDER, frequency, fs=1 / dt, output="sos"), traces, axis=0)


def estimate_wavelet(
    predicted: np.ndarray, observed: np.ndarray, wavelet: np.ndarray
) -> np.ndarray:
    """The wavelet with which a prediction would fit best, by least squares at each frequency.

    ``W' = W sum(conj(P) D) / (sum |P|^2 + water)``, summed over traces: ``P`` was predicted with
    ``W``, and a prediction is linear in the wavelet. Frequencies that ``W`` does not have cannot be
    estimated.

    Args:
        predicted: ``(time, receivers, shots)``, simulated with ``wavelet``.
        observed: The same for the data.
        wavelet: ``(time,)``.

    Returns:
        ``(time,)``, starting at time zero.

    Reference:
        Pratt, R. G. (1999), Seismic waveform inversion in the frequency domain, Part 1: Theory and
        verification in a physical scale model, Geophysics 64, 888-901.
    """
    nt = len(wavelet)
    # Padded, so that the end of the record does not run into its beginning.
    p, d = (np.fft.rfft(traces, 2 * nt, axis=0) for traces in (predicted, observed))
    power = np.sum(np.abs(p) ** 2, axis=(1, 2))
    crossed = np.sum(np.conj(p) * d, axis=(1, 2))
    filtered = np.fft.rfft(wavelet, 2 * nt) * crossed / (power + _WATER_LEVEL * power.max())
    return np.fft.irfft(filtered, 2 * nt)[:nt]
