"""Statistics of an array: values, traces, spectrum."""

from typing import Any

import numpy as np

_PERCENTILES = (1, 5, 25, 50, 75, 95, 99)

#: Most traces to average for a spectrum.
_SPECTRUM_TRACES = 500


def value_statistics(panels: np.ndarray) -> dict[str, float]:
    """Range, mean, deviation, percentiles, fraction of zeros, NaN and infinite values.

    They describe the finite values; ``limit`` is the 99th percentile of the nonzero magnitudes.
    """
    nan, infinite = int(np.isnan(panels).sum()), int(np.isinf(panels).sum())
    values = panels[np.isfinite(panels)] if nan or infinite else panels.ravel()
    result: dict[str, float] = {"nan": nan, "infinite": infinite}
    if not values.size:
        return result | {
            name: float("nan")
            for name in ("minimum", "maximum", "mean", "deviation", "zero_fraction", "limit",
                         *(f"p{p}" for p in _PERCENTILES))
        }  # fmt: skip
    zeros = int((values == 0).sum())
    nonzero = np.abs(values[values != 0]) if zeros else np.abs(values)
    return result | {
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "mean": float(values.mean(dtype=np.float64)),
        "deviation": float(values.std(dtype=np.float64)),
        "zero_fraction": zeros / values.size,
        "limit": float(np.percentile(nonzero, 99)) if nonzero.size else 0.0,
        **{
            f"p{p}": float(q)
            for p, q in zip(_PERCENTILES, np.percentile(values, _PERCENTILES), strict=True)
        },
    }


def trace_statistics(panels: np.ndarray, columns: np.ndarray) -> dict[str, Any]:
    """Dead, constant, weak, strong and repeated traces, and mutes.

    Args:
        panels: ``(panels, time, traces)``.
        columns: The traces' numbers.
    """
    samples = panels.shape[1]
    low, high = panels.min(axis=1), panels.max(axis=1)
    dead, constant = (low == 0) & (high == 0), (low == high) & (low != 0)
    rms = np.sqrt(np.mean(np.square(panels, dtype=np.float64), axis=1))
    typical = float(np.median(rms[~dead])) if (~dead).any() else 0.0
    weak, strong = ~dead & (rms < 0.01 * typical), rms > 20 * typical
    result: dict[str, Any] = {"count": int(dead.size)}
    if samples == 1:
        return result
    masks = {"dead": dead, "constant": constant, "weak": weak, "strong": strong}
    masks["repeated"] = _repeated(panels, ~(dead | constant))
    for name, mask in masks.items():
        result[name] = int(mask.sum())
        if result[name]:
            result[f"{name}_where"] = _where(mask, columns)
    result["mute"] = _mutes(panels, dead)
    live = ~dead
    result["largest_spread"] = _spread(np.maximum(np.abs(low), np.abs(high))[live])
    result["rms_spread"] = _spread(panels.std(axis=1)[live])
    return result


def _spread(values: np.ndarray) -> float:
    """Relative range of values, one per trace; 0 if each trace was normalized separately."""
    values = values[np.isfinite(values)]
    if values.size < 8 or not values.mean():
        return float("nan")
    return float((values.max() - values.min()) / values.mean())


def _repeated(panels: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Which traces are equal to an earlier one of their panel, sample by sample."""
    mask = np.zeros(candidates.shape, bool)
    for k, panel in enumerate(panels):
        seen: set[int] = set()
        traces = np.ascontiguousarray(panel.T)
        for i in np.flatnonzero(candidates[k]):
            digest = hash(traces[i].tobytes())
            mask[k, i] = digest in seen
            seen.add(digest)
    return mask


def _where(mask: np.ndarray, columns: np.ndarray) -> str:
    """Ranges of trace numbers; for several panels, how many of them are affected."""
    hit = columns[mask.any(axis=0)]
    runs = np.split(hit, np.flatnonzero(np.diff(hit) != 1) + 1)
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    where = "trace " + ", ".join(texts[:6]) + (f" and {len(texts) - 6} more" * (len(texts) > 6))
    if len(mask) > 1:
        where += f", in {int(mask.any(axis=1).sum())} of {len(mask)} panels"
    return where


def _mutes(panels: np.ndarray, dead: np.ndarray) -> str:
    """Zeros at the beginning and the end of live traces, in words."""
    live = panels.transpose(0, 2, 1)[~dead] != 0
    if not live.size:
        return ""
    begin, end = live.argmax(axis=1), live[:, ::-1].argmax(axis=1)
    texts = []
    for values, place in ((begin, "begin"), (end, "end")):
        shortest, longest, muted = int(values.min()), int(values.max()), np.mean(values > 0)
        if muted > 0.01 and longest > 1:
            span = f"{shortest} to {longest}" if shortest < longest else f"{longest}"
            texts.append(f"{muted:.0%} of the live traces {place} with zeros ({span} samples)")
    return "; ".join(texts)


def mean_spectrum(panels: np.ndarray, dt: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Frequency (Hz, or cycles per sample without ``dt``) and mean amplitude of live traces.

    Empty if there is no live trace or they are too short.
    """
    traces = panels.transpose(0, 2, 1).reshape(-1, panels.shape[1])
    traces = traces[np.isfinite(traces).all(axis=1)]
    traces = traces[traces.min(axis=1, initial=0) != traces.max(axis=1, initial=0)]
    samples = panels.shape[1]
    if samples < 16 or not len(traces):
        return np.empty(0), np.empty(0)
    traces = traces[:: -(-len(traces) // _SPECTRUM_TRACES)].astype(np.float64)
    traces = traces / np.abs(traces).max(axis=1, keepdims=True)
    traces -= traces.mean(axis=1, keepdims=True)
    amplitude = np.abs(np.fft.rfft(traces * np.hanning(samples), axis=1)).mean(axis=0)
    return np.fft.rfftfreq(samples, dt or 1.0), amplitude


def spectrum(panels: np.ndarray, dt: float | None) -> dict[str, Any]:
    """The peak of the mean spectrum, the band above half of it, and hum; or nothing."""
    frequency, amplitude = mean_spectrum(panels, dt)
    if not len(frequency):
        return {}
    # A running mean over a hundredth of the band: the peak of the curve, not of a spike.
    width = max(len(amplitude) // 100, 1)
    smooth = np.convolve(amplitude, np.ones(width) / width, "same")
    peak = int(smooth[1:].argmax()) + 1
    above = smooth >= 0.5 * smooth[peak]
    first = peak - int(above[: peak + 1][::-1].argmin() or peak + 1) + 1
    last = peak + int(above[peak:].argmin() or len(above) - peak) - 1
    name = "hz" if dt else "cycles_per_sample"
    result: dict[str, Any] = {
        f"peak_{name}": float(frequency[peak]),
        f"band_{name}": [float(frequency[first]), float(frequency[last])],
    }
    hum = [f for f in (50.0, 60.0) if dt and _stands_out(frequency, amplitude, f)]
    if hum:
        result["hum_hz"] = hum
    return result


def _stands_out(frequency: np.ndarray, amplitude: np.ndarray, tone: float) -> bool:
    """Whether a frequency is far above those around it."""
    at = np.abs(frequency - tone) <= max(0.6, 1.5 * frequency[1])
    distance = np.abs(frequency - tone)
    around = (distance <= 12) & (distance > max(2.0, 4 * frequency[1]))
    if frequency[-1] < tone + 5 or around.sum() < 4 or not at.any():
        return False
    return bool(amplitude[at].max() > 4 * amplitude[around].max())
