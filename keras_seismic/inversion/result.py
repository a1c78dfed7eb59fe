"""What a waveform inversion found, and its figure."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from keras_seismic.simulation import Acquisition
from keras_seismic.visualization import DIFFERENCE_MAP, VELOCITY_MAP, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class WaveformInversion:
    """What ``full_waveform`` found.

    Attributes:
        velocity: m/s, float32 ``(depth, width)``.
        misfit: Energy of the residual relative to that of the data, all frequencies, at the end.
        initial_misfit: The same at the start.
        history: Columns ``stage``, ``frequency`` (Hz, infinity for all), ``evaluations`` (so far),
            ``misfit`` (the stage's own), ``penalty`` (of the regularization) and ``seconds``, a row
            for each iteration.
        wavelet: The source wavelet, ``(time,)``: given or estimated.
        start: The model at the start, as ``velocity``.
        acquisition: The experiment.
    """

    velocity: np.ndarray
    misfit: float
    initial_misfit: float
    history: dict[str, list[float]]
    wavelet: np.ndarray
    start: np.ndarray
    acquisition: Acquisition

    def __repr__(self) -> str:
        depth, width = self.velocity.shape
        return (
            f"WaveformInversion({depth} x {width} cells, {self.velocity.min():.0f} to "
            f"{self.velocity.max():.0f} m/s, misfit {self.initial_misfit:.3g} -> {self.misfit:.3g} "
            f"in {self.evaluations} evaluations)"
        )

    @property
    def evaluations(self) -> int:
        """How often misfit and gradient were computed."""
        return int(self.history["evaluations"][-1]) if self.history["evaluations"] else 0

    def figure(self, true: np.ndarray | None = None, title: str = "") -> "Figure":
        """Start, answer, what has changed (or the error, if the truth is known), and the misfit.

        Args:
            true: The true model ``(depth, width)``, m/s, of a synthetic test.
            title: Heading of the figure.
        """
        models = {"start": self.start, "waveform inversion": self.velocity}
        if true is not None:
            models = {"true": np.asarray(true)} | models
        figure = new_figure(4.2 * (len(models) + 2), 3.8)
        axes = figure.subplots(1, len(models) + 2)
        dx = self.acquisition.dx
        extent = (0, self.velocity.shape[1] * dx, self.velocity.shape[0] * dx, 0)
        limits = {
            "vmin": min(float(model.min()) for model in models.values()),
            "vmax": max(float(model.max()) for model in models.values()),
        }
        for panel, (name, model) in zip(axes, models.items(), strict=False):
            image = panel.imshow(
                model, cmap=VELOCITY_MAP, extent=extent, interpolation="nearest", **limits
            )
            error = "" if true is None or model is models["true"] else _error(model, true)
            panel.set(title=name + error, xlabel="x (m)")
        axes[0].set_ylabel("depth (m)")
        figure.colorbar(image, ax=axes[: len(models)], label="velocity (m/s)", pad=0.01)
        change = self.velocity - (self.start if true is None else true)
        largest = float(np.percentile(np.abs(change), 99)) or 1.0
        image = axes[-2].imshow(
            change, cmap=DIFFERENCE_MAP, extent=extent, vmin=-largest, vmax=largest
        )
        name = "change" if true is None else "error"
        axes[-2].set(title=name, xlabel="x (m)")
        figure.colorbar(image, ax=axes[-2], label="m/s", pad=0.01)
        _plot_misfit(axes[-1], self.history)
        figure.suptitle(title)
        return figure


def _error(model: np.ndarray, true: np.ndarray) -> str:
    return f", MAE {np.abs(model - true).mean():.0f} m/s"


def _plot_misfit(panel: object, history: dict[str, list[float]]) -> None:
    """The misfit of every stage by evaluation, each on its own scale of energy."""
    stages = np.array(history["stage"])
    for stage in np.unique(stages):
        rows = np.flatnonzero(stages == stage)
        frequency = history["frequency"][rows[0]]
        label = f"to {frequency:g} Hz" if np.isfinite(frequency) else "all frequencies"
        columns = [[history[name][row] for row in rows] for name in ("evaluations", "misfit")]
        panel.semilogy(*columns, label=label)  # type: ignore[attr-defined]
    panel.set(title="misfit", xlabel="evaluation")  # type: ignore[attr-defined]
    panel.grid(alpha=0.3)  # type: ignore[attr-defined]
    panel.legend()  # type: ignore[attr-defined]
