"""A velocity network that also says how far off it may be."""

from typing import Any, Self

import keras
from keras import layers

from keras_seismic.checks import checked_size
from keras_seismic.models.network import Network
from keras_seismic.types import Config, Shape, Tensor

#: The fraction of cells whose true velocity lies within velocity - spread to velocity + spread.
COVERAGE = 0.9

#: Name of the second output.
SPREAD = "spread"


@keras.saving.register_keras_serializable(package="keras_seismic")
class PlaceBias(layers.Layer):
    """Adds a number for each row and one for each column: what the place alone says.

    Input and output: ``(batch, depth, width, channels)``.
    """

    def build(self, input_shape: Shape) -> None:
        _, depth, width, channels = input_shape
        for name, shape in (("rows", (depth, 1, channels)), ("columns", (1, width, channels))):
            setattr(self, name, self.add_weight(shape=shape, initializer="zeros", name=name))

    def call(self, inputs: Tensor) -> Tensor:
        return inputs + (self.rows + self.columns)


@keras.saving.register_keras_serializable(package="keras_seismic")
class VelocityWithSpread(Network):
    """An inversion network with a second output, the spread of its velocity.

    The spread is the half-width of a 90 % interval: velocity ± spread holds the true velocity in
    90 % of the cells. It is made by a small convolutional head from the last maps of the network
    and its velocity. The network's layers are shared, not copied, and its velocity is what it was:
    ``ks.training.fit_spread`` trains the head alone, and calibrates it.

    The head computes in float32, whatever the precision of the network.

    Args:
        network: Of one input and one output, ``(batch, depth, width, 1)`` with known sizes, by a
            last convolution that keeps the size of its maps. The head takes those maps.
        filters: Channels of the head.
        largest: The head's upper limit, in units of the network's output; 2 is the whole range of
            a network whose output is in [-1, 1].

    Input: that of the network. Outputs: its velocity, and ``spread`` of the same shape, in the
    same units.

    Raises:
        ValueError: If the network is not as above, or a number is not positive.

    Example:
        >>> from keras_seismic.models import InversionNet
        >>> model = VelocityWithSpread(InversionNet((64, 8, 1), (16, 16), filters=1), filters=2)
        >>> model.output_names, model.output_shape[1]
        (['velocity', 'spread'], (None, 16, 16, 1))
    """

    def __init__(
        self, network: keras.Model, filters: int = 16, largest: float = 2.0, **kwargs: Any
    ) -> None:
        (filters,) = checked_size((filters,), 1, "VelocityWithSpread: filters", minimum=1)
        if not 0 < largest < float("inf"):
            raise ValueError(f"VelocityWithSpread: largest must be positive, received {largest}")
        features = _last_maps(network)
        velocity = network.outputs[0]
        head = _head(features.shape, velocity.shape, filters, float(largest))
        super().__init__(network.inputs[0], [velocity, head([features, velocity])], **kwargs)
        self.network = network
        self.filters = filters
        self.largest = float(largest)
        self.head = head
        self.features = keras.Model(network.inputs[0], [features, velocity], name="features")

    @property
    def policy(self) -> str:  # type: ignore[override]
        """The dtype policy of the network."""
        return str(getattr(self.network, "policy", "float32"))

    def around(self, network: keras.Model) -> "VelocityWithSpread":
        """The same head on another form of the same network, in another precision for example."""
        copy = VelocityWithSpread(network, self.filters, self.largest, name=self.name)
        copy.head.set_weights(self.head.get_weights())
        return copy

    def get_config(self) -> Config:
        return {
            "network": keras.saving.serialize_keras_object(self.network),
            "filters": self.filters,
            "largest": self.largest,
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: dict[str, Any] | None = None) -> Self:
        network = keras.saving.deserialize_keras_object(
            config["network"], custom_objects=custom_objects
        )
        return cls(**{**config, "network": network})


def has_spread(model: keras.Model) -> bool:
    """Whether a model's outputs are a velocity and its spread."""
    return list(getattr(model, "output_names", None) or ())[1:] == [SPREAD]


def _last_maps(network: keras.Model) -> Tensor:
    """The tensor that enters a network's last convolution, if it has the output's size."""
    name = f"VelocityWithSpread: {getattr(network, 'name', network)}"
    inputs: Any = getattr(network, "inputs", None) or ()
    outputs: Any = getattr(network, "outputs", None) or ()
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            f"{name}: expected a functional network with one input and one output, received "
            f"{len(inputs)} and {len(outputs)}"
        )
    (velocity,) = outputs
    if len(velocity.shape) != 4 or velocity.shape[-1] != 1 or None in velocity.shape[1:]:
        raise ValueError(
            f"{name}: expected an output (depth, width, 1) of known sizes, received "
            f"{tuple(velocity.shape[1:])}"
        )
    maps, operation = velocity, None
    while getattr(operation, "kernel", None) is None:
        operation, node, _ = maps._keras_history
        given = operation._inbound_nodes[node].input_tensors
        maps = given[0] if len(given) == 1 else None
        if maps is None or maps.shape[1:3] != velocity.shape[1:3]:
            raise ValueError(
                f"{name}: expected a last convolution that keeps the size of its maps (depth, "
                f"width, channels), and after it layers of one input; received {operation.name}"
            )
    return maps


def _head(features: Shape, velocity: Shape, filters: int, largest: float) -> keras.Model:
    """From the last maps and the velocity to the spread."""
    given = [keras.Input(features[1:], name="maps"), keras.Input(velocity[1:], name="velocity")]
    x = layers.Concatenate(name="joined", dtype="float32")(given)
    for number, size in ((1, 3), (2, 5)):
        x = layers.Conv2D(
            filters, size, padding="same", activation="leaky_relu", name=f"convolution_{number}",
            dtype="float32",
        )(x)  # fmt: skip
    x = layers.Conv2D(1, 1, name="logit_convolution", dtype="float32")(x)
    x = PlaceBias(name="place", dtype="float32")(x)
    x = layers.Activation("sigmoid", name="fraction", dtype="float32")(x)
    x = layers.Rescaling(largest, name="half_width", dtype="float32")(x)
    return keras.Model(given, x, name=SPREAD)
