"""What the networks have in common beyond a Keras model."""

import inspect
from collections.abc import Iterable
from typing import Any, Self

import keras

from keras_seismic.types import Config


class Network(keras.Model):
    """A functional model saved as its arguments, with its frozen layers, whatever its precision.

    A subclass keeps the arguments of its constructor as attributes of the same names, and the name
    of its dtype policy as ``policy``; ``get_config`` is made of them.

    Keras saves which layers are frozen only if it saves the layers themselves. Our networks are
    saved as the arguments that rebuild them, with all layers trainable, and the state of an
    optimizer that had fewer weights would no longer fit: training could not be resumed. So the
    layers frozen by ``freeze_encoder`` (or by hand) are saved and restored with the optimizer. A
    model that is loaded without being compiled has all layers trainable.

    Keras scales the loss of a model whose own policy is ``mixed_float16``, and that is the global
    policy; a network made with ``dtype="mixed_float16"`` under another one needs the scaling too.
    """

    optimizer: Any
    policy: str

    def get_config(self) -> Config:
        names = inspect.signature(type(self).__init__).parameters
        others = ("self", "dtype", "kwargs")
        arguments = {name: getattr(self, name) for name in names if name not in others}
        return {
            **arguments, "dtype": self.policy, "name": self.name, "trainable": self.trainable
        }  # fmt: skip

    @classmethod
    def from_preset(cls, name: str) -> Self:
        """The trained network of a preset (``ks.presets()``), without the layers of its units.

        Args:
            name: A preset of this class.

        Raises:
            ValueError: If there is none of that name, or its network is of another class.
        """
        from keras_seismic.models.presets import load_preset

        network = load_preset(name).network
        if not isinstance(network, cls):  # the network itself, of one that also gives its spread
            network = getattr(network, "network", network)
        if not isinstance(network, cls):
            raise ValueError(
                f"{cls.__name__}.from_preset: {name!r} is a {type(network).__name__}; "
                f"call ks.models.{type(network).__name__}.from_preset({name!r})"
            )
        return network

    def compile(
        self,
        optimizer: Any = "rmsprop",
        *args: Any,
        auto_scale_loss: bool = True,
        **kwargs: Any,
    ) -> None:
        super().compile(optimizer, *args, auto_scale_loss=auto_scale_loss, **kwargs)
        scaled = isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)
        if auto_scale_loss and self.optimizer and not scaled and "float16" in compute_dtypes(self):
            self.optimizer = keras.optimizers.LossScaleOptimizer(self.optimizer)

    def get_compile_config(self) -> dict[str, Any] | None:
        config = super().get_compile_config()
        frozen = frozen_layers(self)
        return config | {"frozen_layers": frozen} if config and frozen else config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        config = dict(config)
        freeze_layers(self, config.pop("frozen_layers", ()))
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer:
            self.optimizer.build(self.trainable_variables)


def frozen_layers(network: keras.Model) -> list[str]:
    """Names of the layers whose weights are not trained."""
    return [layer.name for layer in network.layers if layer.weights and not layer.trainable]


def freeze_layers(network: keras.Model, names: Iterable[str]) -> None:
    """Exclude the layers of these names from training."""
    for name in names:
        network.get_layer(name).trainable = False


def compute_dtypes(network: keras.Model) -> set[str]:
    """The data types in which the layers of a network compute; its inputs compute nothing."""
    return {
        layer.compute_dtype
        for layer in network._flatten_layers(include_self=False)
        if not isinstance(layer, keras.layers.InputLayer | keras.Model)
    }


def policy_name(dtype: Any) -> str:
    """Name of a dtype policy, the global one for ``None``.

    Models keep the name instead of ``None``, so that a model made under mixed precision keeps it
    wherever it is loaded.
    """
    policy = dtype if dtype is not None else keras.config.dtype_policy()
    return keras.dtype_policies.get(policy).name


def output_dtype(policy: str) -> str:
    """Data type of a network's last layer: float32, in a float64 network float64.

    Half precision is too coarse for the output: at seismic velocities, bfloat16 has steps of
    16 m/s.
    """
    return "float64" if policy == "float64" else "float32"
