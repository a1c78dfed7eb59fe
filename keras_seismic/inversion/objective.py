"""What a stage of a waveform inversion minimizes, as a function of the scaled model."""

import dataclasses
from collections.abc import Callable

import numpy as np

from keras_seismic.inversion.illumination import illumination
from keras_seismic.inversion.misfits import as_misfit
from keras_seismic.inversion.source import low_pass
from keras_seismic.inversion.stages import Stage
from keras_seismic.simulation import Acquisition

#: Unit of velocity, m/s, and factor of the objective: in the optimizer both are then about 1.
_UNIT, _FACTOR = 1000.0, 1000.0


@dataclasses.dataclass(frozen=True, eq=False)
class Engine:
    """The wave equation under one set of limits.

    Args:
        threads: At most this many; by default all cores.
        memory: Bytes kept for the gradient.
    """

    threads: int | None = None
    memory: int = 2**30

    def predict(
        self, velocity: np.ndarray, acquisition: Acquisition, wavelet: np.ndarray
    ) -> np.ndarray:
        """Gathers ``(time, receivers, shots)``, float64."""
        # Imported when first used, because Numba is.
        from keras_seismic.simulation.compiled import propagate

        gathers = propagate(velocity[None], acquisition, wavelet=wavelet, threads=self.threads)
        return gathers[0].astype(np.float64)

    def linearize(
        self, velocity: np.ndarray, acquisition: Acquisition, wavelet: np.ndarray
    ) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        """Gathers, and the function from their derivatives to those of the velocity."""
        from keras_seismic.simulation.compiled import linearize

        found = linearize(
            velocity[None],
            acquisition,
            wavelet=wavelet,
            threads=self.threads,
            memory=self.memory,
        )

        def pullback(adjoint: np.ndarray) -> np.ndarray:
            return np.asarray(found.pullback(adjoint[None]).velocity[0], np.float64)

        return found.gathers[0].astype(np.float64), pullback


class Objective:
    """Misfit and penalties of one stage, and their gradient.

    Args:
        engine: The wave equation.
        acquisition: The stage's experiment.
        observed: ``(time, receivers, shots)``.
        wavelet: ``(time,)``.
        weight: Of each sample, as ``observed``.
        stage: Its band, misfit and regularization.

    Attributes:
        evaluations: How often it was called.
        misfit_value: What the last call found.
        penalty_value: What the regularization added to it.
    """

    def __init__(
        self,
        engine: Engine,
        acquisition: Acquisition,
        observed: np.ndarray,
        wavelet: np.ndarray,
        weight: np.ndarray,
        stage: Stage,
    ) -> None:
        self.engine, self.acquisition, self.weight = engine, acquisition, weight
        self.misfit = as_misfit(stage.misfit or "l2")
        self.regularization = stage.regularization
        self.wavelet = low_pass(wavelet, stage.frequency, acquisition.dt)
        self.observed = weight * low_pass(observed, stage.frequency, acquisition.dt)
        self.evaluations, self.misfit_value, self.penalty_value = 0, np.nan, np.nan

    def __call__(self, velocity: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient ``(depth, width)``, times a factor that suits the optimizer."""
        predicted, pullback = self.engine.linearize(velocity, self.acquisition, self.wavelet)
        misfit, adjoint = self.misfit(self.weight * predicted, self.observed)
        gradient, penalty = pullback(self.weight * adjoint), 0.0
        for regularize in self.regularization:
            value, slope = regularize(velocity)
            penalty, gradient = penalty + value, gradient + slope
        self.evaluations += 1
        self.misfit_value, self.penalty_value = misfit, penalty
        return _FACTOR * (misfit + penalty), _FACTOR * gradient

    def scale(self, velocity: np.ndarray, power: float) -> np.ndarray:
        """The step, in m/s, that counts as 1 in each cell: longer where the data see less."""
        if not power:
            return np.full(velocity.shape, _UNIT)
        predicted, pullback = self.engine.linearize(velocity, self.acquisition, self.wavelet)
        seen = illumination(lambda signs: pullback(self.weight * signs), predicted.shape)
        return _UNIT * seen ** (-power / 2)
