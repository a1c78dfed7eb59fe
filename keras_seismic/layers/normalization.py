"""Normalisation between physical units and the [-1, 1] that networks work in.

As layers, so that training and serving share one definition and an exported graph
takes raw amplitudes and returns m/s. They always compute in float32, also inside a
mixed-precision model: half precision cannot hold raw amplitudes.
"""

import math

import keras
from keras import ops

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


class _Float32Layer(keras.layers.Layer):
    """A layer without weights that computes in float32 whatever the policy."""

    def __init__(self, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def compute_output_spec(self, inputs, *args, **kwargs):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype="float32")


@keras.saving.register_keras_serializable(package="keras_seismic")
class GatherNormalization(_Float32Layer):
    """Raw amplitudes of shot gathers to [-1, 1], by a logarithm that lifts weak arrivals.

    ``g(x) = sign(x) log(1 + k |x|)``, then the line that takes ``g(data_min)`` to -1
    and ``g(data_max)`` to 1. Amplitudes outside that range go outside [-1, 1].

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

    def __init__(self, data_min, data_max, k=1.0, **kwargs):
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
    def openfwi(cls, family, **kwargs):
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

    def _log_of_number(self, x):
        return math.copysign(math.log1p(self.k * abs(x)), x) if self.k else x

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        if self.k:
            # Not log1p, which ONNX lacks; around zero the two differ by 1e-7 of the range.
            x = ops.sign(x) * ops.log(1 + self.k * ops.abs(x))
        return 2 * (x - self._low) / self._span - 1

    def inverse(self, outputs):
        """Raw amplitudes of normalised ones; any shape, float32."""
        x = (ops.cast(outputs, "float32") + 1) / 2 * self._span + self._low
        if self.k:
            x = ops.sign(x) * ops.expm1(ops.abs(x)) / self.k
        return x

    def get_config(self):
        config = {"data_min": self.data_min, "data_max": self.data_max, "k": self.k}
        return super().get_config() | config


@keras.saving.register_keras_serializable(package="keras_seismic")
class VelocityScaling(_Float32Layer):
    """A network's output in [-1, 1] to velocity in m/s.

    Without a range it is the identity, for networks trained on m/s.

    Args:
        minimum: Velocity of -1, m/s.
        maximum: Velocity of 1, m/s.

    Raises:
        ValueError: If only one bound is given, the range is empty, or both bounds look
            like km/s.

    Example:
        >>> import numpy as np
        >>> [float(v) for v in VelocityScaling(1500, 4500)(np.array([-1, 0, 1], "float32"))]
        [1500.0, 3000.0, 4500.0]
    """

    def __init__(self, minimum=None, maximum=None, **kwargs):
        super().__init__(**kwargs)
        if (minimum is None) != (maximum is None):
            raise ValueError(
                "VelocityScaling: give both bounds in m/s, or none for the identity, received "
                f"minimum={minimum}, maximum={maximum}"
            )
        self.minimum = None if minimum is None else float(minimum)
        self.maximum = None if maximum is None else float(maximum)
        if self.minimum is not None:
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
    def scale(self):
        """m/s for one unit of the network's output."""
        return 1.0 if self.minimum is None else (self.maximum - self.minimum) / 2

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        return x if self.minimum is None else (x + 1) * self.scale + self.minimum

    def inverse(self, velocity):
        """Velocity in m/s to the network's units; any shape, float32."""
        v = ops.cast(velocity, "float32")
        return v if self.minimum is None else (v - self.minimum) / self.scale - 1

    def get_config(self):
        return super().get_config() | {"minimum": self.minimum, "maximum": self.maximum}


