"""Normalization between physical units and the [-1, 1] that networks work in.

As layers, so that training and serving share one definition and an exported graph
takes raw amplitudes and returns m/s. They always compute in float32, even inside a
mixed-precision model: half precision cannot hold raw amplitudes.
"""

import math
from typing import Any, Self

import keras
from keras import ops

from keras_seismic.layers.float32 import Float32Layer
from keras_seismic.types import Config, Tensor

#: Smallest and largest raw amplitude of the published OpenFWI families.
OPENFWI_RANGES = {
    "flatvel_a": (-26.95, 52.77),
    "flatvel_b": (-27.17, 56.05),
    "curvevel_a": (-27.11, 55.10),
    "curvevel_b": (-29.04, 57.03),
    "flatfault_a": (-26.10, 50.86),
    "flatfault_b": (-24.86, 50.28),
    "curvefault_a": (-26.48, 52.32),
    "curvefault_b": (-24.93, 50.98),
    "style_a": (-24.96, 48.93),
    "style_b": (-23.76, 46.01),
}


@keras.saving.register_keras_serializable(package="keras_seismic")
class GatherNormalization(Float32Layer):
    """Raw amplitudes of shot gathers to [-1, 1], by a logarithm that boosts weak arrivals.

    ``g(x) = sign(x) log(1 + k |x|)``, then the linear map that takes ``g(data_min)`` to -1
    and ``g(data_max)`` to 1. Amplitudes outside that range end up outside [-1, 1].

    Args:
        data_min: Raw amplitude that becomes -1.
        data_max: Raw amplitude that becomes 1.
        k: Strength of the logarithm; 0 leaves the amplitudes as they are.

    Raises:
        ValueError: If the range is empty or ``k`` is negative.

    Example:
        >>> import numpy as np
        >>> layer = GatherNormalization(data_min=-26.95, data_max=52.77)
        >>> [round(float(x), 4) for x in layer(np.array([-26.95, 0.0, 52.77], "float32"))]
        [-1.0, -0.0894, 1.0]

    Reference:
        Deng, C. et al. (2022), OpenFWI: large-scale multi-structural benchmark
        datasets for full waveform inversion, NeurIPS datasets and benchmarks.
    """

    def __init__(self, data_min: float, data_max: float, k: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_min, self.data_max, self.k = float(data_min), float(data_max), float(k)
        if not (math.isfinite(self.data_min) and self.data_min < self.data_max < math.inf):
            raise ValueError(
                "GatherNormalization: data_min must be below data_max, received "
                f"data_min={data_min}, data_max={data_max}"
            )
        if not 0 <= self.k < math.inf:
            raise ValueError(f"GatherNormalization: k must not be negative, received {k}")
        self._low, high = self._log_of_number(self.data_min), self._log_of_number(self.data_max)
        self._span = high - self._low

    @classmethod
    def openfwi(cls, family: str, **kwargs: Any) -> Self:
        """The published range of an OpenFWI family, such as ``"flatvel_a"``.

        Raises:
            ValueError: If the family is unknown.
        """
        key = str(family).lower().replace("-", "_")
        if key not in OPENFWI_RANGES:
            raise ValueError(
                f"unknown OpenFWI family {family!r}; choose one of {', '.join(OPENFWI_RANGES)}"
            )
        return cls(*OPENFWI_RANGES[key], **kwargs)

    def centered(self, strength: float = 228.0) -> Self:
        """Another of this range that keeps zero at 0 and brings weak arrivals out more.

        ``train time-depth-unet`` and the demo use it. At OpenFWI's amplitudes, the logarithm is
        four times as strong as OpenFWI's.

        Args:
            strength: ``k`` times the largest amplitude.

        Example:
            >>> layer = GatherNormalization(data_min=-30, data_max=57).centered()
            >>> [round(float(x), 3) for x in layer(ops.convert_to_tensor([0.0, 0.25, 57.0]))]
            [0.0, 0.128, 1.0]
        """
        largest = max(abs(self.data_min), abs(self.data_max))
        return type(self)(-largest, largest, strength / largest)

    def _log_of_number(self, x: float) -> float:
        return math.copysign(math.log1p(self.k * abs(x)), x) if self.k else x

    def call(self, inputs: Tensor) -> Tensor:
        x = ops.cast(inputs, "float32")
        if self.k:
            # Not log1p, which ONNX lacks; around zero the two differ by 1e-7 of the range.
            x = ops.sign(x) * ops.log(1 + self.k * ops.abs(x))
        return 2 * (x - self._low) / self._span - 1

    def inverse(self, outputs: Tensor) -> Tensor:
        """Raw amplitudes from normalized ones; any shape, float32."""
        x = (ops.cast(outputs, "float32") + 1) / 2 * self._span + self._low
        if self.k:
            x = ops.sign(x) * ops.expm1(ops.abs(x)) / self.k
        return x

    def get_config(self) -> Config:
        config = {"data_min": self.data_min, "data_max": self.data_max, "k": self.k}
        return super().get_config() | config


@keras.saving.register_keras_serializable(package="keras_seismic")
class VelocityScaling(Float32Layer):
    """A network's output in [-1, 1] to velocity in m/s.

    Without a range it is the identity, for networks trained on m/s.

    Args:
        minimum: Velocity for -1, m/s.
        maximum: Velocity for 1, m/s.

    Raises:
        ValueError: If only one bound is given, the range is empty, or both bounds look
            like km/s.

    Example:
        >>> import numpy as np
        >>> [float(v) for v in VelocityScaling(1500, 4500)(np.array([-1, 0, 1], "float32"))]
        [1500.0, 3000.0, 4500.0]
    """

    def __init__(
        self, minimum: float | None = None, maximum: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if (minimum is None) != (maximum is None):
            raise ValueError(
                "VelocityScaling: give both bounds in m/s, or none for the identity, received "
                f"minimum={minimum}, maximum={maximum}"
            )
        self.minimum: float | None = None
        self.maximum: float | None = None
        if minimum is not None and maximum is not None:
            self.minimum, self.maximum = float(minimum), float(maximum)
            if not (math.isfinite(self.minimum) and self.minimum < self.maximum < math.inf):
                raise ValueError(
                    "VelocityScaling: minimum must be below maximum, received "
                    f"minimum={minimum}, maximum={maximum}"
                )
            if 1 < self.maximum < 20 and self.minimum >= 0:
                raise ValueError(
                    "VelocityScaling: bounds must be in m/s, received "
                    f"minimum={minimum}, maximum={maximum}, which look like km/s"
                )

    @property
    def scale(self) -> float:
        """m/s per unit of the network's output."""
        if self.minimum is None or self.maximum is None:
            return 1.0
        return (self.maximum - self.minimum) / 2

    def call(self, inputs: Tensor) -> Tensor:
        x = ops.cast(inputs, "float32")
        return x if self.minimum is None else (x + 1) * self.scale + self.minimum

    def inverse(self, velocity: Tensor) -> Tensor:
        """Velocity in m/s to the network's units; any shape, float32."""
        v = ops.cast(velocity, "float32")
        return v if self.minimum is None else (v - self.minimum) / self.scale - 1

    def get_config(self) -> Config:
        return super().get_config() | {"minimum": self.minimum, "maximum": self.maximum}
