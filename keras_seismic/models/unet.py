"""UNet: the original U-Net, and its padded form for any size."""

from typing import Any

import keras
from keras import layers

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.layers import CropLike
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.types import DType, Tensor

ACTIVATIONS = ("softmax", "sigmoid", "tanh", "linear")


@keras.saving.register_keras_serializable(package="keras_seismic")
class UNet(Network):
    """Masks of sections, or any other map of them.

    Two 3 x 3 convolutions at each size, 2 x 2 max-pooling between them on the way down, 2 x 2
    transposed convolutions on the way up, where what the encoder had at that size is concatenated.
    31,030,658 parameters by default, as published.

    With ``padding="valid"``, as published, convolutions lose a border: what the encoder had is
    cropped around its middle, and the output is smaller than the input (388 x 388 of 572 x 572).
    With ``"same"`` it has the input's size, whatever that is.

    Args:
        num_classes: Channels of the output.
        channels: Channels of the input.
        filters: Channels at full size; twice as many after every pooling.
        depth: Number of poolings.
        padding: ``"valid"`` or ``"same"``.
        batch_norm: Normalize the batch after each 3 x 3 convolution; not in the paper.
        activation: Of the output: ``"softmax"`` for classes that exclude each other,
            ``"sigmoid"``, ``"tanh"`` or ``"linear"``.
        dtype: Keras dtype policy, by default the global one.

    Input: ``(batch, time, traces, channels)``, any size; with ``"valid"`` large enough. Output:
    ``(batch, time, traces, num_classes)``, float32 (float64 in a float64 network).

    Raises:
        ValueError: If a number is not a positive integer or a choice unknown.

    Example:
        >>> model = UNet(2, filters=4, depth=2, padding="same")
        >>> model(keras.ops.zeros((1, 37, 50, 1))).shape
        TensorShape([1, 37, 50, 2])

    Reference:
        Ronneberger, O., Fischer, P. and Brox, T. (2015), U-Net: convolutional networks for
        biomedical image segmentation, MICCAI.
    """

    def __init__(
        self,
        num_classes: int = 2,
        channels: int = 1,
        filters: int = 64,
        depth: int = 4,
        padding: str = "valid",
        batch_norm: bool = False,
        activation: str = "softmax",
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        num_classes, channels, filters, depth = checked_size(
            (num_classes, channels, filters, depth),
            4,
            "UNet: (num_classes, channels, filters, depth)",
        )
        checked_choice(padding, ("valid", "same"), "UNet: padding")
        checked_choice(activation, ACTIVATIONS, "UNet: activation")
        dtype = policy_name(dtype)

        def stage(x: Tensor, count: int, name: str) -> Tensor:
            for part in ("a", "b"):
                x = layers.Conv2D(
                    count, 3, padding=padding, kernel_initializer="he_normal",
                    name=f"{name}{part}", dtype=dtype,
                )(x)  # fmt: skip
                if batch_norm:
                    x = layers.BatchNormalization(name=f"{name}{part}_batch_norm", dtype=dtype)(x)
                x = layers.ReLU(name=f"{name}{part}_activation", dtype=dtype)(x)
            return x

        section = keras.Input((None, None, channels), name="section")
        x, skips = section, []
        for level in range(depth):
            skips.append(stage(x, filters * 2**level, f"encoder_{level + 1}"))
            x = layers.MaxPooling2D(padding=padding, name=f"pooling_{level + 1}", dtype=dtype)(
                skips[-1]
            )
        x = stage(x, filters * 2**depth, f"encoder_{depth + 1}")
        for level in reversed(range(depth)):
            count, name = filters * 2**level, f"decoder_{level + 1}"
            x = layers.Conv2DTranspose(
                count, 2, 2, kernel_initializer="he_normal", name=f"{name}_enlarge", dtype=dtype
            )(x)
            skip = skips[level]
            if padding == "valid":
                skip = CropLike(center=True, name=f"{name}_crop", dtype=dtype)(skip, x)
            else:
                x = CropLike(name=f"{name}_crop", dtype=dtype)(x, skip)
            x = layers.Concatenate(name=f"{name}_concatenate", dtype=dtype)([skip, x])
            x = stage(x, count, name)
        x = layers.Conv2D(num_classes, 1, name="head", dtype=dtype)(x)
        output = layers.Activation(activation, name="output", dtype=output_dtype(dtype))(x)
        super().__init__(section, output, **kwargs)
        self.num_classes = num_classes
        self.channels = channels
        self.filters = filters
        self.depth = depth
        self.padding = padding
        self.batch_norm = bool(batch_norm)
        self.activation = activation
        self.policy = dtype
