"""Figures of sections and shot gathers."""

from typing import TYPE_CHECKING

import numpy as np

from keras_seismic.visualization.style import AMPLITUDE_MAP, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    largest = float(np.percentile(np.abs(clean), 99)) or 1.0
    samples, traces = clean.shape
    extent = (0, traces, samples * (dt or 1), 0)
    panels = {"clean": clean, "noisy": noisy, "denoised": denoised, "residual": clean - denoised}
    for panel, (name, section) in zip(axes, panels.items(), strict=True):
        image = panel.imshow(
            section, cmap=AMPLITUDE_MAP, vmin=-largest, vmax=largest, aspect="auto", extent=extent
        )
        if name in ("noisy", "denoised"):
            error = np.sum((clean - section) ** 2, dtype=np.float64)
            signal = np.sum(np.square(clean), dtype=np.float64)
            snr_db = round(10 * np.log10(signal / max(error, 1e-30)), 1)
            name += f", {snr_db + 0.0:.1f} dB"  # no minus zero
        panel.set_title("clean - denoised" if name == "residual" else name)
        panel.set_xlabel("trace")
    axes[0].set_ylabel("time (s)" if dt else "sample")
    figure.colorbar(image, ax=axes, label="amplitude", pad=0.01)
    figure.suptitle(title)
    return figure


def plot_before_after(
    before: np.ndarray, after: np.ndarray, dt: float | None = None, title: str = ""
) -> "Figure":
    """A section before and after processing, and what was removed, all on one amplitude scale.

    For field data, whose truth is unknown: what was removed should look like noise.

    Args:
        before: ``(time, traces)``.
        after: The same.
        dt: Sample interval, s; without it the axis counts samples.
        title: Heading of the figure.
    """
    figure = new_figure(12, 4.8)
    axes = figure.subplots(1, 3, sharex=True, sharey=True)
    live = np.abs(before[before != 0])
    largest = float(np.percentile(live, 98)) if live.size else 1.0
    samples, traces = before.shape
    style = {"extent": (0, traces, samples * (dt or 1), 0), "aspect": "auto"}
    panels = {"before": before, "after": after, "before - after": before - after}
    for panel, (name, section) in zip(axes, panels.items(), strict=True):
        image = panel.imshow(section, cmap=AMPLITUDE_MAP, vmin=-largest, vmax=largest, **style)
        panel.set(title=name, xlabel="trace")
    axes[0].set_ylabel("time (s)" if dt else "sample")
    figure.colorbar(image, ax=axes, label="amplitude", pad=0.01)
    figure.suptitle(title)
    return figure


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
    for shot, panel in enumerate(axes):
        image = panel.imshow(
            gathers[..., shot],
            cmap=AMPLITUDE_MAP,
            vmin=-largest,
            vmax=largest,
            aspect="auto",
            extent=(0, receivers, samples * dt, 0),
        )
        panel.set(title=f"shot {shot + 1}", xlabel="receiver")
    axes[0].set_ylabel("time (s)")
    figure.colorbar(image, ax=axes, label="amplitude", pad=0.01)
    figure.suptitle(title)
    return figure
