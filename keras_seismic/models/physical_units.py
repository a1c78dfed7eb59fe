"""A network with the layers that connect it to physical units."""

from typing import Any, Self

import keras

from keras_seismic.layers import (
    ClassProbabilities,
    GatherPreparation,
    SectionNormalization,
    SectionRestoration,
)
from keras_seismic.models.physics_guided import PhysicsGuidedModel
from keras_seismic.models.velocity_gan import VelocityGAN
from keras_seismic.models.velocity_with_spread import SPREAD, VelocityWithSpread, has_spread
from keras_seismic.simulation import Acquisition


@keras.saving.register_keras_serializable(package="keras_seismic")
class PhysicalUnitsModel(keras.Model):
    """The model to save, serve and share: raw amplitudes in, m/s or amplitudes out.

    Made by ``ks.models.with_physical_units``. A functional model like any other; its input and
    output have the network's names and shapes (the input has the acquisition's shape if samples
    are dropped before the network). Around a ``VelocityWithSpread`` it returns velocity and spread,
    both in m/s.

    Attributes:
        network: The network, which works in [-1, 1].
        input_normalization: The layer before it.
        output_scaling: The layer after it, ``None`` for a denoiser, ``ClassProbabilities`` for
            masks and classes.
        acquisition: The experiment that the network was trained for, or ``None``.
    """

    def __init__(
        self,
        network: keras.Model,
        input_normalization: keras.layers.Layer,
        output_scaling: keras.layers.Layer | None = None,
        acquisition: Acquisition | None = None,
        **kwargs: Any,
    ) -> None:
        spread = output_scaling is not None and has_spread(network)
        if len(network.inputs) != 1 or len(network.outputs) != 1 + spread:
            raise ValueError(
                "with_physical_units: the network must have one input and one output (or velocity "
                f"and spread), received {len(network.inputs)} and {len(network.outputs)}"
            )
        shape, names = network.inputs[0].shape[1:], (network.inputs[0].name, *network.output_names)
        recorded = shape if acquisition is None else acquisition.gather_shape
        if acquisition is not None and isinstance(input_normalization, GatherPreparation):
            input_normalization.check_sampling(acquisition.dt)
        raw = keras.Input(recorded, name=names[0], dtype="float32")
        x = _copy(input_normalization, "input_normalization")(raw)
        if tuple(x.shape[1:]) != tuple(shape):
            source = "the acquisition records" if acquisition else "without an acquisition it gets"
            raise ValueError(
                "with_physical_units: the network takes gathers (time, receivers, shots) of "
                f"{tuple(shape)}, but {source} {tuple(recorded)}, of which input_normalization "
                f"makes {tuple(x.shape[1:])}"
            )
        x = network(x)
        if output_scaling is None:
            restoration = SectionRestoration(input_normalization, name=names[1])
            output = restoration(x, raw)
        elif spread:
            rescaling = keras.layers.Rescaling(output_scaling.scale, name=SPREAD, dtype="float32")
            output = [_copy(output_scaling, names[1])(x[0]), rescaling(x[1])]
        else:
            output = _copy(output_scaling, names[1])(x)
        super().__init__(raw, output, **kwargs)
        self.network = network
        self.input_normalization = input_normalization
        self.output_scaling = output_scaling
        self.acquisition = acquisition

    @property
    def predicts_velocity(self) -> bool:
        """Whether the output is velocity in m/s."""
        return self.output_scaling is not None and not self.predicts_classes

    @property
    def predicts_classes(self) -> bool:
        """Whether the output is probabilities; if neither, it has the input's units."""
        return isinstance(self.output_scaling, ClassProbabilities)

    def around(self, network: keras.Model) -> "PhysicalUnitsModel":
        """The same layers around another network."""
        return PhysicalUnitsModel(
            network, self.input_normalization, self.output_scaling, self.acquisition
        )

    def get_config(self) -> dict[str, Any]:
        layers = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in ("network", "input_normalization", "output_scaling")
        }
        acquisition = None if self.acquisition is None else self.acquisition.get_config()
        return layers | {"acquisition": acquisition, "name": self.name}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        config = dict(config)
        for name in ("network", "input_normalization", "output_scaling"):
            config[name] = keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
        if config["acquisition"] is not None:
            try:
                config["acquisition"] = Acquisition.from_config(config["acquisition"])
            except ValueError as error:
                raise ValueError(
                    f"the acquisition in it cannot be used: {error}; pass another to "
                    "with_physical_units, and save the model again"
                ) from error
        return cls(**config)


