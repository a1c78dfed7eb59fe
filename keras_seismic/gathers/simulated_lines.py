"""Shot gathers simulated into a file, part by part, so that an interrupted run goes on."""

import dataclasses
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.files import check_replaceable, check_room, placed, write_text
from keras_seismic.io.arrays import read_array, read_header, write_array
from keras_seismic.io.segy import SEGY_SUFFIXES, check_segy_limits, write_shot_gathers
from keras_seismic.progress import progress_bar
from keras_seismic.simulation import Acquisition, DispersionWarning, check_velocity, simulate

#: Cell updates of a part: seconds to a minute of work, which is what an interruption costs.
_PART_UPDATES = 1e10
#: Increment when a change to the simulation makes older parts wrong.
_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class _Part:
    """Some models or, of a large one, some shots, and the file of their gathers."""

    models: slice
    shots: slice
    path: Path


def simulate_to_file(
    velocity: np.ndarray,
    acquisition: Acquisition,
    output: str | os.PathLike[str],
    overwrite: bool = False,
    allow_dispersion: bool = False,
    progress: bool = True,
    threads: int | None = None,
) -> Path:
    """Simulate shot gathers into a file.

    The gathers are simulated in parts, some shots of a large model or some small models, which are
    kept in the folder ``OUTPUT.parts`` until the file can be written whole. So memory holds one
    part, and after an interruption the same call goes on where it stopped, to the same bytes.

    Args:
        velocity: ``(models, depth, width)``, m/s.
        acquisition: The experiment.
        output: .npy for ``(models, time, receivers, shots)``; or, of one model, .segy or .sgy
            for a pre-stack line, see ``keras_seismic.io.write_shot_gathers``.
        overwrite: Replace a file that is there, and parts of another simulation.
        allow_dispersion: See ``simulate``.
        progress: Show a progress bar when the work takes longer than a second.
        threads: See ``simulate``.

    Returns:
        The path.

    Raises:
        FileExistsError: If ``output`` exists, or parts of another simulation do, and
            ``overwrite`` is false.
        OSError: If the disk has too little room.
        ValueError: If the suffix is another, SEG-Y cannot hold the gathers, or as ``simulate``
            says; before anything is written.

    Example:
        >>> import tempfile
        >>> acquisition = Acquisition.streamer(
        ...     width=30, dx=10.0, dt=0.001, nt=50, peak_frequency=15.0, offsets=(50, 100),
        ...     shots=4, boundary="cpml",
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = f"{folder}/line.npy"
        ...     _ = simulate_to_file(np.full((1, 20, 30), 2000.0), acquisition, path)
        ...     np.load(path, allow_pickle=False).shape
        (1, 50, 2, 4)
    """
    output = Path(output)
    velocity = check_velocity(velocity, acquisition, allow_dispersion)
    _check_output(output, len(velocity), acquisition)
    check_replaceable(output, overwrite)
    folder = output.with_name(f"{output.name}.parts")
    parts = _parts(velocity.shape, acquisition, folder)
    size = 4 * len(velocity) * int(np.prod(acquisition.gather_shape))
    check_room(output.parent, 2 * size, "gathers and their parts")
    _begin(folder, velocity, acquisition, overwrite)
    missing = [part for part in parts if not _is_finished(part, acquisition)]
    with progress_bar(len(parts), "simulating", "part", progress) as bar:
        bar.update(len(parts) - len(missing))
        for part in missing:
            some = acquisition.select_shots(part.shots)
            with warnings.catch_warnings():  # of dispersion there has been a warning
                warnings.simplefilter("ignore", DispersionWarning)
                gathers = simulate(velocity[part.models], some, 1, False, allow_dispersion, threads)
            write_array(part.path, gathers)
            bar.update()
    with placed(output, overwrite) as temporary:
        if output.suffix == ".npy":
            _join(temporary, parts, (len(velocity), *acquisition.gather_shape))
        else:
            write_shot_gathers(
                temporary,
                _shot_by_shot(parts),
                acquisition.dt,
                acquisition.source_positions,
                acquisition.receiver_positions,
                _description(acquisition),
            )
    shutil.rmtree(folder)
    return output


