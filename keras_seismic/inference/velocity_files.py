"""Files of shot gathers to files of velocity models."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.files import check_free, write_text
from keras_seismic.gathers.shot_gathers import ShotGathers, read_shot_gathers
from keras_seismic.inference.gather_inverter import GatherInverter, Inverter
from keras_seismic.inference.velocity import (
    VelocityLine,
    invert_line,
    refuse_line_options,
    velocities,
)
from keras_seismic.io.arrays import read_array, write_array

_LINES = (".segy", ".sgy", ".su")


def invert_file(
    model: Inverter,
    source: str | os.PathLike,
    target: str | os.PathLike,
    overwrite: bool = False,
    calibrate: bool = False,
    batch_size: int = 8,
    reading: dict[str, Any] | None = None,
    spacing: float | None = None,
    **matching: Any,
) -> np.ndarray | VelocityLine:
    """Invert a file of gathers and write velocity models.

    Args:
        model: See ``invert``.
        source: ``.npy`` of gathers in either layout, one or many, or a pre-stack line, ``.segy``,
            ``.sgy`` or ``.su``.
        target: ``.npy`` to write: ``(depth, width)`` for one example, ``(n, depth, width)`` for a
            batch in Keras' layout, ``(n, 1, depth, width)`` for one in OpenFWI's, ``(depth, x)``
            for a line. Beside it, ``.json`` says the units, the grid and where it came from.
        overwrite: Replace what is there.
        calibrate: See ``invert``.
        batch_size: See ``invert``.
        reading: Passed to ``read_shot_gathers``.
        spacing: See ``invert``.
        **matching: See ``invert``.

    Returns:
        Velocity as ``invert`` returns it.

    Raises:
        FileExistsError: If the target exists and ``overwrite`` is false.
        FileNotFoundError: If there is no source, model or folder for the target.
        ValueError: As for ``invert``, or if the target is no ``.npy``.
    """
    source, target = Path(source), Path(target)
    if target.suffix.lower() != ".npy":
        raise ValueError(f"{target}: velocity models are written as .npy")
    for path in (target, target.with_suffix(".json")):
        check_free(source, path, overwrite)
    inverter = GatherInverter.of(model)
    gathers = _read(source, reading or {})
    if isinstance(gathers, ShotGathers):
        result = invert_line(inverter, gathers, batch_size, calibrate, True, spacing, matching)
        _write(target, result.velocity, inverter, source, result)
        return result
    refuse_line_options(str(source), spacing, matching)
    batch, single = inverter.batch_of(gathers)
    parts = list(velocities(inverter, batch, batch_size, calibrate, True, f"{source}: gathers"))
    velocity = np.concatenate(parts)
    openfwi = gathers.shape[-3:] != inverter.gather_shape
    written = velocity[0] if single else velocity[:, None] if openfwi else velocity
    _write(target, written, inverter, source)
    return velocity[0] if single else velocity


def _read(source: Path, options: dict[str, Any]) -> np.ndarray | ShotGathers:
    if not source.is_file():
        raise FileNotFoundError(f"{source}: no such file of gathers")
    suffix = source.suffix.lower()
    if suffix in _LINES:
        return read_shot_gathers(source, **options)
    if suffix != ".npy":
        raise ValueError(f"{source}: expected gathers in .npy, .segy, .sgy or .su")
    refuse_line_options(str(source), None, options)
    return read_array(source, mmap=True)


def _write(
    target: Path,
    velocity: np.ndarray,
    inverter: GatherInverter,
    source: Path,
    line: VelocityLine | None = None,
) -> None:
    """The velocity, and beside it what it is."""
    description: dict[str, Any] = {
        "units": "m/s",
        "axes": {2: "depth, x", 3: "example, depth, x", 4: "example, 1, depth, x"}[velocity.ndim],
        "dx_m": inverter.spacing(velocity.shape[-1]) if line is None else line.dx,
        "gathers": source.name,
        "model": inverter.name,
    }
    if line is not None:
        description |= {
            "first_x_m": line.start,
            "origins_m": line.origins.tolist(),
            "changes": list(line.changes),
        }
    write_array(target, velocity)
    write_text(target.with_suffix(".json"), json.dumps(description, indent=2) + "\n")
