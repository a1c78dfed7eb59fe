"""Acoustic wave simulation: velocity models to shot gathers."""

import functools
import importlib.util
import math
import warnings
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_seismic.backend import available_cores, compiled, has_accelerator
from keras_seismic.checks import checked_choice, checked_velocity
from keras_seismic.progress import progress_bar
from keras_seismic.simulation.acquisition import (
    BOUNDARY_WIDTHS,
    STABILITY_LIMIT,
    Acquisition,
    is_whole_number,
)
from keras_seismic.simulation.boundaries import DampingLayer, boundary_cells
from keras_seismic.simulation.time_loop import TimeLoop

#: Points per shortest wavelength below which there is a warning, and an error.
DISPERSION_WARNING, DISPERSION_LIMIT = 4.0, 3.0

#: Bytes of the wave fields of a model's shots that are propagated together, and bytes of a cell
#: as measured on TensorFlow and JAX: the six fields of the perfectly matched layer, twice.
_WAVE_FIELD_BYTES, _BYTES_PER_CELL = 2**30, 48


class DispersionWarning(UserWarning):
    """The grid is coarse for the slowest velocity: waves lag and ring."""


def simulate(
    velocity: np.ndarray,
    acquisition: Acquisition,
    batch_size: int = 1,
    progress: bool = True,
    allow_dispersion: bool = False,
    threads: int | None = None,
    method: str = "auto",
) -> np.ndarray:
    """Shot gathers of velocity models by finite differences.

    Solves ``p_tt = v^2 laplace(p) + s`` with order 2 in time and 4 in space,
    absorbing boundaries on all four sides or a free surface on top, and records the
    pressure. ``p[source] += (v dt)^2 w`` injects the wavelet into one cell, without
    division by the cell's area: amplitudes grow with ``dx^2``, so compare gathers
    of different spacings only after allowing for it. With
    ``Acquisition.openfwi()`` this is the discretization that made the OpenFWI data
    sets, sample for sample. On processors the loop is compiled by Numba, for one shot in each
    thread; on accelerators, and without Numba, by XLA.

    Args:
        velocity: ``(models, depth, width)``, m/s.
        acquisition: The experiment; its boundary determines the scheme.
        batch_size: Models that XLA propagates together. 1 is fastest on a processor, whose cache
            holds one model; use more on an accelerator. The result does not depend on it. Of a
            large model, as many shots as fit into 1 GiB are propagated together.
        progress: Show a progress bar when the work takes longer than a second.
        allow_dispersion: Only warn below 3 points per shortest wavelength.
        threads: Shots simulated at the same time by Numba's loop; as many as there are cores if
            not given. The result does not depend on it, to the last bit.
        method: ``"compiled"`` for Numba's loop, ``"ops"`` for ``keras.ops`` and XLA, or
            ``"auto"``. They differ by rounding, 2e-6 of the gathers.

    Returns:
        float32 array ``(models, time, receivers, shots)``.

    Raises:
        ValueError: If the velocity is not finite, not positive, in km/s, of the wrong
            shape, too fast for the time step or too slow for the spacing, or if a source
            or receiver lies outside the model.

    Warns:
        DispersionWarning: Below 4 points per shortest wavelength.

    Example:
        >>> acquisition = Acquisition.surface(
        ...     width=20, dx=10.0, dt=0.001, nt=100, peak_frequency=15.0, boundary="cpml"
        ... )
        >>> simulate(np.full((1, 20, 20), 2000.0), acquisition).shape
        (1, 100, 20, 5)
    """
    velocity = check_velocity(velocity, acquisition, allow_dispersion)
    if not is_whole_number(batch_size, minimum=1):
        raise ValueError(f"simulate: batch_size must be a positive integer, received {batch_size}")
    count = len(velocity)
    gathers = np.empty((count, *acquisition.gather_shape), np.float32)
    run: Callable[[np.ndarray], np.ndarray]
    if is_compiled(method, "simulate"):
        from keras_seismic.simulation.compiled import propagate  # loads Numba

        run = functools.partial(propagate, acquisition=acquisition, threads=threads)
        # Enough shots to keep the threads busy, few enough models for the bar to move.
        at_once = math.ceil(8 * (threads or available_cores()) / len(acquisition.sources))
    else:
        at_once = min(int(batch_size), max(count, 1))
        run = _padded(
            _propagator(acquisition, velocity.shape[1:], keras.backend.backend()), at_once
        )
    with progress_bar(count, "simulating", "model", progress) as bar:
        for start in range(0, count, at_once):
            part = slice(start, min(start + at_once, count))
            gathers[part] = run(velocity[part])
            bar.update(part.stop - start)
    return gathers


def is_compiled(method: str, caller: str) -> bool:
    """Whether Numba's loop computes, rather than ``keras.ops``.

    Args:
        method: ``"compiled"``, ``"ops"``, or ``"auto"`` for the loop where the backend computes
            on a processor and Numba is there.
        caller: Name of what was called, for the message.

    Raises:
        ValueError: If the method is none of them.
    """
    checked_choice(method, ("auto", "compiled", "ops"), f"{caller}: method")
    if method != "auto":
        return method == "compiled"
    return importlib.util.find_spec("numba") is not None and not has_accelerator()


