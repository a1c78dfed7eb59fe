"""Batch normalization in one operation per direction, where TensorFlow has it."""

import math
from typing import Any

import keras
from keras import layers, ops

from keras_seismic.types import Tensor

_FUSED_DTYPES = ("float32", "bfloat16", "float16")


# The name is Keras' because model files address a layer's weights by the name of its class.
@keras.saving.register_keras_serializable(package="keras_seismic")
class BatchNormalization(layers.BatchNormalization):
    """Keras' batch normalization, trained by TensorFlow's fused operation.

    Keras normalizes a batch by separate passes in float32, which take a third of InversionNet's
    training step on a processor and half of it in bfloat16 (docs/training_speed.md). This layer
    has the same arguments, weights and results, and reads half-precision maps as they are;
    statistics are float32 all the same.

    Whatever the fused operation cannot do is left to Keras: other backends, inference, and thus
    every export, maps whose channels are not last of four axes, float64, masks, renormalization
    and statistics synchronized between devices.

    Critics with a gradient penalty use ``TwiceDifferentiableBatchNormalization``.

    Args:
        **kwargs: As in ``keras.layers.BatchNormalization``.

    Input and output: ``(batch, height, width, channels)``, or any other shape that Keras takes.

    Example:
        >>> import numpy as np
        >>> maps = np.random.default_rng(0).normal(5, 3, (4, 8, 8, 2)).astype("float32")
        >>> y = BatchNormalization()(maps, training=True)
        >>> bool(abs(float(np.mean(y))) < 1e-5), bool(abs(float(np.std(y)) - 1) < 1e-3)
        (True, True)

    Reference:
        Ioffe, S. and Szegedy, C. (2015), Batch normalization: accelerating deep network training
        by reducing internal covariate shift, ICML.
    """

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Any:
        if training and self.trainable and mask is None and self._fusible(inputs):
            return self._fused(inputs)
        return super().call(inputs, training=training, mask=mask)

    def _fusible(self, inputs: Tensor) -> bool:
        return (
            keras.backend.backend() == "tensorflow"
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and keras.backend.standardize_dtype(inputs.dtype) in _FUSED_DTYPES
            and not (self.renorm or self.synchronized)
        )

    def _fused(self, inputs: Tensor) -> Tensor:
        import tensorflow as tf

        channels = inputs.shape[-1]
        gamma = ops.cast(self.gamma, "float32") if self.scale else tf.ones(channels)
        beta = ops.cast(self.beta, "float32") if self.center else tf.zeros(channels)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=gamma, offset=beta, mean=[], variance=[], epsilon=self.epsilon
        )
        # The operation returns the variance over n - 1; Keras averages the one over n.
        sizes = inputs.shape[:3]
        count = math.prod(sizes) if None not in sizes else tf.size(inputs) // channels
        count = tf.cast(count, tf.float32)
        variance *= (count - 1) / count
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            before = ops.cast(average, "float32")
            average.assign(before * self.momentum + value * (1 - self.momentum))
        return ops.cast(outputs, self.compute_dtype)
