"""Models rebuilt to compute in another precision."""

from typing import Any

import keras

from keras_seismic.models.physical_units import PhysicalUnitsModel, predicting_network
from keras_seismic.models.velocity_with_spread import VelocityWithSpread

#: Floating-point types besides the one that is exported.
_OTHERS = ("float16", "bfloat16", "float64")


def in_float32(model: keras.Model) -> keras.Model:
    """The model rebuilt in float32 with the same weights, for runtimes that need it.

    A model whose layers all compute in float32 is returned unchanged; for a ``VelocityGAN``, the
    generator is used.

    Raises:
        ValueError: If a layer computes in another precision and cannot be rebuilt.
    """
    model = predicting_network(model)
    if isinstance(model, PhysicalUnitsModel | VelocityWithSpread):
        network = in_float32(model.network)
        return model if network is model.network else model.around(network)
    if not _in_other_precision(model):
        return model
    try:
        copy = _rebuilt_in_float32(model)
        if left := _in_other_precision(copy):
            raise ValueError(f"so do its rebuilt layers: {left}")
    except Exception as error:  # whatever a layer's constructor raises
        raise ValueError(
            f"in_float32: {model.name} computes in another precision and cannot be rebuilt in "
            f"float32 ({error}); make it with dtype='float32' and copy its weights"
        ) from error
    return copy


def in_precision(model: PhysicalUnitsModel, dtype: str) -> PhysicalUnitsModel:
    """The model with a network that computes in another precision, to go on training it.

    Args:
        model: Returned as it is if its network is not one of this package's. No layer of the new
            one is frozen.
        dtype: Keras dtype policy of the network.
    """
    network = model.network
    plain = network.network if isinstance(network, VelocityWithSpread) else network
    if getattr(plain, "policy", dtype) == dtype:
        return model
    copy = type(plain).from_config(plain.get_config() | {"dtype": dtype})
    copy.set_weights(plain.get_weights())
    return model.around(copy if plain is network else network.around(copy))


def _in_other_precision(model: keras.Model) -> str:
    """The first three layers that do not compute in float32, as text; ``""`` if there are none."""
    containers = (keras.Model, keras.layers.InputLayer)  # these compute nothing
    found = [
        f"{layer.name} ({layer.compute_dtype})"
        for layer in model._flatten_layers(include_self=False)
        if not isinstance(layer, containers) and layer.compute_dtype in _OTHERS
    ]
    return ", ".join(found[:3])


def _rebuilt_in_float32(model: keras.Model) -> keras.Model:
    config = model.get_config()
    if isinstance(config.get("dtype"), str):  # a network that passes it on to its layers
        copy = type(model).from_config(config | {"dtype": "float32"})
        copy.set_weights(model.get_weights())
        return copy
    pairs: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def anew(layer: Any) -> Any:
        if isinstance(layer, keras.Model):
            return in_float32(layer)
        if not isinstance(layer, keras.layers.Layer):  # an operation, without a precision
            return layer
        pairs.append((type(layer).from_config(_float32_config(layer.get_config())), layer))
        return pairs[-1][0]

    given = model.inputs
    x = None  # by default, all of the same types
    if len(given) == 1:
        x = keras.Input(batch_shape=given[0].shape, name=given[0].name, dtype="float32")
    copy = keras.models.clone_model(model, input_tensors=x, clone_function=anew)
    for new, layer in pairs:
        new.set_weights(layer.get_weights())
    return copy


def _float32_config(config: Any) -> Any:
    """The configuration of a layer and of the layers within it, for float32."""
    if isinstance(config, list | tuple):
        return type(config)(map(_float32_config, config))
    if not isinstance(config, dict):
        return config
    return {
        key: "float32"
        if key == "dtype" and (not isinstance(value, str) or "float" in value)
        else _float32_config(value)
        for key, value in config.items()
    }
