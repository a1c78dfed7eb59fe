"""What low frequencies are worth: one network, trained with more and more of them removed."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_seismic.evaluation.scores import score_velocity
from keras_seismic.inference import predict
from keras_seismic.metrics import VelocitySignalToNoiseRatio
from keras_seismic.visualization import VELOCITY_MAP, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = {
    "velocity_mae_m_s": "MAE (m/s)",
    "velocity_rmse_m_s": "RMSE (m/s)",
    "velocity_ssim": "SSIM",
    "velocity_snr_db": "SNR (dB)",
}


@dataclasses.dataclass(frozen=True)
class LowCutStudy:
    """What ``low_cut_study`` found, by cut-off frequency in Hz; 0 stands for unfiltered.

    Attributes:
        metrics: Scores over all models: ``score_velocity`` and ``velocity_snr_db``.
        predicted: Velocity, ``(models, depth, width, 1)``, m/s.
        true: What it should be, likewise.
    """

    metrics: dict[float, dict[str, float]]
    predicted: dict[float, np.ndarray]
    true: np.ndarray

    @property
    def flat_metrics(self) -> dict[str, float]:
        """All scores by one name each, such as ``low_cut_5_hz_velocity_mae_m_s``."""
        return {
            (f"{low_cut_name(low_cut)}_" if low_cut else "") + name: value
            for low_cut, scores in self.metrics.items()
            for name, value in scores.items()
        }

    def table(self) -> str:
        """The scores as text, a line for each cut-off."""
        lines = ["low cut (Hz)" + "".join(f"{heading:>12}" for heading in _COLUMNS.values())]
        for low_cut, scores in self.metrics.items():
            name = f"{low_cut:g}" if low_cut else "none"
            values = "".join(f"{scores[column]:12.4g}" for column in _COLUMNS)
            lines.append(f"{name:>12}{values}")
        return "\n".join(lines)


def low_cut_study(
    train: Callable[[float], keras.Model],
    low_cuts: Sequence[float],
    gathers: np.ndarray,
    velocity: np.ndarray,
) -> LowCutStudy:
    """Train the same network with low frequencies removed, and compare on held-out pairs.

    Low frequencies carry the smooth part of the velocity, and field records lack them: what
    the errors gain from one cut-off to the next is what a network loses on such records. The
    filter belongs to the model (``LowCut`` in its ``GatherPreparation``), so that every one
    is scored on the same raw gathers.

    Args:
        train: Makes a model, raw gathers to m/s, for a cut-off frequency in Hz, 0 for none.
            It should start from the same seed every time.
        low_cuts: Cut-off frequencies to compare with unfiltered gathers, Hz; may be none.
        gathers: Held-out gathers ``(n, time, receivers, shots)``, raw amplitudes.
        velocity: Their velocity models ``(n, depth, width, 1)``, m/s.

    Returns:
        Scores and predictions; unfiltered first, then by rising frequency.

    Raises:
        ValueError: If a frequency is not positive or given twice; before any training.

    Example:
        >>> mean = np.full((2, 8, 8, 1), 3000.0)
        >>> study = low_cut_study(
        ...     lambda low_cut: lambda gathers: mean + 10 * low_cut, [5.0], np.zeros((2, 9)), mean
        ... )
        >>> study.flat_metrics["low_cut_5_hz_velocity_mae_m_s"]
        50.0
    """
    checked = checked_low_cuts(low_cuts)
    metrics, predicted = {}, {}
    for low_cut in (0.0, *checked):
        result = predict(train(low_cut), gathers)
        snr = VelocitySignalToNoiseRatio()
        snr.update_state(velocity, result)
        metrics[low_cut] = score_velocity(velocity, result) | {snr.name: float(snr.result())}
        predicted[low_cut] = result
    return LowCutStudy(metrics, predicted, velocity)


def checked_low_cuts(low_cuts: Sequence[float]) -> tuple[float, ...]:
    """Cut-off frequencies in rising order.

    Raises:
        ValueError: If one is not positive or given twice.
    """
    frequencies = tuple(sorted(float(f) for f in low_cuts))
    if not all(0 < f < math.inf for f in frequencies) or len(set(frequencies)) < len(frequencies):
        raise ValueError(
            "low_cut_study: cut-off frequencies must be positive Hz and different, received "
            f"{list(low_cuts)}"
        )
    return frequencies


def low_cut_name(low_cut: float) -> str:
    """A cut-off frequency as a part of a name.

    Example:
        >>> low_cut_name(7.5)
        'low_cut_7.5_hz'
    """
    return f"low_cut_{low_cut:g}_hz"


def plot_low_cut_velocity(study: LowCutStudy, count: int = 3, dx: float = 10.0) -> "Figure":
    """True velocity and that predicted without and with each low cut, a row for each model.

    Args:
        study: What ``low_cut_study`` returned.
        count: Models to show.
        dx: Cell size, m.
    """
    true = study.true[:count, ..., 0]
    columns = {"true": true}
    for low_cut, predicted in study.predicted.items():
        heading = f"below {low_cut:g} Hz removed" if low_cut else "predicted"
        columns[heading] = predicted[:count, ..., 0]
    depth, width = true.shape[1:]
    figure = new_figure(2.6 * len(columns) + 1.2, 2.5 * len(true) + 0.4)
    axes = figure.subplots(len(true), len(columns), squeeze=False, sharex=True, sharey=True)
    extent = (0, width * dx, depth * dx, 0)
    for panels, (heading, velocity) in zip(axes.T, columns.items(), strict=True):
        panels[0].set_title(heading)
        panels[-1].set_xlabel("x (m)")
        for panel, v, reference in zip(panels, velocity, true, strict=True):
            image = panel.imshow(
                v,
                cmap=VELOCITY_MAP,
                vmin=true.min(),
                vmax=true.max(),
                extent=extent,
                interpolation="nearest",
                aspect="auto",
            )
            if heading != "true":
                error = np.abs(v - reference).mean()
                panel.text(0.03, 0.04, f"{error:.0f} m/s", color="white", transform=panel.transAxes)
    for panel in axes[:, 0]:
        panel.set_ylabel("depth (m)")
    figure.colorbar(image, ax=axes, label="velocity (m/s)", pad=0.01)
    return figure


def plot_low_cut_scores(study: LowCutStudy) -> "Figure":
    """Error and similarity against the cut-off frequency.

    The error's axis starts at zero: what differs between two trainings alone looks small then.
    """
    names = ("velocity_mae_m_s", "velocity_ssim")
    figure = new_figure(8.5, 3.4)
    for panel, name in zip(figure.subplots(1, 2), names, strict=True):
        values = [scores[name] for scores in study.metrics.values()]
        panel.plot(list(study.metrics), values, marker="o")
        panel.axhline(values[0], color="gray", linewidth=0.8, linestyle="--", label="unfiltered")
        panel.set(xlabel="frequencies removed below (Hz)", ylabel=_COLUMNS[name])
        panel.set_ylim(min(0.0, *values), 1.0 if name == "velocity_ssim" else None)
        panel.grid(alpha=0.3)
        panel.legend(loc="lower right")
    return figure
