"""What the classes are whose probabilities a network predicts."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_seismic.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class ClassProbabilities(keras.layers.Layer):
    """Probabilities as they are, with the names of their classes.

    The ``output_scaling`` of a network that predicts masks or classes: it tells model cards, and
    whoever uses the model, what the output means.

    Args:
        classes: A name for each channel of the output, such as ``["fault"]``.

    Raises:
        ValueError: If there is no name, or the input has another number of channels.

    Example:
        >>> ClassProbabilities(["salt"]).units
        'probability of salt'
    """

    def __init__(self, classes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = [str(name) for name in classes]
        if not self.classes or isinstance(classes, str):
            raise ValueError(
                f"ClassProbabilities: expected a list of names of classes, received {classes!r}"
            )

    @property
    def units(self) -> str:
        """What the numbers are, in words."""
        return f"probability of {', '.join(self.classes)}"

    def build(self, input_shape: Shape) -> None:
        if input_shape[-1] != len(self.classes):
            raise ValueError(
                f"ClassProbabilities: expected {len(self.classes)} channels, one a class "
                f"({', '.join(self.classes)}), received {input_shape[-1]}"
            )
        super().build(input_shape)

    def call(self, x: Tensor) -> Tensor:
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> Config:
        return super().get_config() | {"classes": self.classes}
