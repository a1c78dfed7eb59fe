"""Normalization of seismic sections by their own amplitude, and back."""

from typing import Any, Self

import keras
from keras import ops

from keras_seismic.checks import checked_choice
from keras_seismic.layers.float32 import Float32Layer
from keras_seismic.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class SectionNormalization(Float32Layer):
    """Raw amplitudes of sections to about [-1, 1] (or [0, 1]), each section by its own amplitude.

    - ``"maximum"``: divide by the largest absolute amplitude.
    - ``"percentile"``: divide by a percentile of the nonzero absolute amplitudes and clip
      to [-1, 1]. Robust against spikes; dead traces do not count. ``percentile=90`` keeps
      the central 90 % of a symmetric distribution.
    - ``"rms"``: divide by the root mean square of the nonzero amplitudes, and clip nothing:
      for networks whose output is proportional to their input (``BlindDenoiser``).
    - ``"range"``: ``(x - min) / (max - min)``, into [0, 1]. For comparison only: it moves
      the zero line with the noise. Against reports it trains, but reaches 11.6 dB where
      ``"maximum"`` reaches 12.6 (docs/denoiser_study.md).

    An all-zero section (a constant one, for ``"range"``) stays zero.

    Args:
        mode: ``"maximum"``, ``"percentile"``, ``"rms"`` or ``"range"``.
        percentile: Percentile for ``"percentile"``, in (0, 100].

    Input and output: ``(batch, time, traces, channels)``.

    Raises:
        ValueError: If the mode is unknown or the percentile out of range.

    Example:
        >>> import numpy as np
        >>> section = np.array([0.0, -4.0, 2.0], "float32").reshape(1, 3, 1, 1)
        >>> layer = SectionNormalization()
        >>> [float(x) for x in ops.convert_to_numpy(layer(section)).ravel()]
        [0.0, -1.0, 0.5]
        >>> [float(x) for x in ops.convert_to_numpy(layer.restore(layer(section), section)).ravel()]
        [0.0, -4.0, 2.0]
    """

    def __init__(self, mode: str = "maximum", percentile: float = 99.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        checked_choice(
            mode, ("maximum", "percentile", "rms", "range"), "SectionNormalization: mode"
        )
        if not 0 < percentile <= 100:
            raise ValueError(
                f"SectionNormalization: percentile must be in (0, 100], received {percentile}"
            )
        self.mode, self.percentile = mode, float(percentile)

    def statistics(self, section: Tensor) -> tuple[Tensor, Tensor]:
        """Offset and scale of each section: ``normalized = (section - offset) / scale``.

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
            elif self.mode == "rms":
                # Relative to the largest amplitude, whose square may be too large or too small.
                relative = magnitude / ops.where(scale > 0, scale, ops.ones_like(scale))
                live = ops.sum(ops.cast(magnitude > 0, "float32"), axis=axes, keepdims=True)
                total = ops.sum(ops.square(relative), axis=axes, keepdims=True)
                scale = scale * ops.sqrt(total / ops.maximum(live, 1.0))
        return offset, ops.where(scale > 0, scale, ops.ones_like(scale))

    def call(self, inputs: Tensor) -> Tensor:
        offset, scale = self.statistics(inputs)
        x = (ops.cast(inputs, "float32") - offset) / scale
        return ops.clip(x, -1.0, 1.0) if self.mode == "percentile" else x

    def restore(self, normalized: Tensor, section: Tensor) -> Tensor:
        """Back to raw amplitudes.

        Args:
            normalized: Amplitudes in normalized units, ``(batch, time, traces, channels)``.
            section: The raw section that gives the statistics.

        Returns:
            float32, in the shape of ``normalized``. Amplitudes clipped by ``"percentile"``
            stay clipped.
        """
        offset, scale = self.statistics(section)
        return ops.cast(normalized, "float32") * scale + offset

    def get_config(self) -> Config:
        return super().get_config() | {"mode": self.mode, "percentile": self.percentile}


def _percentile_of_nonzero(magnitude: Tensor, percentile: float) -> Tensor:
    """Percentile of the values above zero, linearly interpolated, ``(batch, 1, 1, 1)``.

    Sorting puts the zeros first, so their number gives the position of the rest's percentile.
    (``ops.quantile`` cannot leave out values.)
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
class SectionRestoration(Float32Layer):
    """A network's normalized output back to the amplitudes of the raw section.

    Args:
        normalization: The ``SectionNormalization`` before the network.

    Call arguments: the normalized estimate and the raw section, both
    ``(batch, time, traces, channels)``.
    """

    def __init__(self, normalization: SectionNormalization, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(normalization, SectionNormalization):
            raise ValueError(
                "SectionRestoration: normalization must be a SectionNormalization, received "
                f"{type(normalization).__name__}"
            )
        self.normalization = normalization

    def build(self, estimate_shape: Shape, section_shape: Shape) -> None:
        self.normalization.build(section_shape)

    def call(self, estimate: Tensor, section: Tensor) -> Tensor:
        return self.normalization.restore(estimate, section)

    def get_config(self) -> Config:
        normalization = keras.saving.serialize_keras_object(self.normalization)
        return super().get_config() | {"normalization": normalization}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        normalization = keras.saving.deserialize_keras_object(config["normalization"])
        return cls(**(config | {"normalization": normalization}))
