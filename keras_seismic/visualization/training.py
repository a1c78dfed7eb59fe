"""Figures of training."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from keras_seismic.visualization.style import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_history(history: dict[str, list[float]], title: str = "") -> "Figure":
    """Loss and metrics by epoch, for training and validation.

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


def plot_curves(
    groups: Mapping[str, Mapping[str, np.ndarray]],
    label: str,
    lowest: float | None = None,
    title: str = "",
) -> "Figure":
    """Curves by epoch of several trainings, a panel for each group of them.

    Args:
        groups: By heading of the panel and name of the curve, ``(repetitions, epochs)``; the
            mean is drawn, and each repetition as a thin line.
        label: Of the vertical axis, which the panels share.
        lowest: Where it ends below; by default below all curves.
        title: Heading of the figure.
    """
    columns = min(len(groups), 4)
    rows = -(-len(groups) // columns)
    figure = new_figure(12, 3.6 * rows + 0.4)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for unused in panels.ravel()[len(groups) :]:
        unused.remove()
    for panel, (heading, curves) in zip(panels.ravel(), groups.items(), strict=False):
        for number, (name, values) in enumerate(curves.items()):
            epochs = np.arange(1, values.shape[1] + 1)
            panel.plot(epochs, values.T, color=f"C{number}", alpha=0.3, linewidth=0.8)
            panel.plot(epochs, values.mean(axis=0), color=f"C{number}", marker=".", label=name)
        panel.set(xlabel="epoch", title=heading)
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=7.5)
    panels[0, 0].set_ylim(bottom=lowest)
    for first in panels[:, 0]:
        first.set_ylabel(label)
    figure.suptitle(title)
    return figure
