"""Checks of models and examples before any exporting work."""

from typing import Any

import keras
import numpy as np

from keras_seismic.models.physical_units import predicting_network
from keras_seismic.models.velocity_with_spread import has_spread


def checked_model(model: keras.Model, function: str) -> keras.Model:
    """The part of a model that predicts, if it has one input and one output, or a spread beside it.

    Args:
        model: A functional or a built sequential model; for a ``VelocityGAN``, the generator
            is used.
        function: The caller, for the message.

    Returns:
        A functional model that takes a tensor and returns one, or a list of velocity and spread.

    Raises:
        ValueError: If the model is of another kind, was never built, or its input is not a
            floating-point tensor.
    """
    model = predicting_network(model)
    inputs, outputs = (getattr(model, name, None) or () for name in ("inputs", "outputs"))
    name = f"{type(model).__name__} {getattr(model, 'name', '')!r}"
    if not inputs or not outputs:
        raise ValueError(
            f"{function}: expected a functional model, keras.Model(inputs, outputs), or a built "
            f"Sequential one, received {name}, which has no inputs of its own"
        )
    spread = has_spread(model)
    if len(inputs) != 1 or len(outputs) != 1 + spread:
        raise ValueError(
            f"{function}: expected a model with one input and one output (or velocity and spread), "
            f"received {name} with {len(inputs)} and {len(outputs)}"
        )
    if "float" not in str(inputs[0].dtype):
        raise ValueError(
            f"{function}: expected a model of floating-point amplitudes, received {name}, whose "
            f"input {inputs[0].name!r} is {inputs[0].dtype}"
        )
    if spread:
        return model
    if not all(isinstance(value, keras.KerasTensor) for value in (model.input, model.output)):
        return keras.Model(inputs[0], outputs[0], name=model.name)  # not in a list or dict
    return model


def checked_examples(examples: Any, model: keras.Model, argument: str) -> np.ndarray:
    """Inputs of a model as float32 ``(samples, ...)``.

    Args:
        examples: What the user passed.
        model: The model they are for.
        argument: Their name in messages: ``"export_onnx: inputs"``.

    Raises:
        ValueError: If there are none, they are not finite real numbers, or their shape is not
            that of the model's input.
    """
    given = np.asarray(examples)
    if given.dtype.kind not in "iuf":
        raise ValueError(f"{argument} must be real numbers, received {given.dtype}")
    shape = model.inputs[0].shape
    fits = given.ndim == len(shape) and all(
        size in (None, n) for n, size in zip(given.shape[1:], shape[1:], strict=True)
    )
    if not fits or not given.size:
        expected = "".join(", any" if n is None else f", {n}" for n in shape[1:])
        raise ValueError(
            f"{argument} must be raw inputs (samples{expected}), at least one, received shape "
            f"{given.shape}"
        )
    with np.errstate(over="ignore"):  # to infinity
        samples = given.astype(np.float32)
    if not np.isfinite(samples).all():
        raise ValueError(f"{argument} must be finite in float32, received NaN or infinity")
    return samples
