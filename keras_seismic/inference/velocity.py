"""Velocity from shot gathers: arrays, lines and files."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.file_checks import check_file
from keras_seismic.files import check_free, write_text
from keras_seismic.gathers.shot_gathers import ShotGathers, read_shot_gathers
from keras_seismic.inference.gather_inverter import GatherInverter, Inverter
from keras_seismic.inference.velocity_line import VelocityLine, invert_line
from keras_seismic.io.arrays import read_array, write_array
from keras_seismic.models.velocity_with_spread import COVERAGE

#: Pre-stack lines that are read as they are.
TRACE_FILES = (".segy", ".sgy", ".su")


def invert(
    gathers: np.ndarray | ShotGathers,
    model: Inverter | None = None,
    batch_size: int = 8,
    calibrate: bool = False,
    progress: bool = True,
    spacing: float | None = None,
    spread: bool = False,
    **matching: Any,
) -> Any:
    """Velocity from shot gathers: arrays of the model's geometry, or a line of any length.

    A line is cut into parts that hold the acquisition the model was trained for
    (``ks.gathers.matching_origins``); each part is resampled to it and inverted, and the velocity
    models are blended with weights that taper toward their sides.

    Args:
        gathers: Raw amplitudes ``(time, receivers, shots)``, or a batch of them, also in
            OpenFWI's layout (``(shots, time, receivers)``); or a line, as
            ``ks.gathers.read_shot_gathers`` returns it.
        model: In memory, in physical units, or a path: ``.keras``, ``.onnx``, ``.tflite`` or a
            SavedModel's version; or a ``GatherInverter``. By default the preset
            ``"time_depth_unet_openfwi"``, for OpenFWI's acquisition.
        batch_size: Gathers passed through the network together.
        calibrate: Scale the gathers by their direct wave first; see
            ``ks.gathers.measure_direct_wave``.
        progress: Show a progress bar when the work takes longer than a second.
        spacing: For lines, the velocity's grid spacing in m; by default the acquisition's.
        spread: Also return the spread, which a model has by ``ks.training.fit_spread``:
            velocity ± spread holds the true velocity in 90 % of the cells.
        **matching: For lines, passed to ``ks.gathers.match_acquisition``.

    Returns:
        Velocity in m/s, float32: ``(depth, width)`` for one example, ``(batch, depth, width)`` for
        several, a ``VelocityLine`` for a line. With ``spread``, a tuple of such arrays, velocity
        and spread in m/s; a line has it as an attribute.

    Raises:
        FileNotFoundError: If there is no model at the path.
        ValueError: If the model predicts no velocity (or no spread, if that is wanted) or its
            geometry is unknown; if the gathers
            have another geometry, are empty or not finite; if the line does not hold the
            acquisition; or if there are options for lines and the gathers are an array.

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
    if isinstance(gathers, str | os.PathLike):
        raise ValueError(
            f"invert: expected gathers, received the path {os.fspath(gathers)}; pass what "
            "ks.gathers.read_shot_gathers or ks.io.read_array reads from it, or call "
            "ks.inference.invert_file(model, source, target)"
        )
    inverter = GatherInverter.of(model)
    if isinstance(gathers, ShotGathers):
        return invert_line(
            inverter, gathers, batch_size, calibrate, progress, spacing, matching, spread
        )
    source = "invert: gathers"
    _refuse_line_options(source, spacing, matching)
    batch, single = inverter.batch_of(np.asarray(gathers), source)
    batches = inverter.velocities(batch, batch_size, calibrate, progress, source, spread)
    found = np.concatenate(list(batches))
    return _separated(found[0] if single else found, spread)


