"""CNN: the plain classifier that the others have to beat."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_seismic.checks import checked_size
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.types import DType


@keras.saving.register_keras_serializable(package="keras_seismic")
class CNN(Network):
    """Which class a section or a gather is of, of any size.

    3 x 3 convolutions with ReLU, each followed by 2 x 2 max-pooling, the mean over what is left
    of time and traces, and a dense layer.

    Args:
        num_classes: Number of classes.
        channels: Of the input.
        filters: Channels of each convolution.
        dropout: Fraction of the means that is dropped in training.
        dtype: Keras dtype policy, by default the global one.

    Input: ``(batch, time, traces, channels)``. Output: ``(batch, num_classes)``, probabilities,
    float32 (float64 in a float64 network).

    Raises:
        ValueError: If a number is not a positive integer.

    Example:
        >>> CNN(2).count_params()
        23426
    """

    def __init__(
        self,
        num_classes: int = 2,
        channels: int = 1,
        filters: Sequence[int] = (16, 32, 64),
        dropout: float = 0.0,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        num_classes, channels = checked_size(
            (num_classes, channels), 2, "CNN: (num_classes, channels)"
        )
        filters = checked_size(tuple(filters), max(len(filters), 1), "CNN: filters")
        dtype = policy_name(dtype)
        section = keras.Input((None, None, channels), name="section")
        x = section
        for number, count in enumerate(filters, 1):
            x = layers.Conv2D(
                count, 3, padding="same", activation="relu", kernel_initializer="he_normal",
                name=f"convolution_{number}", dtype=dtype,
            )(x)  # fmt: skip
            x = layers.MaxPooling2D(padding="same", name=f"pooling_{number}", dtype=dtype)(x)
        x = layers.GlobalAveragePooling2D(name="mean", dtype=dtype)(x)
        x = layers.Dropout(dropout, name="dropout", dtype=dtype)(x)
        x = layers.Dense(num_classes, name="dense", dtype=dtype)(x)
        output = layers.Activation("softmax", name="probability", dtype=output_dtype(dtype))(x)
        super().__init__(section, output, **kwargs)
        self.num_classes = num_classes
        self.channels = channels
        self.filters = filters
        self.dropout = float(dropout)
        self.policy = dtype
