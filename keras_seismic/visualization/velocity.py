"""Figures of velocity models."""

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.simulation import FAMILIES, sample_velocity
from keras_seismic.visualization.style import DIFFERENCE_MAP, VELOCITY_MAP, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    slim: dict[str, Any] = {"aspect": 20 * len(true), "fraction": 0.08}
    figure.colorbar(image, ax=axes[:, :2], label="velocity (m/s)", pad=0.01, **slim)
    figure.colorbar(difference, ax=axes[:, 2], label="difference (m/s)", pad=0.02, **slim)
    figure.suptitle(title)
    return figure


def plot_cases(
    true: np.ndarray, predicted: np.ndarray, dx: float = 10.0, count: int = 2
) -> "Figure":
    """The models with the least and with the largest mean absolute error, as ``plot_velocity``.

    Args:
        true: ``(models, depth, width)``, with or without a last axis of 1; m/s.
        predicted: The same.
        dx: Cell size, m.
        count: Models of either kind.
    """
    errors = np.abs(np.asarray(predicted) - true).reshape(len(true), -1).mean(axis=1)
    order = np.argsort(errors)
    best = min(count, -(-len(order) // 2))
    shown = [*order[:best], *order[best:][-count:]]
    figure = plot_velocity(true[shown], predicted[shown], dx)
    for row, (number, first) in enumerate(zip(shown, figure.axes[::3], strict=False)):
        kind = "best" if row < best else "worst"
        first.set_ylabel(f"{kind} (no. {number})\ndepth (m)")
    return figure


def plot_errors(true: np.ndarray, predicted: np.ndarray) -> "Figure":
    """Histograms of the models' mean absolute errors and of the error in single cells.

    Args:
        true: ``(models, depth, width)``, with or without a last axis of 1; m/s.
        predicted: The same.
    """
    difference = np.asarray(predicted, np.float64) - true
    means = np.abs(difference).reshape(len(difference), -1).mean(axis=1)
    figure = new_figure(9, 3.2)
    of_models, of_cells = figure.subplots(1, 2)
    of_models.hist(means, bins=min(30, max(len(means) // 3, 5)))
    of_models.axvline(means.mean(), color="black", linestyle="--", linewidth=1, label="mean")
    median = np.median(means)
    of_models.axvline(median, color="black", linestyle=":", linewidth=1, label="median")
    of_models.set(xlabel="mean absolute error of a model (m/s)", ylabel="models")
    of_models.legend(fontsize=8, loc="upper right")
    widest = float(np.percentile(np.abs(difference), 99.5)) or 1.0
    of_cells.hist(difference.ravel(), bins=np.linspace(-widest, widest, 61), color="C1")
    of_cells.set(xlabel="predicted - true in a cell (m/s)", ylabel="cells")
    return figure


def plot_predicted_velocity(
    velocity: np.ndarray, dx: float | None = None, start: float = 0.0, title: str = ""
) -> "Figure":
    """Predicted velocity models whose truth is unknown: one, a line, or the first six of many.

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


def plot_families(seed: int = 0, count: int = 4) -> "Figure":
    """A gallery of the velocity families, ``count`` models of each.

    Args:
        seed: Seed of ``sample_velocity``.
        count: Models of each family.
    """
    columns = (len(FAMILIES) + 1) // 2  # two bands of families, so that models are not tiny
    figure = new_figure(1.7 * columns + 0.8, 3.5 * count + 0.6)
    axes = figure.subplots(2 * count, columns, squeeze=False)
    for panel in axes.flat:
        panel.set(xticks=[], yticks=[])
    for number, family in enumerate(FAMILIES):
        band, column = divmod(number, columns)
        panels = axes[band * count : (band + 1) * count, column]
        for panel, velocity in zip(panels, sample_velocity(family, count, seed), strict=True):
            image = panel.imshow(
                velocity, cmap=VELOCITY_MAP, vmin=1500, vmax=4500, interpolation="nearest"
            )
        panels[0].set_title(family, fontsize=11)
    figure.colorbar(image, ax=axes, label="velocity (m/s)", pad=0.01, shrink=0.8)
    return figure
