"""``keras-seismic simulate``: shot gathers over velocity models."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import app
from keras_seismic.cli.program import program
from keras_seismic.files import check_free
from keras_seismic.io.arrays import write_array


@program(app, repeatable=False)
def simulate(
    velocity: Annotated[
        Path, typer.Argument(help=".npy, m/s, one model (depth, width) or several.")
    ],
    output: Annotated[
        Path, typer.Argument(help=".npy to write, (models, time, receivers, shots).")
    ],
    dx: Annotated[float, typer.Option(help="Cell size, m.")] = 10.0,
    dt: Annotated[float, typer.Option(help="Sample interval, s.")] = 0.001,
    samples: Annotated[int, typer.Option(min=1, help="Time samples.")] = 1000,
    frequency: Annotated[float, typer.Option(metavar="HZ", help="Peak of the wavelet.")] = 15.0,
    shots: Annotated[int, typer.Option(min=1, help="Shots, spread evenly along the surface.")] = 5,
    receiver_step: Annotated[int, typer.Option(min=1, help="Cells between receivers.")] = 1,
    boundary: options.Boundary = "openfwi",
    overwrite: options.Overwrite = False,
) -> None:
    """Simulate shot gathers over velocity models by the acoustic wave equation.

        keras-seismic simulate velocity.npy gathers.npy --shots 5

    Sources and receivers span the whole width at the surface. The defaults are OpenFWI's
    experiment, over models of 70 cells.
    """
    if output.suffix != ".npy":
        raise ValueError(f"{output}: gathers are written as .npy")
    check_free(velocity, output, overwrite)
    models = ks.io.read_velocity(velocity)
    acquisition = ks.simulation.Acquisition.surface(
        width=models.shape[2],
        dx=dx,
        dt=dt,
        nt=samples,
        peak_frequency=frequency,
        shots=shots,
        receiver_step=receiver_step,
        boundary=boundary,
    )
    gathers = ks.simulation.simulate(models, acquisition)
    write_array(output, gathers)
    rms = float(np.sqrt(np.mean(np.square(gathers, dtype=np.float64))))
    typer.echo(f"{output}: gathers {gathers.shape}, RMS amplitude {rms:.3g}")
