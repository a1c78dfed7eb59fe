"""Trained networks on a user's shot gathers and lines."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.gathers.calibration import measure_direct_wave
from keras_seismic.gathers.matching import match_acquisition, matching_origins
from keras_seismic.gathers.shot_gathers import ShotGathers
from keras_seismic.inference.gather_inverter import GatherInverter, Inverter
from keras_seismic.progress import progress_bar
from keras_seismic.simulation.acquisition import is_whole_number


@dataclasses.dataclass(frozen=True, eq=False)
class VelocityLine:
    """The velocity under a line, put together from models of its parts.

    Attributes:
        velocity: m/s, float32 ``(depth, x)``.
        dx: Spacing in both directions, m.
        start: x of the first column on the line, m.
        origins: x of each part's first column before it was rounded to the grid, m.
        changes: What was done to the gathers of the first part.
    """

    velocity: np.ndarray
    dx: float
    start: float
    origins: np.ndarray
    changes: tuple[str, ...]


def invert(
    gathers: np.ndarray | ShotGathers,
    model: Inverter,
    batch_size: int = 8,
    calibrate: bool = False,
    progress: bool = True,
    spacing: float | None = None,
    **matching: Any,
) -> np.ndarray | VelocityLine:
    """Velocity from shot gathers: arrays of the model's geometry, or a line of any length.

    A line is cut into parts that hold the experiment that the model was trained for
    (``matching_origins``), each part is resampled to it and inverted, and their velocity
    models are put together with weights that fall to their sides.

    Args:
        gathers: Raw amplitudes ``(time, receivers, shots)``, a batch of them, either of both in
            OpenFWI's layout (``(shots, time, receivers)``); or what ``read_shot_gathers`` returns.
        model: In memory, in physical units, or the path of one: ``.keras``, ``.onnx`` or a
            SavedModel's version.
        batch_size: Gathers that go through the network together.
        calibrate: Scale the gathers by their direct wave first; see ``measure_direct_wave``.
        progress: Show a progress bar when the work takes longer than a second.
        spacing: For lines, the velocity's grid spacing in m; by default the acquisition's.
        **matching: For lines, passed to ``match_acquisition``.

    Returns:
        Velocity in m/s, float32: ``(depth, width)`` for one example, ``(batch, depth, width)`` for
        several, a ``VelocityLine`` for a line.

    Raises:
        FileNotFoundError: If there is no model at the path.
        ValueError: If the model predicts no velocity or its geometry is not known, the gathers
            have another geometry, are empty or not finite, the line does not hold the
            experiment, or there are options for lines and the gathers are an array.

    Example:
        >>> import keras_seismic as ks
        >>> network = ks.models.InversionNet((64, 8, 1), (16, 16), filters=1)
        >>> model = ks.models.with_physical_units(
        ...     network, ks.layers.GatherNormalization(-1, 1), ks.layers.VelocityScaling(1500, 4500)
        ... )
        >>> gathers = np.random.default_rng(0).uniform(-1, 1, (3, 64, 8, 1))
        >>> invert(gathers, model).shape
        (3, 16, 16)
    """
    inverter = GatherInverter.of(model)
    if isinstance(gathers, ShotGathers):
        return invert_line(inverter, gathers, batch_size, calibrate, progress, spacing, matching)
    refuse_line_options("invert: gathers", spacing, matching)
    batch, single = inverter.batch_of(np.asarray(gathers))
    velocity = np.concatenate(
        list(velocities(inverter, batch, batch_size, calibrate, progress, "invert: gathers"))
    )
    return velocity[0] if single else velocity


def refuse_line_options(source: str, spacing: float | None, matching: dict[str, Any]) -> None:
    """Refuse options that an array of gathers has no use for."""
    given = [*matching, *([] if spacing is None else ["spacing"])]
    if given:
        raise ValueError(f"{source}: {', '.join(given)}: for pre-stack lines only, not arrays")


@dataclasses.dataclass(frozen=True)
class _Parts:
    """Gathers of a line's parts, made when a batch of them is asked for."""

    make: Any
    origins: np.ndarray

    def __len__(self) -> int:
        return len(self.origins)

    def __getitem__(self, some: slice) -> np.ndarray:
        return np.stack([self.make(float(origin)) for origin in self.origins[some]])


