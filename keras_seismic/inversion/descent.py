"""The stages of a waveform inversion, one after the other, by L-BFGS-B."""

import dataclasses
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.inversion.misfits import L2
from keras_seismic.inversion.objective import Engine, Objective
from keras_seismic.inversion.source import estimate_wavelet
from keras_seismic.inversion.stages import Stage
from keras_seismic.inversion.state_file import read_state, write_state
from keras_seismic.simulation import Acquisition

#: Corrections that L-BFGS keeps.
_CORRECTIONS = 20


@dataclasses.dataclass(eq=False)
class Descent:
    """A waveform inversion under way.

    Attributes:
        engine: The wave equation.
        acquisition: The experiment.
        observed: ``(time, receivers, shots)``.
        weight: Of each sample.
        stages: All arguments set.
        bounds: ``(2, depth, width)``, m/s; equal where a cell is frozen.
        power: Of the illumination.
        estimating: Whether the wavelet is estimated before each stage.
        wavelet: ``(time,)``.
        velocity: ``(depth, width)``, m/s: the start, then the model so far.
        asked: Fingerprint of all of it.
        path: Where the state is kept, if anywhere.
        history: See ``WaveformInversion``.
        stage: Number of the stage under way.
        used: Its evaluations so far.
        scale: Its steps in m/s, once it has begun.
    """

    engine: Engine
    acquisition: Acquisition
    observed: np.ndarray
    weight: np.ndarray
    stages: tuple[Stage, ...]
    bounds: np.ndarray
    power: float
    estimating: bool
    wavelet: np.ndarray
    velocity: np.ndarray
    asked: str
    path: Path | None
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    stage: int = 0
    used: int = 0
    scale: np.ndarray | None = None

    def __post_init__(self) -> None:
        columns = ("stage", "frequency", "evaluations", "misfit", "penalty", "seconds")
        self.history = {name: [] for name in columns}
        found = read_state(self.path, self.asked) if self.path else None
        if found is None:
            return
        arrays, (self.stage, self.used, self.history) = found
        self.velocity, self.wavelet = arrays["velocity"], arrays["wavelet"]
        self.scale = arrays.get("scale")

    def run(self, bar: Any) -> None:
        """The stages that are left; ``bar`` shows how far it is."""
        done = sum(stage.evaluations for stage in self.stages[: self.stage]) + self.used
        bar.update(done)
        while self.stage < len(self.stages):
            self._minimize(self.stages[self.stage], bar)
            self.stage, self.used, self.scale = self.stage + 1, 0, None
            self._keep()

    def misfit_of(self, velocity: np.ndarray) -> float:
        """Energy of the residual relative to that of the data, all frequencies."""
        predicted = self.engine.predict(velocity, self.acquisition, self.wavelet)
        return L2()(self.weight * predicted, self.weight * self.observed)[0]

    def _minimize(self, stage: Stage, bar: Any) -> None:
        """One stage, from its beginning or from where it was interrupted."""
        from scipy.optimize import minimize

        if self.scale is None and self.estimating:
            self._estimate_wavelet()
        objective = Objective(
            self.engine, self.acquisition, self.observed, self.wavelet, self.weight, stage
        )
        if self.scale is None:
            self.scale = objective.scale(self.velocity, self.power)
        change = _Change(self.velocity, self.bounds, self.scale, self._cells(stage.smoothing))
        before = self.used
        earlier = self.history["seconds"][-1] if self.history["seconds"] else 0.0
        began = time.perf_counter()

        def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = objective(change.model(x))
            bar.set_postfix(misfit=f"{objective.misfit_value:.3g}", refresh=False)
            bar.update()
            return value, change.pullback(x, gradient)

        def accepted(intermediate_result: Any) -> None:
            self.velocity = change.model(intermediate_result.x)
            self.used = before + objective.evaluations
            self._record(stage, objective, earlier + time.perf_counter() - began)
            self._keep()

        minimize(
            scaled,
            np.zeros(self.velocity.size),
            jac=True,
            method="L-BFGS-B",
            bounds=change.limits(),
            callback=accepted,
            options={
                "maxfun": stage.evaluations - before,
                "maxiter": stage.evaluations,
                "maxcor": _CORRECTIONS,
                "ftol": 0.0,
                "gtol": 0.0,
            },
        )

    def _cells(self, smoothing: tuple[float, float]) -> tuple[float, float]:
        depth, width = (length / self.acquisition.dx for length in smoothing)
        return depth, width

    def _estimate_wavelet(self) -> None:
        predicted = self.engine.predict(self.velocity, self.acquisition, self.wavelet)
        self.wavelet = estimate_wavelet(
            self.weight * predicted, self.weight * self.observed, self.wavelet
        )

    def _record(self, stage: Stage, objective: Objective, seconds: float) -> None:
        """A row of the history."""
        earlier = sum(one.evaluations for one in self.stages[: self.stage])
        row = {
            "stage": self.stage,
            "frequency": stage.frequency or math.inf,
            "evaluations": earlier + self.used,
            "misfit": objective.misfit_value,
            "penalty": objective.penalty_value,
            "seconds": seconds,
        }
        for name, value in row.items():
            self.history[name].append(value)

    def _keep(self) -> None:
        """Write the state, if a file was named."""
        if self.path is None:
            return
        arrays = {"velocity": self.velocity, "wavelet": self.wavelet}
        if self.scale is not None:
            arrays["scale"] = self.scale
        write_state(self.path, self.asked, arrays, [self.stage, self.used, self.history])


class _Change:
    """A stage's change of the model as a function of what the optimizer varies.

    ``v = v_0 + scale * smooth(x)``, within bounds.

    Args:
        first: ``v_0``, ``(depth, width)``, m/s.
        bounds: ``(2, depth, width)``, m/s.
        scale: m/s.
        smoothing: Standard deviations in cells.
    """

    def __init__(
        self,
        first: np.ndarray,
        bounds: np.ndarray,
        scale: np.ndarray,
        smoothing: tuple[float, float],
    ) -> None:
        self.first, self.bounds, self.scale, self.smoothing = first, bounds, scale, smoothing

    def _smoothed(self, x: np.ndarray) -> np.ndarray:
        """Its own adjoint, because the Gaussian is mirrored at the edges."""
        from scipy.ndimage import gaussian_filter

        return gaussian_filter(x, self.smoothing, mode="reflect") if any(self.smoothing) else x

    def _unbounded(self, x: np.ndarray) -> np.ndarray:
        return self.first + self.scale * self._smoothed(x.reshape(self.first.shape))

    def model(self, x: np.ndarray) -> np.ndarray:
        """Velocity ``(depth, width)``."""
        return np.clip(self._unbounded(x), *self.bounds)

    def pullback(self, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """The gradient with respect to ``x``."""
        if any(self.smoothing):
            low, high = self.bounds
            free = self._unbounded(x)
            gradient = np.where((low < free) & (free < high), gradient, 0.0)
        return self._smoothed(gradient * self.scale).ravel()

    def limits(self) -> Any:
        """Bounds of ``x``, where it is a cell's own."""
        from scipy.optimize import Bounds

        if any(self.smoothing):
            return None
        return Bounds(*(((bound - self.first) / self.scale).ravel() for bound in self.bounds))