@keras.saving.register_keras_serializable(package="keras_seismic")
class SectionNormalization(_Float32Layer):
    """Raw amplitudes of sections to [-1, 1] (or [0, 1]), each section by its own.

    - ``"maximum"``: divide by the largest absolute amplitude.
    - ``"percentile"``: divide by a percentile of the absolute amplitudes that are not
      zero, and clip to [-1, 1]. Robust against spikes, and dead traces do not count.
      ``percentile=90`` keeps the central 90 % of a symmetric distribution.
    - ``"range"``: ``(x - min) / (max - min)``, into [0, 1]. Offered for comparison:
      it moves the zero line with the noise and is reported to make training fail.

    An all-zero section (for ``"range"``, a constant one) stays zero.

    Args:
        mode: See above.
        percentile: Percentile for ``"percentile"``, in (0, 100].

    Input and output: ``(batch, time, traces, channels)``.

    Raises:
        ValueError: If the mode or the percentile is not one of these.

    Example:
        >>> import numpy as np
        >>> section = np.array([0.0, -4.0, 2.0], "float32").reshape(1, 3, 1, 1)
        >>> layer = SectionNormalization()
        >>> [float(x) for x in ops.convert_to_numpy(layer(section)).ravel()]
        [0.0, -1.0, 0.5]
        >>> [float(x) for x in ops.convert_to_numpy(layer.restore(layer(section), section)).ravel()]
        [0.0, -4.0, 2.0]
    """

    def __init__(self, mode="maximum", percentile=99.0, **kwargs):
        super().__init__(**kwargs)
        if mode not in ("maximum", "percentile", "range"):
            raise ValueError(
                "SectionNormalization: mode must be 'maximum', 'percentile' or 'range', "
                f"received {mode!r}"
            )
        if not 0 < percentile <= 100:
            raise ValueError(
                f"SectionNormalization: percentile must be in (0, 100], received {percentile}"
            )
        self.mode, self.percentile = mode, float(percentile)

    def statistics(self, section):
        """Offset and scale of each section: ``normalised = (section - offset) / scale``.

        Args:
            section: ``(batch, time, traces, channels)``.

        Returns:
            Two tensors ``(batch, 1, 1, 1)``; the scale is never zero.
        """
        x = ops.cast(section, "float32")
        axes = (1, 2, 3)
        if self.mode == "range":
            offset = ops.min(x, axis=axes, keepdims=True)
            scale = ops.max(x, axis=axes, keepdims=True) - offset
        else:
            magnitude = ops.abs(x)
            scale = ops.max(magnitude, axis=axes, keepdims=True)
            offset = ops.zeros_like(scale)
            if self.mode == "percentile":
                scale = _percentile_of_nonzero(magnitude, self.percentile)
        return offset, ops.where(scale > 0, scale, ops.ones_like(scale))

    def call(self, inputs):
        offset, scale = self.statistics(inputs)
        x = (ops.cast(inputs, "float32") - offset) / scale
        return ops.clip(x, -1.0, 1.0) if self.mode == "percentile" else x

    def restore(self, normalized, section):
        """Raw amplitudes again.

        Args:
            normalized: What was made of the normalised section, ``(batch, time, traces,
                channels)``.
            section: The raw section that the statistics come from.

        Returns:
            float32, the shape of ``normalized``. What ``"percentile"`` clipped stays
            clipped.
        """
        offset, scale = self.statistics(section)
        return ops.cast(normalized, "float32") * scale + offset

    def get_config(self):
        return super().get_config() | {"mode": self.mode, "percentile": self.percentile}


def _percentile_of_nonzero(magnitude, percentile):
    """Percentile of the values above zero, linearly interpolated, ``(batch, 1, 1, 1)``.

    Sorting puts the zeros first, so that the percentile of the rest sits at a position
    that their number decides. (``ops.quantile`` cannot leave values out.)
    """
    shape = ops.shape(magnitude)
    flat = ops.sort(ops.reshape(magnitude, (shape[0], -1)), axis=1)
    total = shape[1] * shape[2] * shape[3]
    zeros = ops.sum(ops.cast(flat <= 0, "int32"), axis=1, keepdims=True)
    last = ops.maximum(total - zeros - 1, 0)
    position = ops.cast(last, "float32") * (percentile / 100)
    below = ops.cast(ops.floor(position), "int32")
    fraction = position - ops.cast(below, "float32")
    at = ops.minimum(zeros + below, total - 1)
    low = ops.take_along_axis(flat, at, axis=1)
    high = ops.take_along_axis(flat, ops.minimum(at + 1, total - 1), axis=1)
    return ops.reshape(low + (high - low) * fraction, (-1, 1, 1, 1))


@keras.saving.register_keras_serializable(package="keras_seismic")
class SectionRestoration(_Float32Layer):
    """A network's normalised section back to the amplitude of the raw section.

    Args:
        normalization: The ``SectionNormalization`` before the network.

    Call arguments: the normalised estimate and the raw section, both
    ``(batch, time, traces, channels)``.
    """

    def __init__(self, normalization, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(normalization, SectionNormalization):
            raise ValueError(
                "SectionRestoration: normalization must be a SectionNormalization, received "
                f"{type(normalization).__name__}"
            )
        self.normalization = normalization

    def build(self, estimate_shape, section_shape):
        self.normalization.build(section_shape)

    def call(self, estimate, section):
        return self.normalization.restore(estimate, section)

    def get_config(self):
        normalization = keras.saving.serialize_keras_object(self.normalization)
        return super().get_config() | {"normalization": normalization}

    @classmethod
    def from_config(cls, config):
        normalization = keras.saving.deserialize_keras_object(config["normalization"])
        return cls(**(config | {"normalization": normalization}))
