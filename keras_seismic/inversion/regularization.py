"""Penalties on velocity models, each with its gradient.

Velocity differences from one cell to the next are taken in units of 1000 m/s and averaged over the
cells, so that a weight means the same on grids of any size.
"""

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

#: ``velocity (depth, width) in m/s -> (value, gradient)``.
Regularization: TypeAlias = Callable[[np.ndarray], tuple[float, np.ndarray]]

_UNIT = 1000.0  # m/s


@dataclasses.dataclass(frozen=True, eq=False)
class TotalVariation:
    """Smoothed total variation: few, sharp edges.

    ``weight * mean(sqrt((lateral v_x)^2 + v_z^2 + edge^2) - edge)``. Unlike ``Tikhonov``, it
    charges an interface by its height only, not by its sharpness, so that layers stay sharp.

    Args:
        weight: Relative to a misfit that is 1 for a prediction of zeros.
        edge: Steps, in m/s from cell to cell, below which it smooths like ``Tikhonov``.
        lateral: How much more a step along a layer counts than one across: layers are longer than
            thick, and reach into corners that the data do not see.

    Raises:
        ValueError: If the weight is negative, or another argument is not positive.

    Example:
        >>> layers = np.repeat([1500.0, 2500.0], 4)[:, None] * np.ones(8)
        >>> value, gradient = TotalVariation(1.0, edge=1.0)(layers)
        >>> round(value, 3), gradient.shape  # one step of 1000 m/s in one of 8 rows
        (0.125, (8, 8))

    Reference:
        Rudin, L. I., Osher, S. and Fatemi, E. (1992), Nonlinear total variation based noise
        removal algorithms, Physica D 60, 259-268.
    """

    weight: float
    edge: float = 50.0
    lateral: float = 1.0

    def __post_init__(self) -> None:
        _check_weight(self)
        for name in ("edge", "lateral"):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                raise ValueError(f"TotalVariation: {name} must be positive, received {value}")

    def __call__(self, velocity: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient."""
        down, right = _differences(velocity)
        length = np.sqrt(down**2 + (self.lateral * right) ** 2 + self.edge**2)
        scale = self.weight / velocity.size / _UNIT
        gradient = _adjoint_differences(down / length, self.lateral**2 * right / length)
        return float(scale * np.sum(length - self.edge)), scale * gradient


@dataclasses.dataclass(frozen=True, eq=False)
class Tikhonov:
    """Squared differences between neighbors, or from a prior model.

    ``weight / 2 * mean(v_x^2 + v_z^2)``, or ``weight / 2 * mean((v - prior)^2)``.

    Args:
        weight: Relative to a misfit that is 1 for a prediction of zeros.
        prior: ``(depth, width)``, m/s; without it the model is made smooth.

    Raises:
        ValueError: If the weight is negative.

    Example:
        >>> value, gradient = Tikhonov(2.0, prior=np.full((4, 4), 2000.0))(np.full((4, 4), 3000.0))
        >>> value
        1.0
    """

    weight: float
    prior: np.ndarray | None = None

    def __post_init__(self) -> None:
        _check_weight(self)

    def __call__(self, velocity: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient."""
        scale = self.weight / velocity.size / _UNIT**2
        if self.prior is not None:
            change = velocity - self.prior
            return float(scale / 2 * np.sum(change**2)), scale * change
        down, right = _differences(velocity)
        value = scale / 2 * np.sum(down**2 + right**2)
        return float(value), scale * _adjoint_differences(down, right)


def _check_weight(regularization: TotalVariation | Tikhonov) -> None:
    if not 0 <= regularization.weight < np.inf:
        name = type(regularization).__name__
        raise ValueError(f"{name}: weight must not be negative, received {regularization.weight}")


def _differences(velocity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps to the cell below and to the right; zero at the far edges."""
    down = np.diff(velocity, axis=0, append=velocity[-1:])
    return down, np.diff(velocity, axis=1, append=velocity[:, -1:])


def _adjoint_differences(down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The adjoint of ``_differences``, for steps that are zero at the far edges."""
    result = -down - right
    result[1:] += down[:-1]
    result[:, 1:] += right[:, :-1]
    return result
