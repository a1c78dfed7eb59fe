"""Full waveform inversion: the velocity model whose simulated gathers fit the recorded ones."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.inversion.descent import Descent
from keras_seismic.inversion.misfits import Misfit, as_misfit
from keras_seismic.inversion.objective import Engine
from keras_seismic.inversion.regularization import Regularization
from keras_seismic.inversion.result import WaveformInversion
from keras_seismic.inversion.stages import Stage, multiscale
from keras_seismic.inversion.starts import Start, starting_velocity
from keras_seismic.inversion.state_file import fingerprint
from keras_seismic.progress import progress_bar
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.acquisition import STABILITY_LIMIT

#: Slowest and fastest rock, m/s: OpenFWI's.
BOUNDS = (1500.0, 4500.0)


def full_waveform(
    gathers: np.ndarray,
    acquisition: Acquisition,
    start: Start = "linear",
    *,
    shape: tuple[int, int] | None = None,
    stages: Sequence[Stage] | None = None,
    misfit: str | Misfit = "l2",
    regularization: Regularization | Sequence[Regularization] | None = None,
    bounds: tuple[float, float] = BOUNDS,
    weight: np.ndarray | None = None,
    frozen: np.ndarray | None = None,
    wavelet: np.ndarray | str | None = None,
    preconditioning: float = 0.5,
    state: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    memory: int = 2**30,
    progress: bool = True,
) -> WaveformInversion:
    """The velocity model whose simulated gathers fit the recorded ones.

    Minimizes ``misfit(simulated(v), gathers) + regularization(v)`` within bounds by L-BFGS-B
    (SciPy's), from low frequencies, which tolerate a poor start, to high ones, which give detail.
    Gradients are adjoint states of the scheme itself. Each stage first measures how strongly the
    data see each cell and scales the model by it, so that deep cells move as readily as shallow
    ones.

    A network's answer is a good start, and one that waveform inversion refines:
    ``full_waveform(gathers, acquisition, "model.keras")``.

    Args:
        gathers: ``(time, receivers, shots)`` of one example, raw amplitudes.
        acquisition: How they were recorded.
        start: ``(depth, width)``, m/s; ``"linear"``, a trend from bound to bound (needs
            ``shape``); or a network: a Keras model in physical units, its path in any format that
            ``ks.invert`` takes, or a function from ``(1, time, receivers, shots)`` to velocity.
        shape: ``(depth, width)`` of the model in cells, for a start that does not have one.
        stages: What to fit, one after the other; by default ``multiscale(acquisition)``.
        misfit: ``"l2"``, ``"l1"``, ``"huber"``, ``"envelope"``, ``"correlation"``, or a function;
            see ``misfits``.
        regularization: A penalty or several: ``TotalVariation``, ``Tikhonov``, or functions; ``()``
            for none. By default that of the stages: in the usual ones a weak total variation,
            twice as strong along layers as across.
        bounds: Smallest and largest velocity, m/s.
        weight: Of each sample, ``(time, receivers, shots)`` or what broadcasts to it: 0 mutes.
            Traces that are zero throughout are muted in any case.
        frozen: ``(depth, width)``, true in cells that keep the start's velocity, such as water.
        wavelet: Source wavelet ``(time,)``; by default the acquisition's. ``"estimate"`` finds it
            by least squares before each stage, beginning with the acquisition's.
        preconditioning: Power of the illumination by which steps are scaled: 0 leaves them, 1 is
            the diagonal of the Gauss-Newton Hessian.
        state: ``.npz`` in which every iteration is kept. If it is there, the inversion goes on
            from the last one; L-BFGS begins its memory anew, so that the result agrees with that
            of an uninterrupted run in fit, not in bits. Remove it to begin anew.
        threads: At most this many; by default all cores.
        memory: Bytes kept for the gradient.
        progress: Show a progress bar with the misfit.

    Returns:
        The velocity, the misfit, the history of both, and a figure.

    Raises:
        ValueError: If gathers, start, masks or bounds do not match each other or the acquisition,
            are not finite or not in m/s; if the time step is unstable at the upper bound; or if
            the memory is too small.
        FileNotFoundError: If the start is a path and there is no model.

    Example:
        >>> import keras_seismic as ks
        >>> acquisition = ks.simulation.Acquisition.surface(
        ...     width=24, dx=10.0, dt=0.001, nt=150, peak_frequency=15.0, boundary="cpml"
        ... )
        >>> true = np.full((1, 24, 24), 2000.0)
        >>> true[:, 12:] = 2300.0
        >>> gathers = ks.simulation.simulate(true, acquisition, progress=False)[0]
        >>> result = full_waveform(
        ...     gathers, acquisition, np.full((24, 24), 2100.0), stages=[Stage(evaluations=5)]
        ... )
        >>> result.misfit < result.initial_misfit
        True

    Reference:
        Virieux, J. and Operto, S. (2009), An overview of full-waveform inversion in exploration
        geophysics, Geophysics 74, WCC1-WCC26. Bunks, C. et al. (1995), Multiscale seismic waveform
        inversion, Geophysics 60, 1457-1473.
    """
    observed, weight = _checked_data(gathers, acquisition, weight)
    bounds = _checked_bounds(bounds, acquisition)
    first = starting_velocity(start, observed, acquisition, shape, bounds)
    cells = _cell_bounds(first, bounds, frozen)
    planned = _planned(
        multiscale(acquisition) if stages is None else stages, as_misfit(misfit), regularization
    )
    source = _checked_wavelet(wavelet, acquisition)
    power = _checked_power(preconditioning)
    descent = Descent(
        engine=Engine(threads, memory),
        acquisition=acquisition,
        observed=observed,
        weight=weight,
        stages=planned,
        bounds=cells,
        power=power,
        estimating=isinstance(wavelet, str),
        wavelet=source,
        velocity=first,
        asked=fingerprint(acquisition, observed, weight, planned, cells, power, source, first),
        path=None if state is None else Path(state),
    )
    initial_misfit = descent.misfit_of(first)
    total = sum(stage.evaluations for stage in planned)
    with progress_bar(total, "waveform inversion", "evaluation", progress) as bar:
        descent.run(bar)
    return WaveformInversion(
        velocity=descent.velocity.astype(np.float32),
        misfit=descent.misfit_of(descent.velocity),
        initial_misfit=initial_misfit,
        history=descent.history,
        wavelet=descent.wavelet,
        start=first.astype(np.float32),
        acquisition=acquisition,
    )


def _checked_data(
    gathers: np.ndarray, acquisition: Acquisition, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Gathers ``(time, receivers, shots)`` and their weight, float64."""
    observed = np.asarray(gathers)
    if observed.ndim == 4 and len(observed) == 1:
        observed = observed[0]
    expected = acquisition.gather_shape
    if observed.shape != expected:
        nt, receivers, shots = expected
        hint = ""
        if observed.shape == (shots, nt, receivers):
            hint = "; OpenFWI's layout is np.moveaxis(gathers, 0, -1) away"
        elif observed.shape[1:] == expected:
            hint = "; invert one example after the other"
        raise ValueError(
            f"full_waveform: gathers must have the acquisition's shape (time, receivers, shots) = "
            f"{expected}, received {observed.shape}{hint}"
        )
    if observed.dtype.kind not in "fiu":
        raise ValueError(f"full_waveform: gathers must hold numbers, received {observed.dtype}")
    check_finite(observed, "full_waveform: gathers")
    observed = observed.astype(np.float64)
    weight = np.asarray(1.0 if weight is None else weight, np.float64)
    try:
        weight = np.broadcast_to(weight, expected)
    except ValueError:
        raise ValueError(
            f"full_waveform: weight must have the gathers' shape {expected} or broadcast to it, "
            f"received {weight.shape}"
        ) from None
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise ValueError("full_waveform: weight must be finite and not negative")
    weight = weight * observed.any(axis=0)
    if not (weight * observed).any():
        raise ValueError("full_waveform: gathers are zero wherever weight is not")
    return observed, weight


def _checked_bounds(bounds: tuple[float, float], acquisition: Acquisition) -> tuple[float, float]:
    low, high = (float(bound) for bound in bounds)
    if not 0 < low < high < np.inf:
        raise ValueError(
            f"full_waveform: bounds must be two velocities, 0 < low < high, received {bounds}"
        )
    if high < 20:
        raise ValueError(
            f"full_waveform: bounds must be in m/s, received {bounds}, which look like km/s"
        )
    fastest = STABILITY_LIMIT * acquisition.dx / acquisition.dt
    if high > fastest:
        raise ValueError(
            f"full_waveform: bounds reach {high:g} m/s, but with dx={acquisition.dx:g} m and "
            f"dt={acquisition.dt:g} s the simulation is unstable above {fastest:.0f} m/s; lower "
            "the upper bound, or the time step of acquisition and gathers"
        )
    return low, high


def _cell_bounds(
    first: np.ndarray, bounds: tuple[float, float], frozen: np.ndarray | None
) -> np.ndarray:
    """``(2, depth, width)``: bounds of every cell, both the start's velocity in frozen ones."""
    cells = np.stack([np.full(first.shape, bound) for bound in bounds])
    if frozen is None:
        return cells
    mask = np.asarray(frozen)
    if mask.shape != first.shape or mask.dtype != bool:
        raise ValueError(
            f"full_waveform: frozen must be true or false for each cell, {first.shape}, received "
            f"{mask.dtype} {mask.shape}"
        )
    return np.where(mask, first, cells)


def _planned(
    stages: Sequence[Stage],
    misfit: Misfit,
    regularization: Regularization | Sequence[Regularization] | None,
) -> tuple[Stage, ...]:
    """The stages with their misfit and regularization filled in."""
    if not stages:
        raise ValueError("full_waveform: stages is empty; at least one is needed")
    penalties = (regularization,) if callable(regularization) else regularization
    return tuple(
        dataclasses.replace(
            stage,
            misfit=misfit if stage.misfit is None else stage.misfit,
            regularization=tuple(stage.regularization if penalties is None else penalties),
        )
        for stage in stages
    )


def _checked_power(preconditioning: float) -> float:
    if not 0 <= preconditioning <= 1:
        raise ValueError(
            f"full_waveform: preconditioning must be from 0 to 1, received {preconditioning}"
        )
    return float(preconditioning)


def _checked_wavelet(wavelet: np.ndarray | str | None, acquisition: Acquisition) -> np.ndarray:
    if wavelet is None or (isinstance(wavelet, str) and wavelet == "estimate"):
        return acquisition.wavelet
    if isinstance(wavelet, str) or np.shape(wavelet) != (acquisition.nt,):
        given = repr(wavelet) if isinstance(wavelet, str) else np.shape(wavelet)
        raise ValueError(
            f"full_waveform: wavelet must be 'estimate' or an array of the shape "
            f"({acquisition.nt},), received {given}"
        )
    source = np.asarray(wavelet, np.float64)
    check_finite(source, "full_waveform: wavelet")
    return source