def velocities(
    inverter: GatherInverter,
    batch: np.ndarray | _Parts,
    batch_size: int,
    calibrate: bool,
    progress: bool,
    source: str,
) -> Iterator[np.ndarray]:
    """Velocity ``(n, depth, width)`` of one batch after the other, which may be a file's."""
    if not is_whole_number(batch_size, minimum=1):
        raise ValueError(f"{source}: batch_size must be a positive integer, received {batch_size}")
    warned = False
    with progress_bar(len(batch), "inverting", "gather", progress) as bar:
        for first in range(0, len(batch), batch_size):
            with np.errstate(over="ignore"):  # found as infinity
                raw = np.ascontiguousarray(batch[first : first + batch_size], dtype=np.float32)
            check_finite(raw, f"{source} {first} to {first + len(raw) - 1}")
            if calibrate:
                raw = np.stack([_calibrated(inverter, gathers) for gathers in raw])
            warned = warned or inverter.has_odd_amplitudes(raw)
            velocity = np.asarray(inverter.predict(raw), np.float32)
            check_finite(velocity, f"what {inverter.name} predicted")
            yield velocity[..., 0]
            bar.update(len(raw))


def _calibrated(inverter: GatherInverter, gathers: np.ndarray) -> np.ndarray:
    if inverter.acquisition is None:
        raise ValueError(f"{inverter.name} does not know its acquisition, which calibration needs")
    return np.asarray(measure_direct_wave(gathers, inverter.acquisition).apply(gathers))


def invert_line(
    inverter: GatherInverter,
    line: ShotGathers,
    batch_size: int,
    calibrate: bool,
    progress: bool,
    spacing: float | None,
    matching: dict[str, Any],
) -> VelocityLine:
    """Invert the parts of a line and join them; see ``invert``."""
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
        match_acquisition(line, acquisition, **matching)  # says why there is no place
    first = match_acquisition(line, acquisition, origins[0], **matching)

    def part(origin):
        return match_acquisition(line, acquisition, origin, **matching).amplitude

    parts = _Parts(part, origins)
    source = f"{line.path or 'line'}: part"
    found = velocities(inverter, parts, batch_size, calibrate, progress, source)
    velocity = next(found)  # of the first parts; the others need not be inverted in vain
    spacing = spacing or inverter.spacing(velocity.shape[-1])
    if spacing is None:
        raise ValueError(
            f"{inverter.name} predicts {velocity.shape[-1]} columns, but its sources and receivers "
            f"span more on their grid of {acquisition.dx:g} m; pass spacing=, the velocity's own"
        )
    velocity = np.concatenate([velocity, *found])
    changes = first.changes + (("amplitudes scaled by the direct wave",) if calibrate else ())
    return _joined(velocity, spacing, origins, changes)


def _joined(
    velocity: np.ndarray, dx: float, origins: np.ndarray, changes: tuple[str, ...]
) -> VelocityLine:
    """Models ``(parts, depth, width)`` side by side, each at the column nearest to its origin."""
    depth, width = velocity.shape[1:]
    columns = np.rint((origins - origins[0]) / dx).astype(int)
    total, weights = np.zeros((depth, columns[-1] + width)), np.zeros(columns[-1] + width)
    # What a model knows of its sides, few of its rays have crossed.
    distance = np.arange(width) + 0.5
    weight = np.sin(np.pi * distance / width) ** 2
    for model, column in zip(velocity, columns, strict=True):
        total[:, column : column + width] += weight * model
        weights[column : column + width] += weight
    covered = np.divide(total, weights, out=np.full(total.shape, np.nan), where=weights > 0)
    if not (weights > 0).all():
        changes += (f"{int((weights == 0).sum())} columns that no part covers are NaN",)
    return VelocityLine(covered.astype(np.float32), dx, float(origins[0]), origins, changes)
