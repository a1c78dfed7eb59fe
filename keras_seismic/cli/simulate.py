"""``keras-seismic simulate``: shot gathers over velocity models."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import app
from keras_seismic.cli.program import program
from keras_seismic.files import check_free
from keras_seismic.io.arrays import read_array, write_array
from keras_seismic.simulation import Acquisition

#: Snapshots of an animation.
_FRAMES = 100


@program(app, repeatable=False)
def simulate(
    velocity: Annotated[
        Path, typer.Argument(help="Model in m/s, .npy (one or several), .mat, .segy, .sgy or .su.")
    ],
    output: Annotated[
        Path, typer.Argument(help=".npy, (models, time, receivers, shots); one model: .segy.")
    ],
    dx: Annotated[
        float | None,
        typer.Option(help="Cell size, m; by default what a SEG-Y file states, otherwise 10."),
    ] = None,
    dt: Annotated[float, typer.Option(help="Sample interval, s.")] = 0.001,
    samples: Annotated[int, typer.Option(min=1, help="Time samples.")] = 1000,
    frequency: Annotated[float, typer.Option(metavar="HZ", help="Peak of the wavelet.")] = 15.0,
    wavelet: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="ricker (see --frequency), ormsby=F1,F2,F3,F4 in Hz, klauder=F1,F2,SECONDS of "
            "sweep, or a .npy file of samples every --dt.",
        ),
    ] = "ricker",
    shots: Annotated[int, typer.Option(min=1, help="Shots, spread evenly along the line.")] = 5,
    receiver_step: Annotated[
        int, typer.Option(min=1, help="Cells between receivers, which span the whole width.")
    ] = 1,
    streamer: Annotated[
        tuple[float, float, float] | None,
        typer.Option(
            metavar="NEAR FAR STEP",
            help="Tow the receivers behind the source instead, at these offsets in m.",
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Take sources and receivers from this pre-stack line instead."
        ),
    ] = None,
    origin: Annotated[
        float, typer.Option(metavar="X", help="With --like: x on it of the model's left edge, m.")
    ] = 0.0,
    depth: Annotated[
        float | None,
        typer.Option(metavar="M", help="Depth of sources and receivers; by default one cell."),
    ] = None,
    free_surface: Annotated[
        bool, typer.Option("--free-surface", help="Reflect waves at depth 0, as the sea does.")
    ] = False,
    boundary: options.Boundary = "openfwi",
    snapshots: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Show the middle shot's waves in the first model: .gif, or .npy (time, depth, x).",
        ),
    ] = None,
    allow_dispersion: Annotated[
        bool, typer.Option("--allow-dispersion", help="Accept cells too large for the wavelet.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Shots at the same time; by default, all cores.")
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Simulate shot gathers over velocity models by the acoustic wave equation.

        keras-seismic simulate velocity.npy gathers.npy --shots 5
        keras-seismic simulate model.segy line.segy --streamer 100 2000 20 --free-surface

    Without options it is OpenFWI's experiment, over models of 70 cells: sources and receivers
    along the whole width. An interrupted simulation goes on when the same command is repeated.
    """
    check_free(velocity, output, overwrite)
    if snapshots:
        check_free(velocity, snapshots, overwrite)
        if snapshots.suffix not in (".gif", ".npy") or snapshots == output:
            raise ValueError(f"{snapshots}: snapshots are written as another .gif or .npy file")
    models = ks.io.read_velocity(velocity)
    dx = dx or ks.io.read_depth_step(velocity) or 10.0
    common: dict[str, Any] = {
        "dx": dx,
        "dt": dt,
        "nt": samples,
        "boundary": boundary,
        "free_surface": free_surface,
        **_wavelet(wavelet, frequency, dt),
    }
    depth = dx if depth is None else depth
    line: dict[str, Any] = {"width": models.shape[2], "shots": shots, "row": _row(depth, dx)}
    if like is not None:
        gathers = ks.gathers.read_shot_gathers(like)
        acquisition, moved = ks.gathers.acquisition_of(
            gathers, depth=depth, origin=origin, **common
        )
        typer.echo(f"{like}: {gathers.grid}; moved by up to {moved:.3g} m onto the grid")
    elif streamer is not None:
        near, far, step = streamer
        offsets = np.arange(near, far + step / 2, step or 1)
        acquisition = Acquisition.streamer(offsets=offsets, **line, **common)
    else:
        acquisition = Acquisition.surface(receiver_step=receiver_step, **line, **common)
    ks.gathers.simulate_to_file(
        models, acquisition, output, overwrite, allow_dispersion, threads=threads
    )
    typer.echo(f"{output}: gathers {(len(models), *acquisition.gather_shape)}")
    if snapshots:
        _write_snapshots(snapshots, models[0], acquisition, allow_dispersion, overwrite)


def _row(depth: float, dx: float) -> int:
    row = round(depth / dx)
    if abs(row * dx - depth) > 1e-3 * dx:
        raise ValueError(f"--depth {depth:g}: expected a multiple of the cell size, {dx:g} m")
    return row


def _wavelet(kind: str, frequency: float, dt: float) -> dict[str, Any]:
    """The arguments of an acquisition that describe its wavelet."""
    if kind == "ricker":
        return {"peak_frequency": frequency}
    own = kind.endswith(".npy")
    source = read_array(kind) if own else ks.simulation.described_wavelet(kind, dt)
    return {"peak_frequency": 0, "source_wavelet": source}


def _write_snapshots(
    path: Path,
    velocity: np.ndarray,
    acquisition: Acquisition,
    allow_dispersion: bool,
    overwrite: bool,
) -> None:
    every = max(acquisition.nt // _FRAMES, 1)
    shot = len(acquisition.sources) // 2
    fields = ks.simulation.wave_field(velocity, acquisition, shot, every, allow_dispersion)
    if path.suffix == ".npy":
        write_array(path, fields)
    else:
        times = (np.arange(len(fields)) + 1) * every * acquisition.dt
        ks.visualization.animate_wave_field(
            path, fields, velocity, times, acquisition.dx, overwrite
        )
    typer.echo(f"{path}: {len(fields)} snapshots of shot {shot + 1}")
