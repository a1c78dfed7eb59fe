"""The functions that a SavedModel offers: layouts, and checks inside the graph."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_seismic.models.physical_units import PhysicalUnitsModel

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Signature:
    """One named function of a SavedModel.

    Attributes:
        name: ``serving_default``, ``openfwi`` or ``normalized``.
        input_spec: Name and shape of its input.
        function: From a tensor to ``{output name: tensor}``.
        example: From what ``serving_default`` takes to what this one takes, arrays.
    """

    name: str
    input_spec: keras.InputSpec
    function: Callable[[Any], dict[str, Any]]
    example: Callable[[np.ndarray], np.ndarray]


def signatures_of(model: keras.Model) -> list[Signature]:
    """The signatures that a model is served by.

    - ``serving_default``: the model as it is, in Keras' layout;
    - ``openfwi``, of models with gathers in and velocity out: gathers ``(batch, shots, time,
      receivers)`` in, velocity ``(batch, 1, depth, width)`` out, as OpenFWI's files have them;
    - ``normalized``, of models in physical units: the network without them.

    Each refuses what has another shape or is not finite, with an error that names the input.

    Args:
        model: A float32 model with one input and one output.
    """
    found = [_signature("serving_default", model, model.inputs[0].shape[1:], lambda x: x)]
    if not isinstance(model, PhysicalUnitsModel):
        return found
    if model.predicts_velocity:
        time, receivers, shots = model.inputs[0].shape[1:]
        found.append(
            _signature(
                "openfwi",
                model,
                (shots, time, receivers),
                lambda x: np.moveaxis(x, -1, 1),
                before=lambda x: keras.ops.transpose(x, (0, 2, 3, 1)),
                after=lambda x: keras.ops.transpose(x, (0, 3, 1, 2)),
            )
        )

    def normalized(x):
        return keras.ops.convert_to_numpy(model.input_normalization(x))

    network = model.network
    return [*found, _signature("normalized", network, network.inputs[0].shape[1:], normalized)]


def _signature(name, model, shape, example, before=lambda x: x, after=lambda x: x) -> Signature:
    argument, output = model.inputs[0].name, model.output_names[0]

    def function(inputs):
        return {output: after(model(before(checked(inputs, argument, shape)), training=False))}

    spec = keras.InputSpec(shape=(None, *shape), dtype="float32", name=argument)
    return Signature(name, spec, function, example)


def checked(inputs: "tf.Tensor", name: str, shape: tuple) -> "tf.Tensor":
    """The inputs, if they have the shape and are finite; else the graph raises, with words.

    Args:
        inputs: A tensor.
        name: What it is called.
        shape: Its shape without the batch, ``None`` for any size.
    """
    import tensorflow as tf

    text = ", ".join("any" if size is None else str(size) for size in shape)
    # TensorFlow believes the shape that the signature declares, and would leave out the checks
    # that it implies; but servers feed what they are sent.
    received = tf.shape(tf.raw_ops.PlaceholderWithDefault(input=inputs, shape=None))
    expected = [-1, *(-1 if size is None else size for size in shape)]
    # Sizes of another rank are cut or filled up, so that they can be compared at all.
    sizes = tf.concat([received, tf.fill([len(expected)], -2)], 0)[: len(expected)]
    fits = tf.reduce_all((sizes == expected) | ((tf.constant(expected) == -1) & (sizes > 0)))
    fits &= tf.size(received) == len(expected)
    message = f"{name}: expected shape (batch, {text}), received"
    with tf.control_dependencies([tf.debugging.Assert(fits, [message, received], summarize=9)]):
        inputs = tf.identity(inputs)
    return tf.debugging.check_numerics(inputs, f"{name}: expected finite amplitudes, received")
