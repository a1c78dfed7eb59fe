"""Figures of velocity models, sections, gathers and training.

Every function returns a ``matplotlib.figure.Figure`` that belongs to no window; save it
with ``figure.savefig`` or show it in a notebook. matplotlib is imported when a figure is
made.
"""

from typing import TYPE_CHECKING

import numpy as np

from keras_seismic.simulation.geology import FAMILIES, sample_velocity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VELOCITY_MAP, AMPLITUDE_MAP, DIFFERENCE_MAP = "viridis", "gray", "RdBu_r"


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of some size in inches.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 'keras_seismic[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def plot_velocity(
    true: np.ndarray, predicted: np.ndarray, dx: float = 10.0, title: str = ""
) -> "Figure":
    """True, predicted and difference, a row for each model, with color bars in m/s.

    Args:
        true: ``(models, depth, width)``, with or without a last axis of 1; m/s.
        predicted: The same.
        dx: Cell size, m.
        title: Heading of the figure.
    """
    true, predicted = (np.asarray(v).reshape(len(v), *v.shape[1:3]) for v in (true, predicted))
    depth, width = true.shape[1:]
    figure = new_figure(10.5, max(2.8 * len(true), 3) + 0.4)
    axes = figure.subplots(len(true), 3, squeeze=False, sharex=True, sharey=True)
    velocity_range = {
        "vmin": min(true.min(), predicted.min()),
        "vmax": max(true.max(), predicted.max()),
    }
    largest = float(np.percentile(np.abs(predicted - true), 99)) or 1.0
    style = {"extent": (0, width * dx, depth * dx, 0), "interpolation": "nearest", "aspect": "auto"}
    for row, a, b in zip(axes, true, predicted, strict=True):
        for panel, v in zip(row, (a, b), strict=False):
            image = panel.imshow(v, cmap=VELOCITY_MAP, **velocity_range, **style)
        difference = row[2].imshow(b - a, cmap=DIFFERENCE_MAP, vmin=-largest, vmax=largest, **style)
        mae = np.abs(b - a).mean()
        row[2].text(
            0.98,
            0.03,
            f"MAE {mae:.0f} m/s",
            transform=row[2].transAxes,
            ha="right",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8},
        )
        row[0].set_ylabel("depth (m)")
    for panel, heading in zip(axes[0], ("true", "predicted", "predicted - true"), strict=True):
        panel.set_title(heading)
    for panel in axes[-1]:
        panel.set_xlabel("x (m)")
    figure.colorbar(image, ax=axes[:, :2], label="velocity (m/s)", pad=0.01)
    figure.colorbar(difference, ax=axes[:, 2], label="difference (m/s)", pad=0.02)
    figure.suptitle(title)
    return figure


def plot_denoising(
    clean: np.ndarray,
    noisy: np.ndarray,
    denoised: np.ndarray,
    dt: float | None = None,
    title: str = "",
) -> "Figure":
    """Clean, noisy, denoised and what was left out (clean - denoised), one amplitude scale.

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


def plot_predicted_velocity(
    velocity: np.ndarray, dx: float | None = None, start: float = 0.0, title: str = ""
) -> "Figure":
    """Velocity models whose truth nobody knows: one or a line, or the first six of several.

    Args:
        velocity: ``(depth, x)`` or ``(n, depth, x)``, m/s.
        dx: Grid spacing, m; without it the axes count cells.
        start: x of the first column, m.
        title: Heading of the figure.
    """
    models = np.asarray(velocity)
    models = models[None] if models.ndim == 2 else models[:6]
    rows, columns = (1, len(models)) if len(models) <= 3 else (2, 3)
    depth, width = models.shape[1:]
    figure = new_figure(max(1.5 + 3.2 * columns * min(width / depth, 3.5), 5.5), 3.4 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    step, unit = (dx, " (m)") if dx else (1.0, " (cells)")
    extent = (start, start + width * step, depth * step, 0)
    limits = {"vmin": np.nanmin(models), "vmax": np.nanmax(models)}
    for panel, model in zip(axes, models, strict=False):
        image = panel.imshow(model, cmap=VELOCITY_MAP, extent=extent, **limits)
        panel.set_xlabel(f"x{unit}")
        panel.set_ylabel(f"depth{unit}")
    for panel in axes[len(models) :]:
        panel.set_visible(False)
    figure.colorbar(image, ax=axes, label="velocity (m/s)", pad=0.01)
    figure.suptitle(title)
    return figure


def plot_before_after(
    before: np.ndarray, after: np.ndarray, dt: float | None = None, title: str = ""
) -> "Figure":
    """A section before and after processing, and what was taken out, one amplitude scale.

    For data whose truth nobody knows: what was taken out should look like noise.

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


def plot_history(history: dict[str, list[float]], title: str = "") -> "Figure":
    """Loss and metrics by epoch, training and validation.

    Args:
        history: Columns of ``history.csv``, or ``History.history`` of Keras.
        title: Heading of the figure.
    """
    names = [n for n in history if not n.startswith("val_") and n not in ("epoch", "learning_rate")]
    columns = min(len(names), 4)
    rows = -(-len(names) // columns)
    figure = new_figure(4.4 * columns, 3.4 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in panels[len(names) :]:
        unused.remove()
    for panel, name in zip(panels, names, strict=False):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if key in history:
                values = history[key]
                panel.plot(range(1, len(values) + 1), values, marker=".", label=label)
        panel.set(xlabel="epoch", title=name)
        panel.xaxis.get_major_locator().set_params(integer=True)
        if min(history[name]) > 0:
            panel.set_yscale("log")
            panel.yaxis.set_major_formatter("{x:g}")
            panel.yaxis.set_minor_formatter("{x:g}")
        panel.grid(alpha=0.3)
        panel.legend()
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


def plot_families(seed: int = 0, count: int = 4) -> "Figure":
    """A gallery of the velocity families, ``count`` models of each.

    Args:
        seed: Seed of ``sample_velocity``.
        count: Models of each family.
    """
    figure = new_figure(1.7 * len(FAMILIES) + 0.8, 1.75 * count + 0.3)
    axes = figure.subplots(count, len(FAMILIES), squeeze=False)
    for column, family in enumerate(FAMILIES):
        for panel, velocity in zip(
            axes[:, column], sample_velocity(family, count, seed), strict=True
        ):
            image = panel.imshow(
                velocity, cmap=VELOCITY_MAP, vmin=1500, vmax=4500, interpolation="nearest"
            )
            panel.set(xticks=[], yticks=[])
        axes[0, column].set_title(family, fontsize=11)
    figure.colorbar(image, ax=axes, label="velocity (m/s)", pad=0.01, shrink=0.8)
    return figure
