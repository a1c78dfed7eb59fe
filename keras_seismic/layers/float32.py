"""The base of layers that compute in float32 whatever the policy."""

import keras


class Float32Layer(keras.layers.Layer):
    """A layer without weights that computes in float32 whatever the policy."""

    def __init__(self, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def compute_output_spec(self, inputs, *args, **kwargs):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype="float32")
