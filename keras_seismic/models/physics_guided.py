"""A network that learns from the misfit of the gathers that its velocity models would cause."""

import math
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_seismic.layers import GatherNormalization, GatherPreparation, VelocityScaling
from keras_seismic.simulation import AcousticModeling, Acquisition, check_velocity
from keras_seismic.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class DataMisfit(keras.layers.Layer):
    """Passes a network's velocity on, and adds to the loss how badly it explains the gathers.

    ``weight (mean|d - x| + transport mean|D - X| + variation TV(v))``: ``d`` are the gathers of the
    predicted velocity ``v``, normalized as the network's input ``x`` is. With the logarithm of
    ``GatherNormalization``, reflections count beside the direct wave, which is fifty times as
    strong.

    ``D`` and ``X`` are the parts of a trace's absolute amplitude that have arrived by each sample,
    from 0 to 1, so the second term is how far amplitude has to be moved in time. It shows the way
    from a start that is more than half a period off, where the difference of two waves does not.
    ``TV`` is the mean absolute difference of neighboring cells, as a fraction of the velocity
    range: gathers do not see changes from cell to cell, and without it a network makes them.

    Velocity outside ``velocity_range`` is modeled at the range's end. The gradient passes as if it
    were there, so that it can come back; a clip would stop it.

    Args:
        acquisition: The experiment behind the gathers.
        input_normalization: The layer that made the network's input from raw gathers.
        output_scaling: From the network's output to m/s.
        weight: Of all three terms.
        transport: Of the second term.
        variation: Of the third term.
        velocity_range: Slowest and fastest velocity to model, m/s.

    Call it with velocity ``(batch, depth, width, 1)`` in the network's units, and the network's
    input.

    Raises:
        ValueError: If a weight is negative or not finite, or the range cannot be simulated.

    Reference:
        Engquist, B. and Froese, B. (2014), Application of the Wasserstein metric to seismic
        signals, Communications in Mathematical Sciences 12, 979-988 (for squared amplitudes).
    """

    def __init__(
        self,
        acquisition: Acquisition,
        input_normalization: GatherNormalization | GatherPreparation,
        output_scaling: VelocityScaling,
        weight: float = 1.0,
        transport: float = 1.0,
        variation: float = 0.2,
        velocity_range: tuple[float, float] = (1500.0, 4500.0),
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.weights_of_terms = {"weight": weight, "transport": transport, "variation": variation}
        for name, value in self.weights_of_terms.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"DataMisfit: {name} must not be negative, received {value}")
        self.velocity_range = float(velocity_range[0]), float(velocity_range[1])
        self.acquisition, self.input_normalization = acquisition, input_normalization
        self.output_scaling = output_scaling
        self.modeling = AcousticModeling(acquisition, name="modeling")
        self.supports_jit = self.modeling.supports_jit

    def build(self, velocity_shape: Shape, observed_shape: Shape) -> None:
        del observed_shape
        self.modeling.build(velocity_shape)
        _, depth, width, _ = velocity_shape
        ends = np.reshape(self.velocity_range, (2, 1, 1))
        check_velocity(np.broadcast_to(ends, (2, depth or 1, width or 1)), self.acquisition)

    def call(self, velocity: Tensor, observed: Tensor, training: bool | None = None) -> Tensor:
        low, high = self.velocity_range
        wanted = self.output_scaling(velocity)
        possible = wanted + ops.stop_gradient(ops.clip(wanted, low, high) - wanted)
        modeled = self.input_normalization(self.modeling(possible, training=training))
        misfit = _mean_difference(modeled, observed)
        if transport := self.weights_of_terms["transport"]:
            silence = self.input_normalization(ops.zeros_like(modeled[:1]))
            arrived = (_arrived(gathers - silence) for gathers in (modeled, observed))
            misfit += transport * _mean_difference(*arrived)
        if variation := self.weights_of_terms["variation"]:
            down = _mean_difference(possible[:, 1:], possible[:, :-1])
            across = _mean_difference(possible[:, :, 1:], possible[:, :, :-1])
            misfit += variation * (down + across) / (high - low)
        self.add_loss(self.weights_of_terms["weight"] * misfit)
        return velocity

    def compute_output_shape(self, velocity_shape: Shape, observed_shape: Shape) -> Shape:
        del observed_shape
        return tuple(velocity_shape)

    def compute_output_spec(self, velocity: Tensor, observed: Tensor) -> keras.KerasTensor:
        del observed
        return keras.KerasTensor(velocity.shape, dtype="float32")

    def get_config(self) -> Config:
        layers = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in ("input_normalization", "output_scaling")
        }
        config = {
            "acquisition": self.acquisition.get_config(),
            "velocity_range": list(self.velocity_range),
        }
        return super().get_config() | layers | config | self.weights_of_terms

    @classmethod
    def from_config(cls, config: Config) -> Self:
        config = dict(config)
        for name in ("input_normalization", "output_scaling"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        config["acquisition"] = Acquisition.from_config(config["acquisition"])
        return cls(**config)


@keras.saving.register_keras_serializable(package="keras_seismic")
class PhysicsGuidedModel(keras.Model):
    """A network from gathers to velocity whose training is guided by the wave equation.

    Its output is the network's. ``compile`` it with a loss for the velocity, to which the data
    misfit is added, or without one, to learn from gathers alone. ``with_physical_units`` takes the
    network.

    Args:
        network: From normalized gathers to velocity.
        misfit: How its velocity is judged.

    Example:
        >>> import keras_seismic as ks
        >>> acquisition = ks.simulation.Acquisition.surface(
        ...     width=16, dx=10.0, dt=0.001, nt=64, peak_frequency=15.0, shots=1, boundary="cpml"
        ... )
        >>> network = ks.models.InversionNet(acquisition.gather_shape, (16, 16), filters=1)
        >>> scaling = ks.layers.VelocityScaling(1500, 4500)
        >>> misfit = DataMisfit(acquisition, ks.layers.GatherNormalization(-27, 53), scaling)
        >>> model = PhysicsGuidedModel(network, misfit)
        >>> model.compile("adam")

    Reference:
        Jin, P. et al. (2022), Unsupervised learning of full-waveform inversion: connecting CNN
        and partial differential equation in a loop, ICLR (there with a perceptual loss as well).
    """

    def __init__(self, network: keras.Model, misfit: DataMisfit, **kwargs: Any) -> None:
        (given,) = network.inputs
        gathers = keras.Input(given.shape[1:], name=given.name)
        super().__init__(gathers, misfit(network(gathers), gathers), **kwargs)
        self.network, self.misfit = network, misfit

    def get_config(self) -> Config:
        parts = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in ("network", "misfit")
        }
        return parts | {"name": self.name}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        config = dict(config)
        for name in ("network", "misfit"):
            config[name] = keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
        return cls(**config)


def _mean_difference(one: Tensor, other: Tensor) -> Tensor:
    return ops.mean(ops.abs(one - other))


def _arrived(gathers: Tensor) -> Tensor:
    """Which part of a trace's absolute amplitude has arrived by each sample."""
    sums = ops.cumsum(ops.abs(gathers), axis=1)
    return sums / (sums[:, -1:] + 1e-6)
