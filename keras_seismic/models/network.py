"""What networks have in common beyond Keras' model."""

import keras


class Network(keras.Model):
    """A functional model with its precision and frozen layers in order.

    Keras keeps with a model's layers that they are not trainable only where it saves the layers
    themselves. Our networks are saved as the arguments that make them anew, with all layers
    trainable, and then the state of an optimizer that saw fewer of them no longer fits: training
    could not go on. So what ``freeze_encoder`` (or setting ``trainable`` by hand) did is saved
    and restored with the optimizer. A model that is loaded without being compiled has all
    layers trainable.

    Keras scales the loss of a model whose own policy is ``mixed_float16``, which is the global
    one; a network made with ``dtype="mixed_float16"`` under another global policy needs it too.
    """

    def compile(self, optimizer="rmsprop", *args, auto_scale_loss=True, **kwargs):
        super().compile(optimizer, *args, auto_scale_loss=auto_scale_loss, **kwargs)
        scaled = isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)
        if auto_scale_loss and self.optimizer and not scaled and "float16" in compute_dtypes(self):
            self.optimizer = keras.optimizers.LossScaleOptimizer(self.optimizer)

    def get_compile_config(self):
        config = super().get_compile_config()
        frozen = frozen_layers(self)
        return config | {"frozen_layers": frozen} if config and frozen else config

    def compile_from_config(self, config):
        config = dict(config)
        freeze_layers(self, config.pop("frozen_layers", ()))
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer:
            self.optimizer.build(self.trainable_variables)


def frozen_layers(network: keras.Model) -> list[str]:
    """Names of the layers whose weights are not trained."""
    return [layer.name for layer in network.layers if layer.weights and not layer.trainable]


def freeze_layers(network: keras.Model, names) -> None:
    """Keep the layers of these names as they are."""
    for name in names:
        network.get_layer(name).trainable = False


def compute_dtypes(network: keras.Model) -> set[str]:
    """What the layers of a network compute in."""
    return {layer.compute_dtype for layer in network.layers}


def policy_name(dtype) -> str:
    """Name of a dtype policy, the global one for ``None``.

    Models keep the name and not ``None``: a model made under mixed precision is that
    model wherever it is loaded.
    """
    policy = dtype if dtype is not None else keras.config.dtype_policy()
    return keras.dtype_policies.get(policy).name


def output_dtype(policy: str) -> str:
    """What a network's last layer computes in: float32, in a float64 network float64.

    Half precision is too coarse for what a user gets: in m/s, bfloat16 counts by sixteens.
    """
    return "float64" if policy == "float64" else "float32"
