"""Acoustic modeling as a layer, differentiable with respect to velocity and source."""

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import keras
import numpy as np
from keras import ops

from keras_seismic.backend import available_cores, differentiable_on_host
from keras_seismic.simulation.acoustic import is_compiled
from keras_seismic.simulation.acquisition import STABILITY_LIMIT, Acquisition
from keras_seismic.simulation.time_loop import differentiable_loop
from keras_seismic.types import Config, Shape, Tensor

if TYPE_CHECKING:
    from keras_seismic.simulation.compiled import Linearization

#: Velocity, wavelet and amplitudes, or their gradients.
_Arguments: TypeAlias = tuple[np.ndarray, ...]


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
        self.acquisition, self.method = acquisition, method
        self._compiled = is_compiled(method, "AcousticModeling")
        # XLA on TensorFlow cannot call the host; JAX can, from compiled functions too.
        self.supports_jit = not (self._compiled and keras.backend.backend() == "tensorflow")

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
        self,
        velocity: Tensor,
        wavelet: Tensor | None = None,
        amplitudes: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensor:
        nt, _, shots = self.acquisition.gather_shape
        wavelet = self.acquisition.wavelet if wavelet is None else wavelet
        wavelet = ops.broadcast_to(ops.cast(wavelet, "float32"), (shots, nt))
        amplitudes = np.ones(shots) if amplitudes is None else amplitudes
        amplitudes = ops.broadcast_to(ops.cast(amplitudes, "float32"), (shots,))
        shape = tuple(velocity.shape[1:3])
        settings = self.acquisition, shape, keras.backend.backend()
        if self._compiled:
            model = _on_host(*settings, keep=bool(training))
        else:
            model = differentiable_loop(*settings)
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
    acquisition: Acquisition, shape: tuple[int, int], backend: str, keep: bool
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The same function as ``differentiable_loop``, by the compiled propagator; float32.

    Args:
        acquisition: The experiment.
        shape: ``(depth, width)`` of the models.
        backend: Keras' backend.
        keep: Whether to expect that the gradient is asked for after each simulation.
    """
    host = _Host(acquisition, keep)
    return differentiable_on_host(host.gathers, host.gradient, acquisition.gather_shape, backend)


class _Host:
    """The compiled propagator between the backend's tensors."""

    def __init__(self, acquisition: Acquisition, keep: bool) -> None:
        from keras_seismic.simulation import compiled  # loads Numba

        self.compiled, self.acquisition, self.keep = compiled, acquisition, keep
        #: Models whose wave fields are kept at a time, to stay within the memory for that.
        self.at_once = max(available_cores(), 8)
        self.latest: tuple[_Arguments, Linearization] | None = None

    def gathers(self, *arguments: Any) -> np.ndarray:
        given = self._checked(arguments)
        if not self.keep or len(given[0]) > self.at_once:
            velocity, wavelet, amplitudes = given
            return self.compiled.propagate(
                velocity, self.acquisition, wavelet=wavelet, amplitudes=amplitudes
            )
        linearization = self._linearized(*given)
        self.latest = given, linearization
        return linearization.gathers

    def gradient(self, cotangent: Any, *arguments: Any) -> _Arguments:
        cotangent = np.asarray(cotangent)
        velocity, *source = given = self._checked(arguments)
        latest, self.latest = self.latest, None
        if latest and all(map(np.array_equal, latest[0], given)):
            parts = [latest[1].pullback(cotangent)]
        else:
            some = [slice(i, i + self.at_once) for i in range(0, len(velocity), self.at_once)]
            parts = [self._linearized(velocity[s], *source).pullback(cotangent[s]) for s in some]
        found = (
            np.concatenate([part.velocity for part in parts]),
            np.sum([part.wavelet for part in parts], axis=0),
            np.sum([part.amplitudes for part in parts], axis=0),
        )
        return tuple(x.astype(np.float32) for x in found)

    def _linearized(
        self, velocity: np.ndarray, wavelet: np.ndarray, amplitudes: np.ndarray
    ) -> "Linearization":
        return self.compiled.linearize(
            velocity, self.acquisition, wavelet=wavelet, amplitudes=amplitudes
        )

    def _checked(self, arguments: Iterable[Any]) -> _Arguments:
        """The arguments in float64, if the velocity can be simulated."""
        velocity, *source = (np.asarray(x, np.float64) for x in arguments)
        low, high = velocity.min(), velocity.max()  # NaN if there is one
        fastest = STABILITY_LIMIT * self.acquisition.dx / self.acquisition.dt
        if not (low > 0 and high <= fastest):
            raise ValueError(
                f"AcousticModeling: expected velocity above 0 and up to {STABILITY_LIMIT} dx/dt = "
                f"{fastest:g} m/s, received {low:g} to {high:g} m/s; clip it, or lower dt"
            )
        return velocity, *source
