"""LISTA: sparse deconvolution by a few unrolled and trained iterations."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_seismic.checks import checked_size
from keras_seismic.models.network import Network, policy_name
from keras_seismic.types import Config, DType, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class LISTA(Network):
    """Reflectivity of a section by FISTA, unrolled into a network.

    Each layer is one iteration, ``x <- S(z - B (w * z - y), t)``, ``z <- x + m (x - previous
    x)``, with the wavelet w, a filter B along time, a threshold t and the momentum m. Initially B
    is the correlation with the wavelet times the step, t is ``step weight`` and m is FISTA's, so
    the untrained network is FISTA with ``num_layers`` iterations. Trained on pairs of sections
    and reflectivity, it needs far fewer of them. B may be longer than the wavelet, which a
    correlation cannot be, and then approaches an inverse filter.

    Train it with clipped gradients (``clipnorm=0.01``): an unrolled iteration can diverge like
    any other.

    It deviates from the paper (Gregor and LeCun): the matrices are convolutions, so traces can
    have any length; the wavelet stays explicit; and the iterations have FISTA's momentum.

    Args:
        wavelet: ``(length,)``, with the amplitude it has in the section.
        num_layers: Number of iterations.
        zero_time: Index of the wavelet's sample at time zero, by default ``length // 2``.
        weight: Weight of ``|x|_1`` in the FISTA from which training starts.
        filter_length: Samples of each filter B, odd; by default one more than twice the wavelet's.
        shared: One filter B for all layers instead of one for each. Each layer keeps its
            own threshold and momentum.
        learn_wavelet: Train the wavelet as well, starting from the given one.
        dtype: Keras dtype policy, by default the global one.

    Input and output: ``(batch, time, traces, 1)``, any size; the output is float32.

    Raises:
        ValueError: If the wavelet is not a finite, nonzero vector, or a number is out of range.

    Example:
        >>> model = LISTA([-0.5, 1.0, -0.5], num_layers=3)
        >>> model.output_shape, len(model.trainable_weights)
        ((None, None, None, 1), 7)

    Reference:
        Gregor, K. and LeCun, Y. (2010), Learning fast approximations of sparse coding,
        International Conference on Machine Learning.
    """

    def __init__(
        self,
        wavelet: np.typing.ArrayLike,
        num_layers: int = 10,
        zero_time: int | None = None,
        weight: float = 0.1,
        filter_length: int | None = None,
        shared: bool = False,
        learn_wavelet: bool = False,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        wavelet = np.asarray(wavelet, np.float64)
        (num_layers,) = checked_size((num_layers,), 1, "LISTA: num_layers")
        forward = _centered(wavelet, zero_time)
        length = 2 * wavelet.size + 1 if filter_length is None else filter_length
        (length,) = checked_size((length,), 1, "LISTA: filter_length")
        if length % 2 == 0 or length < forward.size:
            raise ValueError(
                "LISTA: filter_length must be odd and hold the wavelet around its zero time, "
                f"{forward.size} samples, received {filter_length}"
            )
        if not 0 <= weight < np.inf:
            raise ValueError(f"LISTA: weight must not be negative, received {weight}")
        dtype = policy_name(dtype)
        # The norm of a convolution is at most its spectrum's maximum.
        step = 1 / float(np.abs(np.fft.rfft(wavelet, 16 * wavelet.size)).max()) ** 2
        padding = (length - forward.size) // 2
        # B w is of order one, and B's weights should be too: the step is a gain squared, and one
        # of its factors is kept outside the weights.
        gain = step**0.5
        adjoint = gain * np.pad(forward[::-1], padding)

        def filter_of(name: str) -> TimeFilter:
            return TimeFilter(adjoint.tolist(), gain=gain, name=name, dtype=dtype)

        section = keras.Input((None, None, 1), name="section")
        convolve = TimeFilter(forward.tolist(), learned=learn_wavelet, name="wavelet", dtype=dtype)
        one_filter = filter_of("filter") if shared else None
        x: Tensor = None
        z: Tensor = None
        t = 1.0
        for k in range(1, num_layers + 1):
            gradient_filter = one_filter or filter_of(f"filter_{k}")
            if z is None:  # the first model is zero, so the residual is the section
                v = gradient_filter(section)
            else:
                names = {part: f"{part}_{k}" for part in ("residual", "descent")}
                residual = layers.Subtract(name=names["residual"], dtype=dtype)(
                    [section, convolve(z)]
                )
                v = layers.Add(name=names["descent"], dtype=dtype)([z, gradient_filter(residual)])
            previous = x
            x = SoftThreshold(weight, step, name=f"threshold_{k}", dtype=dtype)(v)
            following = (1 + np.sqrt(1 + 4 * t * t)) / 2
            if previous is None:
                z = x
            elif k < num_layers:
                momentum = (t - 1) / following
                z = Extrapolation(momentum, name=f"momentum_{k}", dtype=dtype)(x, previous)
            t = following
        reflectivity = layers.Activation("linear", name="reflectivity", dtype="float32")(x)

        super().__init__(section, reflectivity, **kwargs)
        self.wavelet = wavelet.tolist()
        self.num_layers = num_layers
        self.zero_time = zero_time
        self.weight = float(weight)
        self.filter_length = length
        self.shared = bool(shared)
        self.learn_wavelet = bool(learn_wavelet)
        self.policy = dtype


@keras.saving.register_keras_serializable(package="keras_seismic")
class TimeFilter(layers.Layer):
    """Convolution of every trace with one filter, cut to the trace's length.

    Args:
        coefficients: The filter as a list of odd length, time zero in its middle.
        gain: Constant factor of the output.
        learned: Whether training changes the filter.
    """

    def __init__(
        self, coefficients: Sequence[float], gain: float = 1.0, learned: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.coefficients, self.gain = list(coefficients), float(gain)
        self.learned = bool(learned)

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_weight(
            shape=(len(self.coefficients), 1, 1, 1),
            initializer=lambda shape, dtype: ops.reshape(
                ops.convert_to_tensor(self.coefficients[::-1], dtype), shape
            ),
            trainable=self.learned,
            name="kernel",
        )

    def call(self, inputs: Tensor) -> Tensor:
        return ops.conv(inputs, self.gain * self.kernel, padding="same")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> Config:
        config = {"coefficients": self.coefficients, "gain": self.gain, "learned": self.learned}
        return super().get_config() | config


@keras.saving.register_keras_serializable(package="keras_seismic")
class SoftThreshold(layers.Layer):
    """``sign(v) max(|v| - step weight, 0)`` with a trained, nonnegative weight.

    Args:
        weight: Initial weight.
        step: Constant factor.
    """

    def __init__(self, weight: float, step: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initial_weight, self.step = float(weight), float(step)

    def build(self, input_shape: Shape) -> None:
        self.weight = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.initial_weight),
            constraint=keras.constraints.NonNeg(),
            name="weight",
        )

    def call(self, inputs: Tensor) -> Tensor:
        threshold = self.step * self.weight
        return ops.relu(inputs - threshold) - ops.relu(-inputs - threshold)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> Config:
        return super().get_config() | {"weight": self.initial_weight, "step": self.step}


@keras.saving.register_keras_serializable(package="keras_seismic")
class Extrapolation(layers.Layer):
    """``x + momentum (x - previous)`` with a trained momentum.

    Args:
        momentum: Initial momentum.
    """

    def __init__(self, momentum: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initial_momentum = float(momentum)

    def build(self, *input_shapes: Shape) -> None:
        self.momentum = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.initial_momentum),
            name="momentum",
        )

    def call(self, inputs: Tensor, previous: Tensor) -> Tensor:
        return inputs + self.momentum * (inputs - previous)

    def compute_output_shape(self, input_shape: Shape, *others: Shape) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> Config:
        return super().get_config() | {"momentum": self.initial_momentum}


def _centered(wavelet: np.ndarray, zero_time: int | None) -> np.ndarray:
    """The wavelet padded with zeros so that time zero is in the middle."""
    if wavelet.ndim != 1 or not wavelet.any() or not np.isfinite(wavelet).all():
        raise ValueError(
            "LISTA: wavelet must be a vector of finite numbers, not all zero, received shape "
            f"{wavelet.shape}"
        )
    zero = wavelet.size // 2 if zero_time is None else zero_time
    if not 0 <= zero < wavelet.size:
        raise ValueError(
            f"LISTA: zero_time must be an index of the wavelet, 0-{wavelet.size - 1}, received "
            f"{zero_time}"
        )
    reach = max(zero, wavelet.size - 1 - zero)
    return np.pad(wavelet, (reach - zero, reach - (wavelet.size - 1 - zero)))
