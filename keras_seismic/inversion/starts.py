"""Where a waveform inversion starts: a model, a trend, or a network's answer."""

import os
from collections.abc import Callable
from typing import TypeAlias

import keras
import numpy as np

from keras_seismic.checks import checked_size, checked_velocity
from keras_seismic.inference import GatherInverter
from keras_seismic.simulation import Acquisition

#: A velocity model, ``"linear"``, or a network: a model, its path, or a function from gathers
#: ``(1, time, receivers, shots)`` to velocity.
Start: TypeAlias = (
    np.ndarray
    | str
    | os.PathLike[str]
    | keras.Model
    | GatherInverter
    | Callable[[np.ndarray], np.ndarray]
)


def linear_start(shape: tuple[int, int], top: float = 1500.0, bottom: float = 4500.0) -> np.ndarray:
    """Velocity that grows linearly with depth: a start that knows nothing.

    Args:
        shape: ``(depth, width)`` in cells.
        top: Velocity of the first row, m/s.
        bottom: Velocity of the last row, m/s.

    Returns:
        float64 ``(depth, width)``, m/s.

    Example:
        >>> linear_start((3, 2), 1500.0, 2500.0)[:, 0].tolist()
        [1500.0, 2000.0, 2500.0]
    """
    depth, width = checked_size(shape, 2, "linear_start: shape")
    return np.repeat(np.linspace(top, bottom, depth)[:, None], width, axis=1)


def starting_velocity(
    start: Start,
    gathers: np.ndarray,
    acquisition: Acquisition,
    shape: tuple[int, int] | None,
    bounds: tuple[float, float],
) -> np.ndarray:
    """The start as an array ``(depth, width)``, m/s, checked.

    Raises:
        ValueError: If it is no model of the right shape, or not in m/s, or if the acquisition does
            not fit on it.
    """
    if isinstance(start, str) and start == "linear":
        if shape is None:
            raise ValueError(
                "full_waveform: start='linear' needs shape=(depth, width), the cells of the model"
            )
        velocity = linear_start(shape, *bounds)
    elif isinstance(start, np.ndarray | list | tuple):
        velocity = np.asarray(start)
    else:
        velocity = np.clip(_network_answer(start, gathers, acquisition), *bounds)
    if velocity.ndim == 3 and len(velocity) == 1:
        velocity = velocity[0]
    if velocity.ndim != 2 or (shape is not None and velocity.shape != tuple(shape)):
        raise ValueError(
            f"full_waveform: start must have the shape {shape or '(depth, width)'}, one velocity "
            f"model, received {velocity.shape}"
        )
    (velocity,) = checked_velocity(velocity[None], "full_waveform: start")
    for kind in ("sources", "receivers"):
        acquisition.grid_indices(kind, velocity.shape)
    low, high = velocity.min(), velocity.max()
    # Rounding is no reason to refuse what was clipped to these bounds elsewhere.
    if low < bounds[0] * (1 - 1e-5) or high > bounds[1] * (1 + 1e-5):
        raise ValueError(
            f"full_waveform: start reaches from {low:g} to {high:g} m/s, beyond bounds="
            f"({bounds[0]:g}, {bounds[1]:g}); widen the bounds or clip the start"
        )
    return np.clip(velocity, *bounds)


def _network_answer(start: Start, gathers: np.ndarray, acquisition: Acquisition) -> np.ndarray:
    """Velocity ``(depth, width)`` that a network finds in the gathers."""
    if isinstance(start, keras.Model | str | os.PathLike):
        start = GatherInverter.of(start)
    if isinstance(start, GatherInverter):
        known = start.acquisition
        if known is not None and (known.dx, known.dt) != (acquisition.dx, acquisition.dt):
            raise ValueError(
                f"full_waveform: start was trained for dx={known.dx:g} m and dt={known.dt:g} s, "
                f"the acquisition has {acquisition.dx:g} m and {acquisition.dt:g} s; resample the "
                "gathers, or pass its answer on this grid as an array"
            )
        start.batch_of(gathers)  # raises if the gathers have another geometry
        start = start.predict
    if not callable(start):
        raise ValueError(
            "full_waveform: start must be a velocity model (depth, width), 'linear', a network or "
            f"its path, received {type(start).__name__}"
        )
    answer = np.asarray(start(gathers[None].astype(np.float32)), np.float64)
    if answer.ndim not in (3, 4) or answer.shape[0] != 1 or answer.shape[3:] not in ((), (1,)):
        raise ValueError(
            "full_waveform: start, a network, must predict (1, depth, width) or "
            f"(1, depth, width, 1), predicted {answer.shape}"
        )
    return answer.reshape(answer.shape[1:3])
