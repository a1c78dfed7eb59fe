"""A network between the layers that connect it to physical units."""

import keras

from keras_seismic.layers import GatherPreparation, SectionNormalization, SectionRestoration
from keras_seismic.models import VelocityGAN
from keras_seismic.models.arguments import policy_name
from keras_seismic.simulation import Acquisition


@keras.saving.register_keras_serializable(package="keras_seismic")
class PhysicalUnitsModel(keras.Model):
    """What a user saves, serves and downloads: raw amplitudes in, m/s or amplitudes out.

    Made by ``with_physical_units``. A functional model like any other; its input and
    output have the network's names and shapes (the input the acquisition's shape, where
    samples are left out before the network).

    Attributes:
        network: The network, which works in [-1, 1].
        input_normalization: The layer before it.
        output_scaling: The layer behind it, ``None`` for a denoiser.
        acquisition: The experiment that the network was trained for, or ``None``.
    """

    def __init__(
        self, network, input_normalization, output_scaling=None, acquisition=None, **kwargs
    ):
        if len(network.inputs) != 1 or len(network.outputs) != 1:
            raise ValueError(
                "with_physical_units: the network must have one input and one output, received "
                f"{len(network.inputs)} and {len(network.outputs)}"
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
        else:
            output = _copy(output_scaling, names[1])(x)
        super().__init__(raw, output, **kwargs)
        self.network = network
        self.input_normalization = input_normalization
        self.output_scaling = output_scaling
        self.acquisition = acquisition

    @property
    def predicts_velocity(self) -> bool:
        """Whether the output is velocity in m/s; otherwise it has the input's units."""
        return self.output_scaling is not None

    def get_config(self):
        layers = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in ("network", "input_normalization", "output_scaling")
        }
        acquisition = None if self.acquisition is None else self.acquisition.get_config()
        return layers | {"acquisition": acquisition, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for name in ("network", "input_normalization", "output_scaling"):
            config[name] = keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
        if config["acquisition"] is not None:
            config["acquisition"] = Acquisition.from_config(config["acquisition"])
        return cls(**config)


def with_physical_units(
    network: keras.Model,
    input_normalization: keras.layers.Layer,
    output_scaling: keras.layers.Layer | None = None,
    acquisition: Acquisition | None = None,
) -> PhysicalUnitsModel:
    """The network with its normalisation inside: raw amplitudes in, m/s out.

    The network's weights are shared, not copied.

    Args:
        network: A model from normalised input to normalised output; of a ``VelocityGAN`` the
            generator is taken.
        input_normalization: ``GatherNormalization`` (or ``GatherPreparation``, with filters
            before it) for an inversion network, ``SectionNormalization`` for a denoiser.
        output_scaling: ``VelocityScaling`` for an inversion network. A denoiser leaves it
            out (or repeats its ``SectionNormalization``): the amplitude of each section is
            restored.
        acquisition: The experiment that the network was trained for, saved with it. Needed
            where ``input_normalization`` changes the number of samples.

    Returns:
        A model that saves, loads and exports.

    Raises:
        ValueError: If a layer cannot do its part, or the acquisition does not fit the
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
        if output_scaling is not None and not isinstance(output_scaling, SectionNormalization):
            raise ValueError(
                "with_physical_units: a SectionNormalization restores the amplitude itself; leave "
                f"output_scaling out, received {type(output_scaling).__name__}"
            )
        output_scaling = None
    elif output_scaling is None:
        raise ValueError(
            "with_physical_units: output_scaling is missing; pass VelocityScaling(minimum, "
            "maximum) in m/s, or VelocityScaling() for a network trained on m/s"
        )
    return PhysicalUnitsModel(
        predicting_network(network), input_normalization, output_scaling, acquisition
    )


def predicting_network(model: keras.Model) -> keras.Model:
    """What of a model predicts: of a ``VelocityGAN`` the generator, any other model itself."""
    return model.generator if isinstance(model, VelocityGAN) else model


def in_float32(model: keras.Model) -> keras.Model:
    """The model rebuilt in float32 with the same weights, for runtimes that need it.

    A model whose configuration has no ``dtype`` of another kind is returned as it is, of a
    ``VelocityGAN`` the generator.
    """
    model = predicting_network(model)
    if isinstance(model, PhysicalUnitsModel):
        network = in_float32(model.network)
        if network is model.network:
            return model
        return PhysicalUnitsModel(
            network, model.input_normalization, model.output_scaling, model.acquisition
        )
    config = model.get_config()
    dtype = config.get("dtype")
    if not isinstance(dtype, str) or policy_name(dtype) == "float32":
        return model
    copy = type(model).from_config(config | {"dtype": "float32"})
    copy.set_weights(model.get_weights())
    return copy


def _copy(layer, name):
    """A layer of its own in this model's graph, by a name of its own."""
    return type(layer).from_config(layer.get_config() | {"name": name})
