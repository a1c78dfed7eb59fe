"""Figures of velocity models."""

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.simulation import FAMILIES, sample_velocity
from keras_seismic.visualization.style import DIFFERENCE_MAP, VELOCITY_MAP, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_velocity(
    true: np.ndarray,
    predicted: np.ndarray,
    dx: float = 10.0,
    title: str = "",
    spread: np.ndarray | None = None,
) -> "Figure":
    """True, predicted and difference, a row for each model, with color bars in m/s.

    Args:
        true: ``(models, depth, width)``, with or without a last axis of 1; m/s.
        predicted: The same.
        dx: Cell size, m.
        title: Heading of the figure.
        spread: Stated half-width of the 90 % interval, of the same shape, m/s: a fourth column in
            the colors of the difference, with the fraction of cells that lie within it.
    """
    true, predicted = (_maps(v) for v in (true, predicted))
    spreads = [] if spread is None else [*_maps(spread)]
    depth, width = true.shape[1:]
    columns = 4 if spreads else 3
    figure = new_figure(3.5 * columns, max(2.8 * len(true), 3) + 0.4)
    axes = figure.subplots(len(true), columns, squeeze=False, sharex=True, sharey=True)
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
        _note(row[2], f"MAE {np.abs(b - a).mean():.0f} m/s")
        row[0].set_ylabel("depth (m)")
    for row, a, b, half in zip(axes, true, predicted, spreads, strict=False):
        row[3].imshow(half, cmap=DIFFERENCE_MAP, vmin=-largest, vmax=largest, **style)
        _note(row[3], f"{np.mean(np.abs(b - a) <= half):.0%} of cells within")
    for panel, heading in zip(
        axes[0], ("true", "predicted", "predicted - true", "stated spread"), strict=False
    ):
        panel.set_title(heading)
    for panel in axes[-1]:
        panel.set_xlabel("x (m)")
    slim: dict[str, Any] = {"aspect": 20 * len(true), "fraction": 0.08}
    figure.colorbar(image, ax=axes[:, :2], label="velocity (m/s)", pad=0.01, **slim)
    figure.colorbar(difference, ax=axes[:, 2:], label="difference (m/s)", pad=0.02, **slim)
    figure.suptitle(title)
    return figure


def _maps(models: np.ndarray) -> np.ndarray:
    models = np.asarray(models)
    return models.reshape(len(models), *models.shape[1:3])


def _note(panel: Any, text: str) -> None:
    """Text in the corner of a panel."""
    panel.text(
        0.98,
        0.03,
        text,
        transform=panel.transAxes,
        ha="right",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8},
    )


def plot_cases(
    true: np.ndarray,
    predicted: np.ndarray,
    dx: float = 10.0,
    count: int = 2,
    spread: np.ndarray | None = None,
) -> "Figure":
    """The models with the least and with the largest mean absolute error, as ``plot_velocity``.

    Args:
        true: ``(models, depth, width)``, with or without a last axis of 1; m/s.
        predicted: The same.
        dx: Cell size, m.
        count: Models of either kind.
        spread: See ``plot_velocity``.
    """
    errors = np.abs(np.asarray(predicted) - true).reshape(len(true), -1).mean(axis=1)
    order = np.argsort(errors)
    best = min(count, -(-len(order) // 2))
    shown = [*order[:best], *order[best:][-count:]]
    stated = None if spread is None else spread[shown]
    figure = plot_velocity(true[shown], predicted[shown], dx, spread=stated)
    columns = 3 if spread is None else 4
    for row, (number, first) in enumerate(zip(shown, figure.axes[::columns], strict=False)):
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


def plot_spread(true: np.ndarray, predicted: np.ndarray, spread: np.ndarray) -> "Figure":
    """Whether a stated spread tells the error: both by twentieths of the cells, by their spread.

    The error that 90 % of a twentieth's cells stay below should equal their mean spread.

    Args:
        true: ``(models, depth, width)``, with or without a last axis of 1; m/s.
        predicted: The same.
        spread: Stated half-width of the 90 % interval, of the same shape, m/s.
    """
    error = np.abs(np.asarray(predicted, np.float64) - true).ravel()
    stated = np.ravel(spread)
    parts = np.array_split(np.argsort(stated), min(20, len(stated)))
    means = [stated[part].mean() for part in parts]
    found = [np.quantile(error[part], 0.9) for part in parts]
    figure = new_figure(4.6, 4.2)
    panel = figure.subplots()
    highest = 1.05 * max(*means, *found)
    panel.plot([0, highest], [0, highest], color="black", linestyle=":", linewidth=1, label="equal")
    panel.plot(means, found, "o-", markersize=4, label=f"{np.mean(error <= stated):.1%} within")
    panel.set(xlim=(0, highest), ylim=(0, highest), xlabel="stated spread (m/s)")
    panel.set_ylabel("error of the cells, 90 % quantile (m/s)")
    panel.legend(fontsize=8, loc="upper left")
    return figure


def plot_predicted_velocity(
    velocity: np.ndarray,
    dx: float | None = None,
    start: float = 0.0,
    title: str = "",
    spread: np.ndarray | None = None,
) -> "Figure":
    """Predicted velocity models whose truth is unknown: one, a line, or the first six of many.

    Args:
        velocity: ``(depth, x)`` or ``(n, depth, x)``, m/s.
        dx: Grid spacing, m; without it the axes count cells.
        start: x of the first column, m.
        title: Heading of the figure.
        spread: Stated half-width of the 90 % interval, of the same shape, m/s: drawn below.
    """
    models = _first_six(velocity)
    rows, columns = (1, len(models)) if len(models) <= 3 else (2, 3)
    depth, width = models.shape[1:]
    bands = 1 if spread is None else 2
    size = max(1.5 + 3.2 * columns * min(width / depth, 3.5), 5.5), 3.4 * rows * bands
    figure = new_figure(*size)
    grid = figure.subplots(rows * bands, columns, squeeze=False)
    axes = grid[:rows].ravel()
    step, unit = (dx, " (m)") if dx else (1.0, " (cells)")
    extent = (start, start + width * step, depth * step, 0)
    drawn = [(axes, models, VELOCITY_MAP, "velocity (m/s)")]
    if spread is not None:
        below = grid[rows:].ravel()
        drawn.append((below, _first_six(spread), "magma", "stated spread (m/s)"))
    for panels, maps, colors, label in drawn:
        limits = {"vmin": np.nanmin(maps), "vmax": np.nanmax(maps)}
        for panel, one in zip(panels, maps, strict=False):
            image = panel.imshow(one, cmap=colors, extent=extent, **limits)
            panel.set_xlabel(f"x{unit}")
            panel.set_ylabel(f"depth{unit}")
        for panel in panels[len(maps) :]:
            panel.set_visible(False)
        figure.colorbar(image, ax=panels, label=label, pad=0.01)
    figure.suptitle(title)
    return figure


def _first_six(models: np.ndarray) -> np.ndarray:
    models = np.asarray(models)
    return models[None] if models.ndim == 2 else models[:6]


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
