"""Figures of sections and shot gathers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.visualization.style import AMPLITUDE_MAP, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_amplitudes(
    axes: Sequence[Any],
    panels: Mapping[str, np.ndarray],
    largest: float,
    extent: tuple[float, float, float, float],
    across: str = "trace",
) -> Any:
    """Draw amplitudes in gray, on one scale.

    Args:
        axes: One for each panel.
        panels: ``(time, traces)`` by title.
        largest: Amplitude that is drawn black or white.
        extent: Left, right, bottom and top of the panels.
        across: Label of the horizontal axis.

    Returns:
        The last image, for a color bar.
    """
    limits = {"vmin": -largest, "vmax": largest}
    for panel, (title, amplitude) in zip(axes, panels.items(), strict=True):
        image = panel.imshow(amplitude, cmap=AMPLITUDE_MAP, aspect="auto", extent=extent, **limits)
        panel.set(title=title, xlabel=across)
    return image


def plot_denoising(
    clean: np.ndarray,
    noisy: np.ndarray,
    denoised: np.ndarray,
    dt: float | None = None,
    title: str = "",
) -> "Figure":
    """Clean, noisy, denoised and the residual (clean - denoised), all on one amplitude scale.

    Args:
        clean: ``(time, traces)``.
        noisy: The same.
        denoised: The same.
        dt: Sample interval, s; without it the axis counts samples.
        title: Heading of the figure.
    """
    figure = new_figure(14, 4.6)
    axes = figure.subplots(1, 4, sharex=True, sharey=True)
    samples, traces = clean.shape
    panels = {
        "clean": clean,
        f"noisy, {_snr_text(clean, noisy)}": noisy,
        f"denoised, {_snr_text(clean, denoised)}": denoised,
        "clean - denoised": clean - denoised,
    }
    largest = float(np.percentile(np.abs(clean), 99)) or 1.0
    image = draw_amplitudes(axes, panels, largest, (0, traces, samples * (dt or 1), 0))
    axes[0].set_ylabel("time (s)" if dt else "sample")
    figure.colorbar(image, ax=axes, label="amplitude", pad=0.01)
    figure.suptitle(title)
    return figure


def plot_probability(
    section: np.ndarray,
    probability: np.ndarray,
    name: str,
    dt: float | None = None,
    true: np.ndarray | None = None,
) -> "Figure":
    """A section, the probability of something at each sample, and where it really is.

    Args:
        section: ``(time, traces)``.
        probability: The same, 0 to 1.
        name: Of what.
        dt: Sample interval, s; without it the axis counts samples.
        true: The mask, if it is known.
    """
    figure = new_figure(10 if true is None else 13, 4.6)
    axes = figure.subplots(1, 2 if true is None else 3, sharex=True, sharey=True)
    samples, traces = section.shape
    largest = float(np.percentile(np.abs(section), 99)) or 1.0
    extent = (0, traces, samples * (dt or 1), 0)
    panels = {"section": section, f"probability of {name}": section}
    panels |= {} if true is None else {f"true {name}": section}
    draw_amplitudes(axes, panels, largest, extent)
    shown_in = [probability] if true is None else [probability, true]
    for panel, shown in zip(axes[1:], shown_in, strict=True):
        image = panel.imshow(
            np.ma.masked_less(shown, 0.1), "autumn_r", aspect="auto", extent=extent,
            vmin=0, vmax=1, alpha=0.6,
        )  # fmt: skip
    axes[0].set_ylabel("time (s)" if dt else "sample")
    figure.colorbar(image, ax=axes, label="probability", pad=0.01)
    return figure


def _snr_text(clean: np.ndarray, estimate: np.ndarray) -> str:
    error = np.sum((clean - estimate) ** 2, dtype=np.float64)
    signal = np.sum(np.square(clean), dtype=np.float64)
    snr_db = round(10 * np.log10(signal / max(error, 1e-30)), 1)
    return f"{snr_db + 0.0:.1f} dB"  # no minus zero


def plot_gathers(gathers: np.ndarray, dt: float = 0.001, title: str = "") -> "Figure":
    """One panel for each shot, amplitudes clipped at their 98th percentile.

    Args:
        gathers: ``(time, receivers, shots)``.
        dt: Sample interval, s.
        title: Heading of the figure.
    """
    samples, receivers, shots = gathers.shape
    figure = new_figure(2.4 * shots + 1, 4)
    axes = figure.subplots(1, shots, squeeze=False, sharey=True)[0]
    largest = float(np.percentile(np.abs(gathers), 98)) or 1.0
    panels = {f"shot {shot + 1}": gathers[..., shot] for shot in range(shots)}
    extent = (0, receivers, samples * dt, 0)
    image = draw_amplitudes(axes, panels, largest, extent, "receiver")
    axes[0].set_ylabel("time (s)")
    figure.colorbar(image, ax=axes, label="amplitude", pad=0.01)
    figure.suptitle(title)
    return figure