def _description(acquisition: Acquisition) -> list[str]:
    """What was simulated, in a few lines of up to 76 characters."""
    wavelet = f"RICKER WAVELET OF {acquisition.peak_frequency:g} HZ"
    if acquisition.source_wavelet:
        wavelet = f"WAVELET OF UP TO {acquisition.highest_frequency:.3g} HZ"
    peak = int(np.argmax(np.abs(acquisition.wavelet))) * acquisition.dt * 1e3
    surface = "FREE SURFACE" if acquisition.free_surface else "NO FREE SURFACE"
    nt, receivers, shots = acquisition.gather_shape
    return [
        "PRESSURE SIMULATED BY THE ACOUSTIC WAVE EQUATION, CONSTANT DENSITY",
        f"{wavelet}, PEAK AT {peak:g} MS (TIME ZERO IS ITS FIRST SAMPLE)",
        f"{shots} SHOTS, {receivers} RECEIVERS, {nt} SAMPLES OF {acquisition.dt * 1e3:g} MS",
        f"GRID {acquisition.dx:g} M, BOUNDARY {acquisition.boundary.upper()}, {surface}",
    ]


def _check_output(output: Path, models: int, acquisition: Acquisition) -> None:
    if output.suffix in SEGY_SUFFIXES:
        check_segy_limits(output, acquisition.nt, acquisition.dt)
        if models != 1:
            raise ValueError(
                f"{output}: a SEG-Y file holds one line, received {models} velocity models; "
                "write .npy, or simulate one model a file"
            )
    elif output.suffix != ".npy":
        raise ValueError(f"{output}: expected a .npy, .segy or .sgy file to write gathers to")
    if not models:
        raise ValueError(f"{output}: there are no velocity models to simulate")


def _parts(shape: tuple[int, ...], acquisition: Acquisition, folder: Path) -> list[_Part]:
    """The same parts for the same simulation, whatever the machine."""
    models, shots = shape[0], len(acquisition.sources)
    cells = np.prod([size + 2 * acquisition.boundary_width for size in shape[1:]])
    at_once = max(int(_PART_UPDATES / (float(cells) * acquisition.nt)), 1)  # shots
    models_at_once, shots_at_once = max(at_once // shots, 1), min(at_once, shots)
    slices = [
        (slice(i, min(i + models_at_once, models)), slice(j, min(j + shots_at_once, shots)))
        for i in range(0, models, models_at_once)
        for j in range(0, shots, shots_at_once)
    ]
    return [_Part(m, s, folder / f"{k:06d}.npy") for k, (m, s) in enumerate(slices)]


def _begin(folder: Path, velocity: np.ndarray, acquisition: Acquisition, overwrite: bool) -> None:
    """Make the folder of the parts, or find there the parts of the same simulation."""
    parameters: dict[str, Any] = {
        "format": _FORMAT,
        "acquisition": acquisition.get_config(),
        "shape": list(velocity.shape),
        "velocity": hashlib.sha256(velocity.tobytes()).hexdigest(),
    }
    text = json.dumps(parameters, indent=2) + "\n"
    noted = folder / "parameters.json"
    if folder.exists():
        if noted.is_file() and noted.read_text(encoding="utf-8") == text:
            return
        if not overwrite:
            raise FileExistsError(
                f"{folder}: holds the parts of another simulation that was interrupted; repeat "
                "that one, choose another output, or pass overwrite=True to discard them"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    write_text(noted, text)


def _shape(part: _Part, acquisition: Acquisition) -> tuple[int, ...]:
    nt, receivers, _ = acquisition.gather_shape
    models, shots = (s.stop - s.start for s in (part.models, part.shots))
    return models, nt, receivers, shots


def _is_finished(part: _Part, acquisition: Acquisition) -> bool:
    try:
        return read_header(part.path).shape == _shape(part, acquisition)
    except (OSError, ValueError):
        return False


def _join(path: Path, parts: list[_Part], shape: tuple[int, ...]) -> None:
    whole = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for part in parts:
        whole[part.models, ..., part.shots] = read_array(part.path, mmap=True)
    whole.flush()


def _shot_by_shot(parts: list[_Part]) -> Iterator[np.ndarray]:
    for part in parts:
        yield from np.moveaxis(read_array(part.path, mmap=True)[0], -1, 0)
