"""Scores of an inversion network on a velocity model of real geology."""

import dataclasses

import numpy as np

from keras_seismic.evaluation.scores import score_spread, score_velocity
from keras_seismic.inference import predict_outputs
from keras_seismic.io.velocity import velocity_windows
from keras_seismic.models import PhysicalUnitsModel
from keras_seismic.simulation import simulate


@dataclasses.dataclass(frozen=True)
class WindowScores:
    """Result of ``evaluate_on_windows``.

    Attributes:
        metrics: Scores over all windows, the fraction of cells that were clipped, and the mean
            absolute error of predicting the windows' own mean; with a spread also those of
            ``score_spread``.
        true: Velocity of each window, ``(windows, depth, width, 1)``, m/s.
        predicted: Predicted velocity, of the same shape.
        spread: Its spread, of the same shape, if the model has one.
    """

    metrics: dict[str, float]
    true: np.ndarray
    predicted: np.ndarray
    spread: np.ndarray | None = None


def evaluate_on_windows(
    model: PhysicalUnitsModel,
    velocity: np.ndarray,
    stride: int | None = None,
    progress: bool = True,
) -> WindowScores:
    """Simulate gathers over windows of a large velocity model and invert them.

    Velocities outside the range of the network are clipped to it first.

    Args:
        model: An inversion network in physical units that knows its acquisition.
        velocity: ``(models, depth, width)``, m/s, on the acquisition's grid.
        stride: Cells from one window to the next, by default the width of a window.
        progress: Show a progress bar.

    Raises:
        ValueError: If the model does not know its acquisition or predicts no velocity, or
            the velocity is smaller than a window.
    """
    acquisition = getattr(model, "acquisition", None)
    scaling = getattr(model, "output_scaling", None)
    if acquisition is None or scaling is None:
        raise ValueError(
            "evaluate_on_windows: the model must predict velocity and know its acquisition; make "
            "it with with_physical_units(..., acquisition=...)"
        )
    shape = tuple(model.outputs[0].shape[1:3])
    windows = np.concatenate([velocity_windows(v, shape, stride) for v in velocity])
    low, high = scaling.minimum, scaling.maximum
    clipped = windows if low is None else windows.clip(low, high)
    gathers = simulate(clipped, acquisition, progress=progress)
    true, (predicted, *spreads) = clipped[..., None], predict_outputs(model, gathers).values()
    bounds = () if low is None else (low, high)
    metrics = score_velocity(true, predicted, *bounds)
    metrics["baseline_mae_m_s"] = float(np.abs(true - true.mean(axis=0)).mean())
    metrics["windows"] = len(windows)
    metrics["clipped_fraction"] = float(np.mean(clipped != windows))
    for spread in spreads:
        metrics |= score_spread(true, predicted, spread)
    return WindowScores(metrics, true, predicted, *spreads)