def _padded(
    propagate: Callable[[np.ndarray], np.ndarray], size: int
) -> Callable[[np.ndarray], np.ndarray]:
    """The function for up to ``size`` models, padded: any other size would be compiled again."""
    return lambda velocity: propagate(
        np.concatenate([velocity, np.repeat(velocity[-1:], size - len(velocity), axis=0)])
    )[: len(velocity)]


def check_velocity(
    velocity: np.ndarray, acquisition: Acquisition, allow_dispersion: bool = False
) -> np.ndarray:
    """Refuse velocity models that the acquisition cannot simulate.

    Args:
        velocity: ``(models, depth, width)``, m/s.
        acquisition: The experiment.
        allow_dispersion: Only warn below 3 points per shortest wavelength.

    Returns:
        The velocity as float64.

    Raises:
        ValueError: As ``simulate`` says.
    """
    velocity = checked_velocity(velocity, "simulate")
    if not velocity.size:
        return velocity
    for kind in ("sources", "receivers"):
        acquisition.grid_indices(kind, velocity.shape[1:])
    _check_stability(velocity, acquisition)
    _check_dispersion(velocity.min(), acquisition, allow_dispersion)
    return velocity


def _check_stability(velocity: np.ndarray, acquisition: Acquisition) -> None:
    fastest, dt, dx = velocity.max(), acquisition.dt, acquisition.dx
    courant = fastest * dt / dx
    if courant > STABILITY_LIMIT:
        raise ValueError(
            f"simulate: unstable, v*dt/dx = {fastest:g} m/s * {dt:g} s / {dx:g} m = {courant:.3f} "
            f"exceeds {STABILITY_LIMIT}; lower dt to {STABILITY_LIMIT * dx / fastest:.3g} s or less"
        )
    if acquisition.boundary == "openfwi":
        # p+ = (2 - k) p - (1 - k) p- + a L p needs a |L| < 4 - 2 k.
        damping = DampingLayer.strongest(acquisition) * velocity.min(axis=(1, 2))
        limits = STABILITY_LIMIT * np.sqrt(np.maximum(1 - damping / 2, 0))
        if (velocity.max(axis=(1, 2)) * dt / dx > limits).any():
            raise ValueError(
                f"simulate: unstable, {acquisition.boundary_width} cells are too few for the "
                f'boundary "openfwi" at dt={dt:g} s; raise boundary_width (it is made for '
                f'{BOUNDARY_WIDTHS["openfwi"]}), lower dt, or use the boundary "cpml"'
            )


def _check_dispersion(slowest: float, acquisition: Acquisition, allowed: bool) -> None:
    highest = acquisition.highest_frequency
    points = slowest / (highest * acquisition.dx)
    if points >= DISPERSION_WARNING * (1 - 1e-6):
        return
    factor = points / DISPERSION_WARNING
    lower = f"peak_frequency to {factor * acquisition.peak_frequency:.3g} Hz"
    if acquisition.source_wavelet:
        lower = f"the source_wavelet's highest frequency to {factor * highest:.3g} Hz"
    message = (
        f"{slowest:g} m/s leaves {points:.2f} grid points to the shortest wavelength "
        f"({highest:g} Hz at dx={acquisition.dx:g} m), where {DISPERSION_WARNING:g} are wanted: "
        f"lower dx to {slowest / highest / DISPERSION_WARNING:.3g} m or {lower}"
    )
    if points < DISPERSION_LIMIT * (1 - 1e-6) and not allowed:
        raise ValueError(f"simulate: {message}, or pass allow_dispersion=True")
    warnings.warn(f"simulate: {message}", DispersionWarning, stacklevel=4)


@functools.lru_cache(maxsize=8)
def _propagator(
    acquisition: Acquisition, shape: tuple[int, int], backend: str
) -> Callable[[np.ndarray], np.ndarray]:
    """A function from ``(models, depth, width)`` to gathers, compiled at its first call.

    Cached by its arguments, so that calling ``simulate`` in a loop compiles only once. Of a large
    model, some shots at a time are propagated, so that their wave fields stay within a bound.
    """
    cells = np.prod(
        [size + sum(p) for size, p in zip(shape, boundary_cells(acquisition), strict=True)]
    )
    shots = len(acquisition.sources)
    at_once = max(_WAVE_FIELD_BYTES // (_BYTES_PER_CELL * int(cells)), 1)
    at_once = -(-shots // -(-shots // at_once))  # alike in size
    parts = [
        _propagator_of_shots(acquisition.select_shots(slice(i, i + at_once)), shape, backend)
        for i in range(0, shots, at_once)
    ]
    if len(parts) == 1:
        return parts[0]
    return lambda velocity: np.concatenate([part(velocity) for part in parts], axis=3)


def _propagator_of_shots(
    acquisition: Acquisition, shape: tuple[int, int], backend: str
) -> Callable[[np.ndarray], np.ndarray]:
    loop = TimeLoop(acquisition, shape, backward=False)
    gathers = compiled(lambda *arguments: loop.forward(*arguments)[0], backend)
    nt, _, shots = acquisition.gather_shape
    source = np.broadcast_to(acquisition.wavelet, (shots, nt)), np.ones(shots)

    def propagate(velocity: np.ndarray) -> np.ndarray:
        arguments = (x.astype(np.float32) for x in (velocity, *source))
        return ops.convert_to_numpy(gathers(*arguments))

    return propagate
