"""Comparison of ways of training: mean and spread over repetitions, table and figures."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.visualization import VELOCITY_MAP, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Comparison:
    """Scores of several methods, each repeated with different seeds.

    Example:
        >>> comparison = Comparison()
        >>> for mae in (100.0, 120.0):
        ...     comparison.add("scratch", {"velocity_mae_m_s": mae}, {"val_loss": [0.3, 0.2]})
        >>> comparison.summary()["scratch"]["velocity_mae_m_s"]["mean"]
        110.0
        >>> print(comparison.table({"velocity_mae_m_s": "MAE (m/s)"}))
        | | MAE (m/s) |
        |---|---|
        | scratch | 110 ± 14 |
    """

    def __init__(self) -> None:
        self.scores: dict[str, list[dict[str, float]]] = {}
        self.histories: dict[str, list[dict[str, list[float]]]] = {}

    def add(
        self,
        method: str,
        scores: Mapping[str, float],
        history: Mapping[str, list[float]] | None = None,
    ) -> None:
        """One repetition of a method.

        Args:
            method: Name of the method.
            scores: Numbers by name.
            history: Columns of ``history.csv``.
        """
        self.scores.setdefault(method, []).append(dict(scores))
        if history is not None:
            self.histories.setdefault(method, []).append(dict(history))

    def summary(self) -> dict[str, dict[str, dict[str, Any]]]:
        """``mean``, ``std`` (of a sample; 0 for a single one) and ``values`` of each score."""
        result: dict[str, dict[str, dict[str, Any]]] = {}
        for method, repetitions in self.scores.items():
            for name in repetitions[0]:
                values = [float(scores[name]) for scores in repetitions]
                spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
                result.setdefault(method, {})[name] = {
                    "mean": float(np.mean(values)), "std": spread, "values": values
                }  # fmt: skip
        return result

    def table(self, headings: Mapping[str, str]) -> str:
        """A Markdown table, one row per method.

        Args:
            headings: Headings of the columns by name of the score.
        """
        lines = ["| | " + " | ".join(headings.values()) + " |", "|---" * (len(headings) + 1) + "|"]
        for method, scores in self.summary().items():
            cells = [_cell(scores[name]) if name in scores else "" for name in headings]
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def figure(
        self, headings: Mapping[str, str], curve: str = "val_loss", title: str = ""
    ) -> "Figure":
        """Bars of the scores with their repetitions as points, and a curve by epoch.

        Args:
            headings: Headings of the panels by name of the score.
            curve: Column of the histories to show: the mean, and each repetition as a thin line.
            title: Heading of the figure.
        """
        panels = len(headings) + bool(self.histories)
        figure = new_figure(3.4 * panels + 0.6, 3.6)
        axes = figure.subplots(1, panels, squeeze=False)[0]
        summary = self.summary()
        colors = {method: f"C{number}" for number, method in enumerate(summary)}
        for panel, (name, heading) in zip(axes, headings.items(), strict=False):
            for place, (method, scores) in enumerate(summary.items()):
                values = scores[name]["values"]
                panel.bar(place, scores[name]["mean"], color=colors[method], alpha=0.6)
                panel.plot([place] * len(values), values, "k.", markersize=4)
            panel.set_xticks(range(len(summary)), list(summary), rotation=30, ha="right")
            panel.set_title(heading)
        for method, histories in self.histories.items():
            curves = np.array([history[curve] for history in histories])
            epochs = np.arange(1, curves.shape[1] + 1)
            axes[-1].plot(epochs, curves.T, color=colors[method], alpha=0.3, linewidth=0.8)
            mean = curves.mean(axis=0)
            axes[-1].plot(epochs, mean, color=colors[method], marker=".", label=method)
            axes[-1].set(title=curve, xlabel="epoch", yscale="log")
            axes[-1].xaxis.get_major_locator().set_params(integer=True)
            axes[-1].yaxis.set_major_formatter("{x:g}")
            axes[-1].yaxis.set_minor_formatter("{x:g}")
            axes[-1].legend(fontsize=8)
        figure.suptitle(title)
        return figure


def plot_predictions(
    true: np.ndarray, predicted: Mapping[str, np.ndarray], dx: float = 10.0, title: str = ""
) -> "Figure":
    """The true velocity and the prediction of each method, one row per model.

    Args:
        true: ``(models, depth, width)``, with or without a last axis of 1; m/s.
        predicted: The same for each method.
        dx: Cell size, m.
        title: Heading of the figure.
    """
    columns = {"true": true, **predicted}
    shown = {name: np.asarray(v).reshape(v.shape[:3]) for name, v in columns.items()}
    models, depth, width = shown["true"].shape
    figure = new_figure(2.6 * len(shown) + 1, 2.5 * models + 0.5)
    axes = figure.subplots(models, len(shown), squeeze=False, sharex=True, sharey=True)
    limits = {"vmin": shown["true"].min(), "vmax": shown["true"].max()}
    for column, (name, velocity) in zip(axes.T, shown.items(), strict=True):
        column[0].set_title(name, fontsize=10)
        for panel, model, truth in zip(column, velocity, shown["true"], strict=True):
            extent = (0, width * dx, depth * dx, 0)
            image = panel.imshow(model, cmap=VELOCITY_MAP, extent=extent, aspect="auto", **limits)
            if name != "true":
                panel.set_xlabel(f"MAE {np.abs(model - truth).mean():.0f} m/s", fontsize=8)
    for panel in axes[:, 0]:
        panel.set_ylabel("depth (m)")
    axes[-1, 0].set_xlabel("x (m)")
    figure.colorbar(image, ax=axes, label="velocity (m/s)", pad=0.01)
    figure.suptitle(title)
    return figure


def _cell(score: Mapping[str, Any]) -> str:
    digits = 0 if abs(score["mean"]) >= 10 else 3
    spread = f" ± {score['std']:.{digits}f}" if len(score["values"]) > 1 else ""
    return f"{score['mean']:.{digits}f}{spread}"
