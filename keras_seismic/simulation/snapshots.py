"""Snapshots of a wave field while it crosses a velocity model."""

import keras
import numpy as np
from keras import ops

from keras_seismic.backend import compiled
from keras_seismic.progress import progress_bar
from keras_seismic.simulation.acoustic import check_velocity
from keras_seismic.simulation.acquisition import Acquisition, is_whole_number
from keras_seismic.simulation.boundaries import BOUNDARIES, State, boundary_cells
from keras_seismic.types import Tensor


def wave_field(
    velocity: np.ndarray,
    acquisition: Acquisition,
    shot: int = 0,
    every: int = 10,
    allow_dispersion: bool = False,
    progress: bool = True,
) -> np.ndarray:
    """Snapshots of one shot's pressure in one velocity model.

    The scheme is that of ``simulate``: a snapshot's values at the receivers are the gather's.

    Args:
        velocity: ``(depth, width)``, m/s.
        acquisition: The experiment.
        shot: Number of the shot, from 0.
        every: Samples from one snapshot to the next.
        allow_dispersion: See ``simulate``.
        progress: Show a progress bar when the work takes longer than a second.

    Returns:
        float32 ``(snapshots, depth, width)``. Snapshot ``k`` is at sample ``(k + 1) every - 1``
        of the record.

    Raises:
        ValueError: If there is no such shot, ``every`` is not from 1 to ``nt``, or as ``simulate``
            says.

    Example:
        >>> acquisition = Acquisition.surface(
        ...     width=30, dx=10.0, dt=0.001, nt=60, peak_frequency=15.0, boundary="cpml"
        ... )
        >>> wave_field(np.full((20, 30), 2000.0), acquisition, shot=2, every=20).shape
        (3, 20, 30)
    """
    models = check_velocity(np.asarray(velocity)[None], acquisition, allow_dispersion)
    shots = len(acquisition.sources)
    if not is_whole_number(shot, minimum=0) or shot >= shots:
        raise ValueError(f"wave_field: shot must be from 0 to {shots - 1}, received {shot}")
    if not is_whole_number(every, minimum=1) or every > acquisition.nt:
        raise ValueError(
            f"wave_field: every must be from 1 to nt={acquisition.nt} samples, received {every}"
        )
    scheme = BOUNDARIES[acquisition.boundary]
    padding = boundary_cells(acquisition)
    (top, bottom), (left, right) = padding
    padded = np.pad(models, ((0, 0), *padding), mode="edge")
    coefficients = [c.astype(np.float32) for c in scheme.coefficients(padded, acquisition)]
    (row,), (column,) = acquisition.select_shots([shot]).grid_indices("sources", models.shape[1:])
    source = np.zeros((1, 1, *padded.shape[1:]), np.float32)
    source[..., row + top, column + left] = (models[0, row, column] * acquisition.dt) ** 2
    count = acquisition.nt // every
    samples = acquisition.wavelet[: count * every].astype(np.float32).reshape(count, every)

    def advance(state: State, samples: Tensor) -> State:
        def body(step: Tensor, state: State) -> State:
            (after, *rest), _ = scheme.step(state, coefficients, acquisition.free_surface)
            return (after + samples[step] * source, *rest)

        return tuple(ops.fori_loop(0, every, body, state))

    advance = compiled(advance, keras.backend.backend())
    state = scheme.initial_state(ops.zeros(source.shape))
    fields = np.empty((count, *models.shape[1:]), np.float32)
    depth, width = padded.shape[1:]
    with progress_bar(count, "simulating", "snapshot", progress) as bar:
        for k in range(count):
            state = advance(state, samples[k])
            field = ops.convert_to_numpy(state[0])[0, 0]
            fields[k] = field[top : depth - bottom, left : width - right]
            bar.update()
    return fields
