"""Acoustic modeling as a layer, differentiable with respect to velocity and source."""

import functools
import importlib.util
from collections.abc import Callable
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_seismic.backend import available_cores, differentiable_on_host, has_accelerator
from keras_seismic.simulation.acquisition import STABILITY_LIMIT, Acquisition
from keras_seismic.simulation.adjoint import differentiable_loop
from keras_seismic.types import Config, Shape, Tensor

_METHODS = ("auto", "compiled", "ops")


@keras.saving.register_keras_serializable(package="keras_seismic")
class AcousticModeling(keras.layers.Layer):
    r"""Velocity models to shot gathers, so that a data misfit can be a loss.

    The scheme of ``simulate``, with its gradient by the adjoint-state method: the transposed
    scheme runs backwards in time from the receivers, and

    ``dJ/da = sum_t adjoint(t + 1) L p(t)`` with ``a = (v dt / dx)^2``

    where ``L`` is the scheme's Laplacian. It equals the derivative of the discrete scheme up to
    rounding. Boundary cells repeat the edge of the model, so their gradient is added to the
    edge's. A model's slowest or fastest velocity, which sets the strength of its boundary, is
    held constant there.

    The layer has no weights and computes in float32 whatever the policy. It does not check for
    dispersion (``check_velocity`` does); keep the velocity within a range, by ``ops.clip`` or by a
    network's scaling, in which ``dt`` is stable.

    Args:
        acquisition: The experiment.
        method: ``"compiled"`` for loops compiled by Numba, on processors; ``"ops"`` for
            ``keras.ops``, compiled by XLA on accelerators as well; ``"auto"`` chooses.

    Input: velocity ``(batch, depth, width, 1)``, m/s. Call it with ``wavelet=``, ``(time,)`` or
    ``(shots, time)``, or ``amplitudes=``, ``(shots,)``, for another source than the acquisition's;
    both have gradients too. Output: gathers ``(batch, time, receivers, shots)``.

    Raises:
        ValueError: If ``method`` is unknown, or a source or receiver lies outside the model; on
            the compiled path also if velocity is not finite, not positive or unstable.

    Example:
        >>> acquisition = Acquisition.surface(
        ...     width=20, dx=10.0, dt=0.001, nt=100, peak_frequency=15.0, boundary="cpml"
        ... )
        >>> layer = AcousticModeling(acquisition)
        >>> layer.compute_output_shape((None, 30, 20, 1))
        (None, 100, 20, 5)

    Reference:
        Plessix, R.-E. (2006), A review of the adjoint-state method for computing the gradient
        of a functional with geophysical applications, Geophysical Journal International 167,
        495-503.
    """

    def __init__(self, acquisition: Acquisition, method: str = "auto", **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if method not in _METHODS:
            raise ValueError(
                f"AcousticModeling: method must be one of {_METHODS}, received {method!r}"
            )
        self.acquisition, self.method = acquisition, method
        if method == "auto":
            compiled = not has_accelerator() and importlib.util.find_spec("numba") is not None
        else:
            compiled = method == "compiled"
        self._modeling = _on_host if compiled else differentiable_loop
        # XLA on TensorFlow cannot call the host; JAX can, from compiled functions too.
        self.supports_jit = not (compiled and keras.backend.backend() == "tensorflow")

    def build(self, velocity_shape: Shape) -> None:
        depth, width = velocity_shape[1:3]
        if depth is None or width is None:
            raise ValueError(
                "AcousticModeling: expected velocity (batch, depth, width, 1) of known depth and "
                f"width, received {velocity_shape}"
            )
        for kind in ("sources", "receivers"):
            self.acquisition.grid_indices(kind, (depth, width))

    def call(
        self, velocity: Tensor, wavelet: Tensor | None = None, amplitudes: Tensor | None = None
    ) -> Tensor:
        nt, _, shots = self.acquisition.gather_shape
        wavelet = self.acquisition.wavelet if wavelet is None else wavelet
        wavelet = ops.broadcast_to(ops.cast(wavelet, "float32"), (shots, nt))
        amplitudes = np.ones(shots) if amplitudes is None else amplitudes
        amplitudes = ops.broadcast_to(ops.cast(amplitudes, "float32"), (shots,))
        shape = tuple(velocity.shape[1:3])
        model = self._modeling(self.acquisition, shape, keras.backend.backend())
        return model(ops.cast(velocity, "float32")[..., 0], wavelet, amplitudes)

    def compute_output_shape(
        self,
        velocity_shape: Shape,
        wavelet_shape: Shape | None = None,
        amplitudes_shape: Shape | None = None,
    ) -> Shape:
        del wavelet_shape, amplitudes_shape
        return (velocity_shape[0], *self.acquisition.gather_shape)

    def compute_output_spec(self, velocity: Tensor, *_: Any, **__: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(velocity.shape), dtype="float32")

    def get_config(self) -> Config:
        config = {"acquisition": self.acquisition.get_config(), "method": self.method}
        return super().get_config() | config

    @classmethod
    def from_config(cls, config: Config) -> Self:
        return cls(**(config | {"acquisition": Acquisition.from_config(config["acquisition"])}))


@functools.lru_cache(maxsize=8)
def _on_host(
    acquisition: Acquisition, shape: tuple[int, int], backend: str
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The same function as ``differentiable_loop``, by the compiled propagator; float32."""
    from keras_seismic.simulation.compiled import linearize, propagate

    at_once = max(available_cores(), 8)  # models whose wave fields are kept, within its memory

    def gathers(velocity: Any, wavelet: Any, amplitudes: Any) -> np.ndarray:
        velocity, source = _checked(velocity, wavelet, amplitudes, acquisition)
        return propagate(velocity, acquisition, **source)

    def gradient(cotangent: Any, velocity: Any, wavelet: Any, amplitudes: Any) -> Any:
        velocity, source = _checked(velocity, wavelet, amplitudes, acquisition)
        cotangent = np.asarray(cotangent)
        parts = [
            linearize(velocity[some], acquisition, **source).pullback(cotangent[some])
            for some in (slice(i, i + at_once) for i in range(0, len(velocity), at_once))
        ]
        of_velocity = np.concatenate([part.velocity for part in parts])
        of_source = (sum(getattr(part, name) for part in parts) for name in source)
        return tuple(x.astype(np.float32) for x in (of_velocity, *of_source))

    return differentiable_on_host(gathers, gradient, acquisition.gather_shape, backend)


def _checked(
    velocity: Any, wavelet: Any, amplitudes: Any, acquisition: Acquisition
) -> tuple[np.ndarray, dict[str, Any]]:
    """Velocity, and the source as arguments of ``linearize``, in float64."""
    velocity, wavelet, amplitudes = (
        np.asarray(x, np.float64) for x in (velocity, wavelet, amplitudes)
    )
    low, high = velocity.min(), velocity.max()  # NaN if there is one
    if not (low > 0 and high * acquisition.dt / acquisition.dx <= STABILITY_LIMIT):
        raise ValueError(
            f"AcousticModeling: expected velocity above 0 and up to {STABILITY_LIMIT} dx/dt = "
            f"{STABILITY_LIMIT * acquisition.dx / acquisition.dt:g} m/s, received {low:g} to "
            f"{high:g} m/s; clip it, or lower dt"
        )
    return velocity, {"wavelet": wavelet, "amplitudes": amplitudes}
