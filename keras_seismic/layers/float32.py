"""The base of layers that compute in float32 whatever the policy."""

from typing import Any

import keras

from keras_seismic.types import Shape, Tensor


class Float32Layer(keras.layers.Layer):
    """A layer without weights that computes in float32 whatever the policy."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def compute_output_spec(self, inputs: Tensor, *args: Any, **kwargs: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype="float32")
