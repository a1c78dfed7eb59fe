"""What networks have in common beyond Keras' model."""

import keras


class Network(keras.Model):
    """A functional model whose file also says which of its layers are frozen.

    Keras keeps with a model's layers that they are not trainable only where it saves the layers
    themselves. Our networks are saved as the arguments that make them anew, with all layers
    trainable, and then the state of an optimizer that saw fewer of them no longer fits: training
    could not go on. So what ``freeze_encoder`` (or setting ``trainable`` by hand) did is saved
    and restored with the optimizer.

    A model that is loaded without being compiled has all layers trainable.
    """

    def get_compile_config(self):
        config = super().get_compile_config()
        frozen = [layer.name for layer in self.layers if layer.weights and not layer.trainable]
        return config | {"frozen_layers": frozen} if config and frozen else config

    def compile_from_config(self, config):
        config = dict(config)
        for name in config.pop("frozen_layers", ()):
            self.get_layer(name).trainable = False
        super().compile_from_config(config)
