"""Cropping to the size of another tensor."""

import keras
from keras import ops

from keras_seismic.types import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class CropLike(keras.layers.Layer):
    """Keep the upper left part of a tensor, the size of a reference.

    For decoders whose output is too large when the input's size is not a multiple of what the
    encoder pooled; works for sizes known only when the model runs.

    Call arguments: ``x`` and ``reference``, both ``(batch, height, width, channels)``.
    """

    def call(self, x: Tensor, reference: Tensor) -> Tensor:
        shape = ops.shape(reference)
        return x[:, : shape[1], : shape[2], :]

    def compute_output_shape(self, x_shape: Shape, reference_shape: Shape) -> Shape:
        return (x_shape[0], *reference_shape[1:3], x_shape[3])

    def compute_output_spec(self, x: Tensor, reference: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(x.shape, reference.shape), x.dtype)
