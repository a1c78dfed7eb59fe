"""Ways to start a training on few samples, to be compared with each other."""

import dataclasses
import math
import os
from pathlib import Path

import keras

from keras_seismic.inference import load_model
from keras_seismic.models import PhysicalUnitsModel, VelocityGAN, with_physical_units
from keras_seismic.training.transfer import encoder_multipliers, freeze_encoder, reset_head


@dataclasses.dataclass(frozen=True)
class Start:
    """A network as a training begins, and its learning rates.

    Args:
        name: What it is called in tables.
        pretrained: Take the weights of a trained network; otherwise new ones.
        frozen: Encoder stages that stay as they are, ``None`` for all of them.
        new_head: Give the head new weights.
        encoder_rate: Multiplier of the learning rate in what is trained of the encoder.

    Raises:
        ValueError: If the multiplier is negative or not finite.

    Example:
        >>> from keras_seismic.models import InversionNet
        >>> pretrained = InversionNet((64, 8, 1), (16, 16), filters=1)
        >>> network = Start("frozen encoder", frozen=None).network(pretrained)
        >>> len(pretrained.trainable_weights), len(network.trainable_weights)
        (100, 44)
    """

    name: str
    pretrained: bool = True
    frozen: int | None = 0
    new_head: bool = False
    encoder_rate: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.encoder_rate < math.inf:
            raise ValueError(
                f"Start: encoder_rate must be a number of at least 0, received {self.encoder_rate}"
            )

    def network(self, pretrained: keras.Model) -> keras.Model:
        """A network like the trained one, which is left alone; not compiled.

        Raises:
            ValueError: If the encoder cannot be frozen so, see ``freeze_encoder``.
        """
        network = type(pretrained).from_config(pretrained.get_config())
        if self.pretrained:
            network.set_weights(pretrained.get_weights())
        if self.new_head:
            reset_head(network)
        if self.frozen != 0:
            freeze_encoder(network, self.frozen)
        return network

    def multipliers(self, network: keras.Model) -> dict[str, float]:
        """Multipliers of the learning rate for a network of ``network()``."""
        if self.encoder_rate == 1:
            return {}
        return encoder_multipliers(network, self.encoder_rate)


def transfer_starts(
    frozen: int | None = None, new_head: bool = False, encoder_rate: float = 1.0
) -> list[Start]:
    """What is compared with training from scratch, from scratch included.

    Args:
        frozen: Encoder stages that the last start freezes, ``None`` for all; 0 leaves it out.
        new_head: Of the starts that are pre-trained.
        encoder_rate: Likewise.

    Example:
        >>> [start.name for start in transfer_starts()]
        ['scratch', 'all weights', 'frozen encoder']
    """
    starts = [
        Start("scratch", pretrained=False),
        Start("all weights", new_head=new_head, encoder_rate=encoder_rate),
    ]
    if frozen != 0:
        name = "frozen encoder" if frozen is None else f"{frozen} frozen stages"
        starts.append(Start(name, True, frozen, new_head, encoder_rate))
    return starts


def load_pretrained(
    path: str | os.PathLike,
    input_normalization: keras.layers.Layer,
    output_scaling: keras.layers.Layer,
    acquisition,
) -> PhysicalUnitsModel:
    """The network of an earlier run in physical units.

    Args:
        path: ``model.keras`` of a run, which knows its units; or ``best.keras``, which does not.
        input_normalization: For a network that does not know its units.
        output_scaling: Likewise.
        acquisition: Likewise.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no model, one that does not predict velocity, or one for gathers
            of another shape.
    """
    model = load_model(path)
    model = model.generator if isinstance(model, VelocityGAN) else model
    if not isinstance(model, PhysicalUnitsModel):
        if len(model.inputs) != 1 or len(model.input_shape) != 4 or len(model.output_shape) != 4:
            raise ValueError(f"{Path(path)}: expected a network from gathers to velocity")
        return with_physical_units(model, input_normalization, output_scaling, acquisition)
    if not model.predicts_velocity or model.acquisition is None:
        raise ValueError(
            f"{Path(path)}: expected a model that predicts velocity and knows its acquisition"
        )
    return model
