"""Figures of deconvolutions and of convergence."""

from typing import TYPE_CHECKING

import numpy as np

from keras_seismic.sparse.deconvolution import Deconvolution
from keras_seismic.visualization import AMPLITUDE_MAP, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_deconvolution(result: Deconvolution, dt: float | None = None, title: str = "") -> "Figure":
    """Section, reflectivity, fit and residual, all but the reflectivity on the same scale.

    Args:
        result: Result of ``deconvolve``.
        dt: Sample interval, s; without it the axis counts samples.
        title: Heading of the figure.
    """
    figure = new_figure(15, 5)
    axes = figure.subplots(1, 4, sharex=True, sharey=True)
    samples, traces = result.section.shape
    largest = float(np.percentile(np.abs(result.section), 99)) or 1.0
    spikes = np.abs(result.reflectivity[result.reflectivity != 0])
    strongest = float(np.percentile(spikes, 95)) if spikes.size else 1.0
    explained = result.metrics["explained_energy"]
    panels = (
        ("section", result.section, largest),
        (f"reflectivity, {np.mean(result.reflectivity != 0):.0%} nonzero", None, strongest),
        (f"reconvolved, {explained:.1%} of the energy", result.fit, largest),
        ("residual", result.residual, largest),
    )
    for panel, (name, values, limit) in zip(axes, panels, strict=True):
        image = panel.imshow(
            result.reflectivity if values is None else values,
            cmap=AMPLITUDE_MAP,
            vmin=-limit,
            vmax=limit,
            aspect="auto",
            interpolation="antialiased",
            extent=(0, traces, samples * (dt or 1), 0),
        )
        panel.set(title=name, xlabel="trace")
        if values is not result.fit:
            figure.colorbar(image, ax=panel, pad=0.01)
    axes[0].set_ylabel("time (s)" if dt else "sample")
    figure.suptitle(title)
    return figure


def plot_traces(
    result: Deconvolution, dt: float | None = None, trace: int | None = None, title: str = ""
) -> "Figure":
    """One trace with its fit, and its reflectivity as stems.

    Args:
        result: Result of ``deconvolve``.
        dt: Sample interval, s.
        trace: Number of the trace, by default the middle one.
        title: Heading of the figure.
    """
    figure = new_figure(12, 5)
    above, below = figure.subplots(2, 1, sharex=True)
    trace = result.section.shape[1] // 2 if trace is None else trace
    time = np.arange(len(result.section)) * (dt or 1)
    above.plot(time, result.section[:, trace], label="section", linewidth=0.9)
    above.plot(time, result.fit[:, trace], "--", label="reconvolved", linewidth=0.9)
    above.set_title(f"trace {trace}")
    above.legend()
    spikes = result.reflectivity[:, trace]
    where = np.flatnonzero(spikes)
    below.vlines(time[where], 0, spikes[where], linewidth=0.8)
    below.axhline(0, color="black", linewidth=0.5)
    below.set(title="reflectivity", xlabel="time (s)" if dt else "sample")
    figure.suptitle(title)
    return figure


def plot_convergence(gaps: dict[str, np.ndarray], title: str = "") -> "Figure":
    """Cost above its minimum by iteration, with lines that fall like 1/k and 1/k^2.

    Args:
        gaps: Result of ``cost_above_minimum``.
        title: Heading of the figure.
    """
    figure = new_figure(7, 4.6)
    axes = figure.subplots()
    for name, gap in gaps.items():
        axes.loglog(np.arange(1, len(gap)), gap[1:], label=name)
    k = np.arange(1, max(map(len, gaps.values())))
    start = max(gap[1] for gap in gaps.values())
    for power, style in ((1, "k:"), (2, "k--")):
        axes.loglog(
            k, start / k**power, style, linewidth=0.8, label=f"1/k^{power}" if power > 1 else "1/k"
        )
    lowest = min(gap[gap > 0].min() for gap in gaps.values() if gap.any())
    axes.set(
        xlabel="iteration k",
        ylabel="(cost - minimum) / first cost",
        ylim=(max(lowest, 1e-14), 2 * start),
        title=title,
    )
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
