"""Normalizations with correct second derivatives, for critics with a gradient penalty.

TensorFlow's ``tf.nn.moments``, behind Keras' own normalization layers, stops the gradient
at the mean inside the variance. First derivatives are unaffected, but the derivative of a
gradient penalty is not: with Keras' layers it is wrong by ten percent or more.
"""

from typing import Any

import keras
from keras import layers, ops

from keras_seismic.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class TwiceDifferentiableBatchNormalization(layers.BatchNormalization):
    """Keras' batch normalization with correct second derivatives; masks are not supported."""

    def _moments(self, inputs: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        return _moments(inputs, self._reduction_axes)


@keras.saving.register_keras_serializable(package="keras_seismic")
class SampleNormalization(layers.Layer):
    """Layer normalization of maps: zero mean and unit variance over all of a sample.

    Scale and offset are per channel, so that any map size works (group normalization with one
    group). Statistics are computed in at least float32.

    Args:
        epsilon: Added to the variance.

    Input and output: ``(batch, height, width, channels)``.

    Example:
        >>> import numpy as np
        >>> y = SampleNormalization()(np.random.default_rng(0).normal(5, 3, (2, 8, 8, 4)))
        >>> bool(abs(float(np.mean(y))) < 1e-5), bool(abs(float(np.std(y)) - 1) < 1e-3)
        (True, True)

    Reference:
        Ba, J. L. et al. (2016), Layer normalization.
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = float(epsilon)

    def build(self, input_shape: Shape) -> None:
        self.gamma = self.add_weight((input_shape[-1],), "ones", name="gamma")
        self.beta = self.add_weight((input_shape[-1],), "zeros", name="beta")

    def call(self, inputs: Tensor) -> Tensor:
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        mean, variance = _moments(x, (1, 2, 3), keepdims=True)
        gamma, beta = (ops.cast(weight, x.dtype) for weight in (self.gamma, self.beta))
        y = (x - mean) * ops.rsqrt(variance + self.epsilon) * gamma + beta
        return ops.cast(y, self.compute_dtype)

    def get_config(self) -> Config:
        return super().get_config() | {"epsilon": self.epsilon}


def _moments(x: Tensor, axes: tuple[int, ...], keepdims: bool = False) -> tuple[Tensor, Tensor]:
    mean = ops.mean(x, axis=axes, keepdims=True)
    variance = ops.mean(ops.square(x - mean), axis=axes, keepdims=keepdims)
    return mean if keepdims else ops.squeeze(mean, axes), variance