def invert_file(
    model: Inverter | None,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    overwrite: bool = False,
    calibrate: bool = False,
    batch_size: int = 8,
    reading: dict[str, Any] | None = None,
    spacing: float | None = None,
    spread: str | os.PathLike[str] | None = None,
    **matching: Any,
) -> Any:
    """Invert a file of gathers and write velocity models.

    Args:
        model: See ``invert``; ``None`` for the preset.
        source: ``.npy`` of gathers in either layout, one or many, or a pre-stack line, ``.segy``,
            ``.sgy`` or ``.su``.
        target: ``.npy`` to write: ``(depth, width)`` for one example, ``(n, depth, width)`` for a
            batch in Keras' layout, ``(n, 1, depth, width)`` for one in OpenFWI's, ``(depth, x)``
            for a line. A ``.json`` beside it states the units, the grid and the origin.
        overwrite: Replace what is there.
        calibrate: See ``invert``.
        batch_size: See ``invert``.
        reading: Passed to ``read_shot_gathers``.
        spacing: See ``invert``.
        spread: Another ``.npy`` to write, with a ``.json`` beside it: the spread, in the layout of
            the velocity.
        **matching: See ``invert``.

    Returns:
        Velocity as ``invert`` returns it; with ``spread``, velocity and spread.

    Raises:
        FileExistsError: If a target exists and ``overwrite`` is false.
        FileNotFoundError: If there is no source, model or folder for the target.
        ValueError: As for ``invert``, or if the target is not ``.npy``.
    """
    source = Path(source)
    targets = [Path(target), *([] if spread is None else [Path(spread)])]
    _check_targets(source, targets, overwrite)
    inverter = GatherInverter.of(model)
    gathers, wanted = _read(source, reading or {}), spread is not None
    if isinstance(gathers, ShotGathers):
        line = invert_line(
            inverter, gathers, batch_size, calibrate, True, spacing, matching, wanted
        )
        for path, values in zip(targets, (line.velocity, line.spread), strict=False):
            _write(path, np.asarray(values), inverter, source, line, path is not targets[0])
        return line
    _refuse_line_options(str(source), spacing, matching)
    batch, single = inverter.batch_of(gathers, str(source))
    named = f"{source}: gathers"
    batches = inverter.velocities(batch, batch_size, calibrate, source=named, spread=wanted)
    found = np.concatenate(list(batches))
    openfwi = gathers.shape[-3:] != inverter.gather_shape
    for path, values in zip(targets, np.moveaxis(found, -1, 0) if wanted else [found], strict=True):
        written = values[0] if single else values[:, None] if openfwi else values
        _write(path, written, inverter, source, None, path is not targets[0])
    return _separated(found[0] if single else found, wanted)


def _check_targets(source: Path, targets: list[Path], overwrite: bool) -> None:
    for target in targets:
        if target.suffix.lower() != ".npy":
            raise ValueError(f"{target}: velocity models are written as .npy")
        for path in (target, target.with_suffix(".json")):
            check_free(source, path, overwrite)
    if len({target.absolute() for target in targets}) < len(targets):
        raise ValueError(
            f"{targets[0]}: is to hold the velocity; choose another name for the spread"
        )


def _separated(found: np.ndarray, spread: bool) -> Any:
    """The velocity, or velocity and spread, which are the last axis."""
    return (found[..., 0], found[..., 1]) if spread else found


def _refuse_line_options(source: str, spacing: float | None, matching: dict[str, Any]) -> None:
    """Refuse options that do nothing for an array of gathers."""
    given = [*matching, *([] if spacing is None else ["spacing"])]
    if given:
        raise ValueError(f"{source}: {', '.join(given)}: for pre-stack lines only, not arrays")


def _read(source: Path, options: dict[str, Any]) -> np.ndarray | ShotGathers:
    check_file(source, "file of gathers")
    suffix = source.suffix.lower()
    if suffix in TRACE_FILES:
        return read_shot_gathers(source, **options)
    if suffix != ".npy":
        raise ValueError(f"{source}: expected gathers in .npy, .segy, .sgy or .su")
    _refuse_line_options(str(source), None, options)
    return read_array(source, mmap=True)


def _write(
    target: Path,
    values: np.ndarray,
    inverter: GatherInverter,
    source: Path,
    line: VelocityLine | None,
    spread: bool,
) -> None:
    """Write velocity or spread and, beside it, its description."""
    description: dict[str, Any] = {
        "units": "m/s",
        "axes": {2: "depth, x", 3: "example, depth, x", 4: "example, 1, depth, x"}[values.ndim],
        "dx_m": inverter.spacing(values.shape[-1]) if line is None else line.dx,
        "gathers": source.name,
        "model": inverter.name,
    }
    if spread:
        description["quantity"] = f"half-width of the {COVERAGE:.0%} interval of the velocity"
    if line is not None:
        description |= {
            "first_x_m": line.start,
            "origins_m": line.origins.tolist(),
            "changes": list(line.changes),
        }
    write_array(target, values)
    write_text(target.with_suffix(".json"), json.dumps(description, indent=2) + "\n")
