"""Networks whose weights are constants of a graph."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_seismic.models.physical_units import PhysicalUnitsModel
from keras_seismic.models.velocity_with_spread import has_spread


def with_constants(model: keras.Model) -> keras.Model:
    """The same function without variables, for TensorFlow.

    A runtime may fold, transpose and pack constants once; variables it has to read anew at every
    call. The network becomes one function of the graph, so that signatures share its weights.

    Args:
        model: A functional model with one input and one output, or velocity and spread.
    """
    if isinstance(model, PhysicalUnitsModel):
        return model.around(with_constants(model.network))
    inputs = keras.Input(model.inputs[0].shape[1:], name=model.inputs[0].name)
    if not has_spread(model):
        outputs = _Graph(model, name=model.output_names[0])(inputs)
        return keras.Model(inputs, outputs, name=model.name)
    found = zip(model.output_names, _Graph(model)(inputs), strict=True)
    outputs = [keras.layers.Identity(name=name)(x) for name, x in found]  # an output's name
    return keras.Model(inputs, outputs, name=model.name)


class _Graph(keras.layers.Layer):
    """A network as a function of a graph.

    Args:
        model: The network; its weights are copied.
    """

    def __init__(self, model: keras.Model, **kwargs: Any) -> None:
        import tensorflow as tf
        from tensorflow.python.framework.convert_to_constants import (
            convert_variables_to_constants_v2,
        )

        super().__init__(**kwargs)
        self._sizes = [tuple(output.shape) for output in model.outputs]
        spec = tf.TensorSpec((None, *model.inputs[0].shape[1:]), tf.float32)
        traced = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
        self._function = convert_variables_to_constants_v2(traced)

    def call(self, inputs: Any) -> Any:
        outputs = self._function(inputs)
        return outputs if len(outputs) > 1 else outputs[0]

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        return self._sizes if len(self._sizes) > 1 else self._sizes[0]
