"""Transfer learning: continue with a trained network on a few pairs of other data.

Encoder and head are found by the names of layers, as this package's networks have them:
``encoder_1...``, ``encoder_2...`` and then ``vector`` or ``bottom`` are the encoder's stages from
the data inward, and ``head...`` is the head (without such a name, the last layer with weights).
A network with other names lists them in two attributes::

    class Mine(keras.Model):
        encoder_stages = (("stem",), ("block_1", "block_2"))  # beginnings of layer names
        head_layers = ("classifier",)
"""

import math
import operator
import re
from collections.abc import Iterable

import keras

from keras_seismic.training.layerwise_rates import begins_with

_STAGE = re.compile(r"encoder_(\d+)(?!\d)")
_INNERMOST = ("vector", "bottom")


def encoder_stages(network: keras.Model) -> list[list[keras.layers.Layer]]:
    """The encoder's layers with weights, stage by stage from the data inward.

    Raises:
        ValueError: If the network has no encoder that could be recognized.

    Example:
        >>> from keras_seismic.models import InversionNet
        >>> stages = encoder_stages(InversionNet((64, 8, 1), (16, 16), filters=1))
        >>> len(stages), stages[0][0].name, stages[-1][0].name
        (8, 'encoder_1_convolution', 'vector_convolution')
    """
    layers = [layer for layer in network.layers if layer.weights]
    declared = getattr(network, "encoder_stages", None)
    if declared is not None:
        stages = [[x for x in layers if _named(x, names)] for names in declared]
        for names, stage in zip(declared, stages, strict=True):
            if not stage:
                raise ValueError(
                    f"{type(network).__name__}.encoder_stages names {names}, but no layer with "
                    "weights has such a name"
                )
        return stages
    numbered: dict[int, list[keras.layers.Layer]] = {}
    for layer in layers:
        if match := _STAGE.match(layer.name):
            numbered.setdefault(int(match[1]), []).append(layer)
    if not numbered:
        raise ValueError(
            f"transfer learning: {type(network).__name__} {network.name!r} has no layers called "
            "encoder_1..., encoder_2... and no attribute encoder_stages that names others"
        )
    innermost = [layer for layer in layers if _named(layer, _INNERMOST)]
    return [numbered[n] for n in sorted(numbered)] + ([innermost] if innermost else [])


def freeze_encoder(network: keras.Model, depth: int | None = None) -> int:
    """Keep the encoder, or its first stages, as they are while the rest is trained.

    Frozen batch normalization uses its moving statistics and leaves them alone. Deeper stages
    that were frozen before are trained again, so that ``depth=0`` undoes it. Call it before
    ``compile``: a compiled network trains as before.

    Args:
        network: The network, changed in place.
        depth: Stages to freeze, from the data inward; by default all. ``InversionNet`` has 8
            (the last makes the vector), ``FCNVMB`` 5.

    Returns:
        Number of parameters that are still trained.

    Raises:
        ValueError: If the encoder has fewer stages, or cannot be recognized.

    Example:
        >>> from keras_seismic.models import InversionNet
        >>> network = InversionNet((64, 8, 1), (16, 16), filters=1)
        >>> freeze_encoder(network), freeze_encoder(network, depth=0)
        (6243, 9015)
    """
    stages = encoder_stages(network)
    depth = len(stages) if depth is None else operator.index(depth)
    if not 0 <= depth <= len(stages):
        raise ValueError(
            f"freeze_encoder: {type(network).__name__} has {len(stages)} encoder stages; expected "
            f"a depth of 0 to {len(stages)}, received {depth}"
        )
    for number, stage in enumerate(stages):
        for layer in stage:
            layer.trainable = number >= depth
    return sum(int(keras.ops.size(weight)) for weight in network.trainable_weights)


def encoder_multipliers(network: keras.Model, multiplier: float) -> dict[str, float]:
    """A multiplier for each layer of the encoder that is trained, for ``LayerwiseAdamW``.

    Args:
        network: Its frozen layers get none.
        multiplier: Of the learning rate.

    Raises:
        ValueError: If the multiplier is negative or not finite, or there is no encoder.

    Example:
        >>> from keras_seismic.models import InversionNet
        >>> from keras_seismic.training import LayerwiseAdamW
        >>> network = InversionNet((64, 8, 1), (16, 16), filters=1)
        >>> optimizer = LayerwiseAdamW(1e-3, multipliers=encoder_multipliers(network, 0.1))
    """
    if not 0 <= multiplier < math.inf:
        raise ValueError(
            f"encoder_multipliers: expected a number of at least 0, received {multiplier}"
        )
    layers = [layer for stage in encoder_stages(network) for layer in stage]
    return {layer.name: multiplier for layer in layers if layer.trainable_weights}


def head_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers of the head, which turns the decoder's last map into the output."""
    layers = [layer for layer in network.layers if layer.weights]
    names = getattr(network, "head_layers", ("head",))
    head = [layer for layer in layers if _named(layer, names)]
    if not head and hasattr(network, "head_layers"):
        raise ValueError(
            f"{type(network).__name__}.head_layers names {names}, but no layer with weights has "
            "such a name"
        )
    return head or layers[-1:]


def reset_head(network: keras.Model) -> list[str]:
    """Give the head's layers new weights, as if just created.

    For data whose output means something else or lies in another range. The weights follow
    ``keras.utils.set_random_seed``.

    Args:
        network: The network, changed in place.

    Returns:
        The names of the layers.

    Example:
        >>> from keras_seismic.models import InversionNet
        >>> reset_head(InversionNet((64, 8, 1), (16, 16), filters=1))
        ['head_convolution', 'head_batch_norm']
    """
    layers = head_layers(network)
    for layer in layers:
        # Made anew: an initializer gives the same numbers when called again.
        fresh = type(layer).from_config(layer.get_config())
        fresh.build(layer.input.shape)
        layer.set_weights(fresh.get_weights())
    return [layer.name for layer in layers]


def _named(layer: keras.layers.Layer, beginnings: Iterable[str]) -> bool:
    return any(begins_with(layer.name, beginning) for beginning in beginnings)


def copy_weights(source: keras.Model, target: keras.Model) -> float:
    """Give a network the weights of another of its kind, layer by layer where their shapes agree.

    So a network goes on with another acquisition or size of the velocity model; layers whose
    weights depend on it begin anew.

    Args:
        source: The trained network.
        target: The network to be trained, changed in place.

    Returns:
        The fraction of the target's parameters that come from the source.

    Example:
        >>> from keras_seismic.models import InversionNet
        >>> two, one = (InversionNet((64, 8, shots), (16, 16), filters=1) for shots in (2, 1))
        >>> 0.9 < copy_weights(two, one) < 1
        True
    """
    given = {layer.name: layer.get_weights() for layer in source.layers}
    copied = 0
    for layer in target.layers:
        weights = given.get(layer.name, [])
        if layer.weights and [w.shape for w in weights] == [w.shape for w in layer.weights]:
            layer.set_weights(weights)
            copied += layer.count_params()
    return copied / target.count_params()
