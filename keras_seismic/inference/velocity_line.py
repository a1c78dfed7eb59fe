"""The velocity under a line, joined from a network's predictions for its parts."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_seismic.gathers.matching import match_acquisition, matching_origins
from keras_seismic.gathers.shot_gathers import ShotGathers
from keras_seismic.inference.gather_inverter import FINE_TUNING, GatherInverter


@dataclasses.dataclass(frozen=True, eq=False)
class VelocityLine:
    """The velocity under a line, joined from models of its parts.

    Attributes:
        velocity: m/s, float32 ``(depth, x)``.
        dx: Spacing in both directions, m.
        start: x of the first column on the line, m.
        origins: x of each part's first column before it was rounded to the grid, m.
        changes: What was done to the gathers of the first part.
        spread: Half-width of the velocity's 90 % interval, m/s, of the same shape and blended like
            it; ``None`` unless it was asked for.
    """

    velocity: np.ndarray
    dx: float
    start: float
    origins: np.ndarray
    changes: tuple[str, ...]
    spread: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class _Parts:
    """Gathers of a line's parts, made when a batch of them is requested."""

    make: Callable[[float], np.ndarray]
    origins: np.ndarray

    def __len__(self) -> int:
        return len(self.origins)

    def __getitem__(self, some: slice) -> np.ndarray:
        return np.stack([self.make(float(origin)) for origin in self.origins[some]])


def invert_line(
    inverter: GatherInverter,
    line: ShotGathers,
    batch_size: int,
    calibrate: bool,
    progress: bool,
    spacing: float | None,
    matching: dict[str, Any],
    spread: bool = False,
) -> VelocityLine:
    """Invert the parts of a line and join them; the arguments are those of ``invert``."""
    acquisition = inverter.acquisition
    if acquisition is None:
        raise ValueError(
            f"{inverter.name} does not know its acquisition, which lines are resampled to; make it "
            "with with_physical_units(..., acquisition=...)"
        )
    if spacing is not None and not 0 < spacing < np.inf:
        raise ValueError(f"invert: spacing must be positive, in m, received {spacing}")
    matching = dict(matching)
    origin = matching.pop("origin", None)
    if origin is not None:
        origins = np.array([float(origin)])
    else:
        origins = matching_origins(line, acquisition, matching.get("tolerance", 0.5))
    if not len(origins):
        try:
            match_acquisition(line, acquisition, **matching)  # raises, and says why
        except ValueError as error:
            raise ValueError(f"{error}; {FINE_TUNING}") from error
    first = match_acquisition(line, acquisition, origins[0], **matching)

    def part(origin: float) -> np.ndarray:
        return match_acquisition(line, acquisition, origin, **matching).amplitude

    source = f"{line.path or 'line'}: part"
    parts = _Parts(part, origins)
    found = inverter.velocities(parts, batch_size, calibrate, progress, source, spread)
    velocity = next(found)  # its width is checked before the other parts are inverted
    spacing = spacing or inverter.spacing(velocity.shape[2])
    if spacing is None:
        raise ValueError(
            f"{inverter.name} predicts {velocity.shape[2]} columns, but its sources and receivers "
            f"span more on their grid of {acquisition.dx:g} m; pass spacing=, the velocity's own"
        )
    velocity = np.concatenate([velocity, *found])
    if not spread:
        velocity = velocity[..., None]
    changes = first.changes + (("amplitudes scaled by the direct wave",) if calibrate else ())
    return _joined(velocity, spacing, origins, changes)


def _joined(
    velocity: np.ndarray, dx: float, origins: np.ndarray, changes: tuple[str, ...]
) -> VelocityLine:
    """Maps ``(parts, depth, width, 1 or 2)`` joined, each at the column nearest to its origin."""
    depth, width, maps = velocity.shape[1:]
    columns = np.rint((origins - origins[0]) / dx).astype(int)
    total, weights = np.zeros((depth, columns[-1] + width, maps)), np.zeros(columns[-1] + width)
    # Few rays cross the sides of a model, so they count least.
    distance = np.arange(width) + 0.5
    weight = np.sin(np.pi * distance / width) ** 2
    for model, column in zip(velocity, columns, strict=True):
        total[:, column : column + width] += weight[:, None] * model
        weights[column : column + width] += weight
    known = weights[:, None] > 0
    covered = np.divide(total, weights[:, None], out=np.full(total.shape, np.nan), where=known)
    if not known.all():
        changes += (f"{int((weights == 0).sum())} columns that no part covers are NaN",)
    joined, *spread = np.moveaxis(covered.astype(np.float32), -1, 0)
    return VelocityLine(joined, dx, float(origins[0]), origins, changes, *spread)