def with_physical_units(
    network: keras.Model,
    input_normalization: keras.layers.Layer,
    output_scaling: keras.layers.Layer | None = None,
    acquisition: Acquisition | None = None,
) -> PhysicalUnitsModel:
    """The network with its normalization inside: raw amplitudes in, m/s out.

    The network's weights are shared, not copied.

    Args:
        network: A model from normalized input to normalized output; for a ``VelocityGAN``, the
            generator is used.
        input_normalization: ``GatherNormalization`` (or ``GatherPreparation``, which filters
            first) for an inversion network, ``SectionNormalization`` for a denoiser.
        output_scaling: ``VelocityScaling`` for an inversion network. For a denoiser, leave it
            out (or repeat its ``SectionNormalization``): each section gets its amplitude back.
            ``ClassProbabilities`` for a network that predicts masks or classes.
        acquisition: The experiment that the network was trained for, saved with it. Required
            if ``input_normalization`` changes the number of samples.

    Returns:
        A model that saves, loads and exports.

    Raises:
        ValueError: If a layer does not fit its role, or the acquisition does not fit the
            network's input.

    Example:
        >>> import keras_seismic as ks
        >>> network = ks.models.InversionNet((64, 8, 1), (16, 16), filters=1)
        >>> model = with_physical_units(
        ...     network,
        ...     ks.layers.GatherNormalization(-27, 53),
        ...     ks.layers.VelocityScaling(1500, 4500),
        ... )
        >>> model.output_shape
        (None, 16, 16, 1)
    """
    if isinstance(input_normalization, SectionNormalization):
        classes = isinstance(output_scaling, ClassProbabilities)
        known = classes or isinstance(output_scaling, SectionNormalization)
        if output_scaling is not None and not known:
            raise ValueError(
                "with_physical_units: a SectionNormalization restores the amplitude itself; leave "
                f"output_scaling out, received {type(output_scaling).__name__}"
            )
        output_scaling = output_scaling if classes else None
    elif output_scaling is None:
        raise ValueError(
            "with_physical_units: output_scaling is missing; pass VelocityScaling(minimum, "
            "maximum) in m/s, or VelocityScaling() for a network trained on m/s"
        )
    return PhysicalUnitsModel(
        predicting_network(network), input_normalization, output_scaling, acquisition
    )


def predicting_network(model: keras.Model) -> keras.Model:
    """The part of a model that predicts: of a ``VelocityGAN`` the generator, else the model itself.

    Of a ``PhysicsGuidedModel`` it is the network.

    A built ``Sequential`` model becomes a functional one with the same layers, of any batch size.
    """
    if isinstance(model, VelocityGAN):
        return model.generator
    if isinstance(model, PhysicsGuidedModel):
        return model.network
    if not isinstance(model, keras.Sequential) or not getattr(model, "inputs", None):
        return model
    (given,) = model.inputs
    x = y = keras.Input(given.shape[1:], name=given.name, dtype=given.dtype)
    for layer in model.layers:
        y = layer(y)
    return keras.Model(x, y, name=model.name)


def without_spread(model: keras.Model) -> keras.Model:
    """The model with velocity as its only output, whose weights are shared; else the model itself.

    What continues to train a network starts from it: the spread is that of the weights it was
    fitted to, and ``ks.training.fit_spread`` makes another.

    Example:
        >>> from keras_seismic.models import InversionNet
        >>> network = InversionNet((64, 8, 1), (16, 16), filters=1)
        >>> without_spread(VelocityWithSpread(network)) is network
        True
    """
    if isinstance(model, VelocityWithSpread):
        return model.network
    if isinstance(model, PhysicalUnitsModel) and isinstance(model.network, VelocityWithSpread):
        return model.around(model.network.network)
    return model


def _copy(layer: keras.layers.Layer, name: str) -> keras.layers.Layer:
    """A copy of a layer under another name, for this model's graph alone."""
    return type(layer).from_config(layer.get_config() | {"name": name})
