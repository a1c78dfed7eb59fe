"""Networks with the layers that converters handle well."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_seismic.models.physical_units import PhysicalUnitsModel


def with_convertible_layers(model: keras.Model) -> keras.Model:
    """The same function, with other layers where converters are inefficient.

    - A transposed convolution of stride 1 is an ordinary one with a flipped kernel, but for inputs
      of any size, converters add a dozen operators that compute its output size.
    - Nearest-neighbor upsampling becomes one resize instead of copies that are rearranged.

    Args:
        model: A functional model; its other layers are shared, not copied.

    Returns:
        The new model, or the model itself if there is nothing to replace.
    """
    if isinstance(model, PhysicalUnitsModel):
        network = with_convertible_layers(model.network)
        return model if network is model.network else model.around(network)
    if not any(_is_replaced(layer) for layer in model.layers):
        return model
    convolutions: list[tuple[layers.Conv2D, layers.Conv2DTranspose]] = []

    def replacement(layer: layers.Layer) -> layers.Layer:
        if not _is_replaced(layer):
            return layer
        if isinstance(layer, layers.UpSampling2D):
            return Repetition(layer.size, name=layer.name, dtype=layer.dtype_policy)
        convolution = layers.Conv2D(
            layer.filters,
            layer.kernel_size,
            padding=layer.padding,
            activation=layer.activation,
            use_bias=layer.use_bias,
            name=layer.name,
            dtype=layer.dtype_policy,
        )
        convolutions.append((convolution, layer))
        return convolution

    copy = keras.models.clone_model(model, clone_function=replacement)
    for convolution, transposed in convolutions:
        kernel, *bias = transposed.get_weights()
        convolution.set_weights([kernel[::-1, ::-1].transpose(0, 1, 3, 2), *bias])
    return copy


class Repetition(layers.Layer):
    """Cells repeated along height and width, as ``UpSampling2D`` does, in TensorFlow.

    Args:
        size: Number of copies along each axis.
    """

    def __init__(self, size: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = tuple(size)

    def call(self, inputs: Any) -> Any:
        import tensorflow as tf

        # ops.image.resize does not take unknown sizes, and ONNX dropped its half pixels.
        size = tf.shape(inputs)[1:3] * tf.constant(self.size)
        if None not in inputs.shape[1:3]:
            size = [n * k for n, k in zip(inputs.shape[1:3], self.size, strict=True)]
        return tf.raw_ops.ResizeNearestNeighbor(images=inputs, size=size)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        batch, *sizes, channels = input_shape
        grown = (None if n is None else n * k for n, k in zip(sizes, self.size, strict=True))
        return (batch, *grown, channels)


def _is_replaced(layer: layers.Layer) -> bool:
    if getattr(layer, "data_format", None) != "channels_last":
        return False
    if type(layer) is layers.UpSampling2D:
        return bool(layer.interpolation == "nearest")
    return bool(
        type(layer) is layers.Conv2DTranspose
        and layer.strides == (1, 1)
        and layer.dilation_rate == (1, 1)
        and layer.output_padding is None
        and (
            layer.kernel_size == (1, 1)
            or (layer.padding == "same" and all(size % 2 for size in layer.kernel_size))
        )
    )
