"""Simulation on processors, and its gradient: the loops of ``kernels``, in threads."""

import dataclasses
import math
import queue
from collections.abc import Callable, Generator
from typing import NamedTuple

import numpy as np

from keras_seismic.simulation.acquisition import Acquisition
from keras_seismic.simulation.experiment import Experiment, aligned_room
from keras_seismic.simulation.kernels import WINDOW_STEPS
from keras_seismic.simulation.shot import SavedState, Shot, ShotGradient, State, shots_over
from keras_seismic.simulation.threads import in_threads, thread_count

#: Steps after which a thread may take another shot.
_TURN = 16 * WINDOW_STEPS


class Gradient(NamedTuple):
    """Derivatives of a misfit, float64."""

    velocity: np.ndarray  #: ``(models, depth, width)``, per m/s
    wavelet: np.ndarray  #: of the shape of the wavelet, summed over the models
    amplitudes: np.ndarray  #: ``(shots,)``, summed over the models


@dataclasses.dataclass(frozen=True)
class Linearization:
    """Gathers, and how they answer to small changes of what made them.

    Attributes:
        gathers: float32 array ``(models, time, receivers, shots)``.
        pullback: From the derivative of a misfit with respect to the gathers, an array of their
            shape, to its ``Gradient``. May be called more than once.
    """

    gathers: np.ndarray
    pullback: Callable[[np.ndarray], Gradient]


def propagate(
    velocity: np.ndarray,
    acquisition: Acquisition,
    *,
    wavelet: np.ndarray | None = None,
    amplitudes: np.ndarray | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Shot gathers by compiled loops.

    Args:
        velocity: ``(models, depth, width)``, m/s, as ``check_velocity`` returns it.
        acquisition: The experiment.
        wavelet: ``(time,)``, or ``(shots, time)`` for one of its own for every shot; the
            acquisition's if not given.
        amplitudes: ``(shots,)``, factors of the wavelet; 1 if not given.
        threads: Shots simulated at the same time; as many as there are cores if not given. The
            result does not depend on it.

    Returns:
        float32 array ``(models, time, receivers, shots)``.
    """
    experiment = Experiment.of(velocity.shape[1:], acquisition, wavelet, amplitudes)
    gathers = np.empty((len(velocity), *acquisition.gather_shape), np.float32)

    def run(shot: Shot) -> Generator[None, None, None]:
        state, record = State.zero(shot.medium), np.empty(gathers.shape[1:3], np.float32)
        for begin in range(0, shot.steps, _TURN):
            shot.forward(state, begin, min(begin + _TURN, shot.steps), record)
            yield
        gathers[shot.model, :, :, shot.number] = record

    shots = len(velocity) * len(experiment.sources)
    in_threads(run, shots_over(experiment, velocity), shots, threads)
    return gathers


def linearize(
    velocity: np.ndarray,
    acquisition: Acquisition,
    *,
    wavelet: np.ndarray | None = None,
    amplitudes: np.ndarray | None = None,
    threads: int | None = None,
    memory: int = 2**30,
) -> Linearization:
    """Shot gathers, and the gradient of any misfit of theirs by the adjoint-state method.

    The state of every shot is kept every few dozen steps; the pullback simulates each such part
    once more, keeping what the gradient needs of it, and runs the adjoint back through it. The
    edge cells' gradient includes that of the boundary cells, which repeat their velocity. How
    strongly the boundary absorbs depends on the slowest (``"openfwi"``) or fastest (``"cpml"``)
    velocity of a model; that dependence is left out.

    Args:
        velocity: As in ``propagate``.
        acquisition: The experiment.
        wavelet: As in ``propagate``.
        amplitudes: As in ``propagate``.
        threads: As in ``propagate``; the gradient does not depend on it either.
        memory: Bytes that states and parts may take, all shots together.

    Raises:
        ValueError: If the memory is too small.

    Reference:
        Plessix, R.-E. (2006), A review of the adjoint-state method for computing the gradient of
        a functional with geophysical applications, Geophysical Journal International 167,
        495-503.
    """
    experiment = Experiment.of(velocity.shape[1:], acquisition, wavelet, amplitudes)
    shots = list(shots_over(experiment, velocity))
    threads = min(thread_count(threads), max(len(shots), 1))
    part = _steps_per_part(experiment, shots, threads, memory)
    gathers = np.empty((len(velocity), *acquisition.gather_shape), np.float32)

    def run(shot: Shot) -> Generator[None, None, list[SavedState]]:
        state, record = State.zero(shot.medium), np.empty(gathers.shape[1:3], np.float32)
        states = []
        for begin in range(0, shot.steps, part):
            states.append(state.save(shot.rows_at(begin)))
            shot.forward(state, begin, min(begin + part, shot.steps), record)
            yield
        gathers[shot.model, :, :, shot.number] = record
        return states

    saved = in_threads(run, shots, len(shots), threads)
    # Used for every part of every shot: fresh memory costs more than what is done with it.
    rooms: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
    for _ in range(threads if shots else 0):
        rooms.put(aligned_room(part * len(shots[0].medium.courant)))

    def pullback(cotangent: np.ndarray) -> Gradient:
        cotangent = np.asarray(cotangent, np.float32)
        if cotangent.shape != gathers.shape:
            raise ValueError(
                f"pullback: expected the shape of the gathers, {gathers.shape}, received "
                f"{cotangent.shape}"
            )

        def run(job: tuple[Shot, list[SavedState]]) -> Generator[None, None, ShotGradient]:
            shot, states = job
            return shot.backward(states, part, cotangent[shot.model, :, :, shot.number], rooms)

        results = in_threads(run, zip(shots, saved, strict=True), len(shots), threads)
        gradient = Gradient(
            np.zeros(velocity.shape),
            np.zeros_like(experiment.wavelets),
            np.zeros(len(experiment.amplitudes)),
        )
        # One after the other, so that the sum does not depend on which thread was first.
        for shot, (of_velocity, of_wavelet, of_amplitude) in zip(shots, results, strict=True):
            gradient.velocity[shot.model] += of_velocity
            gradient.wavelet[shot.number] += of_wavelet
            gradient.amplitudes[shot.number] += of_amplitude
        if experiment.one_wavelet:
            return gradient._replace(wavelet=gradient.wavelet.sum(axis=0))
        return gradient

    return Linearization(gathers, pullback)


def _steps_per_part(experiment: Experiment, shots: list[Shot], threads: int, memory: int) -> int:
    """Steps between two kept states: a little less than takes least memory, to stay in the cache.

    It does not depend on the threads, because the gradient is rounded at the end of every part.
    """
    if not shots:
        return experiment.acquisition.nt
    nt, cells = experiment.acquisition.nt, len(shots[0].medium.courant)
    state = sum(array.nbytes for array in State.zero(shots[0].medium).lasting)
    part = 0.7 * math.sqrt(nt * state / (4 * cells))
    part = min(max(WINDOW_STEPS, round(part / WINDOW_STEPS) * WINDOW_STEPS), nt)
    needed = len(shots) * math.ceil(nt / part) * state + threads * part * 4 * cells
    if needed > memory:
        raise ValueError(
            f"the gradient of {len(shots)} shots over {cells} cells and {nt} steps needs "
            f"{needed / 2**20:.0f} MiB, more than memory={memory} bytes ({memory / 2**20:.0f} "
            "MiB); raise it, or use fewer shots at a time"
        )
    return part
