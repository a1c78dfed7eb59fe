"""FCN: a class for each sample of a section, by VGG16 made fully convolutional."""

from typing import Any

import keras
import numpy as np
from keras import layers

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.layers import CropLike
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.models.unet import ACTIVATIONS
from keras_seismic.models.vgg16 import vgg_blocks
from keras_seismic.types import DType, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class FCN(Network):
    """Masks of sections: which class each sample belongs to.

    VGG16 whose dense layers are convolutions (7 x 7, then 1 x 1), so that sections of any size
    give a coarse map of scores. ``stride=32`` enlarges it at once (FCN-32s); ``16`` and ``8``
    enlarge it by two and **add** the scores of the fourth, and of the third pooling. Transposed
    convolutions, which begin as bilinear interpolation, enlarge. 134,489,759 parameters for 21
    classes and 3 channels with ``stride=8``.

    Deviates from the code of the paper in its borders: there, 100 zeros around the image make
    up for what convolutions without padding lose, and fixed offsets crop the result; here every
    layer pads, and an odd size is rounded up and cropped again.

    Args:
        num_classes: Number of classes.
        stride: 32, 16 or 8.
        channels: Of the input.
        filters: Channels of VGG16's first block.
        units: Channels of what were dense layers.
        normalization: See ``VGG16``.
        dropout: See ``VGG16``.
        activation: See ``UNet``.
        dtype: Keras dtype policy, by default the global one.

    Input: ``(batch, time, traces, channels)``, any size. Output: ``(batch, time, traces,
    num_classes)``, float32 (float64 in a float64 network).

    Raises:
        ValueError: If a number is not a positive integer, or the stride or the activation none of
            these.

    Example:
        >>> model = FCN(2, filters=4, units=16)
        >>> model(np.zeros((1, 37, 50, 1))).shape
        TensorShape([1, 37, 50, 2])

    Reference:
        Long, J., Shelhamer, E. and Darrell, T. (2015), Fully convolutional networks for semantic
        segmentation, CVPR.
    """

    def __init__(
        self,
        num_classes: int = 2,
        stride: int = 8,
        channels: int = 1,
        filters: int = 64,
        units: int = 4096,
        normalization: str | None = None,
        dropout: float = 0.5,
        activation: str = "softmax",
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        num_classes, channels, filters, units = checked_size(
            (num_classes, channels, filters, units),
            4,
            "FCN: (num_classes, channels, filters, units)",
        )
        if stride not in (32, 16, 8):
            raise ValueError(f"FCN: stride must be 32, 16 or 8, received {stride!r}")
        checked_choice(activation, ACTIVATIONS, "FCN: activation")
        dtype = policy_name(dtype)

        def enlarged(x: Tensor, factor: int, like: Tensor, name: str) -> Tensor:
            x = layers.Conv2DTranspose(
                num_classes, 2 * factor, factor, padding="same", use_bias=False,
                kernel_initializer=BilinearUpsampling(), name=name, dtype=dtype,
            )(x)  # fmt: skip
            return CropLike(name=f"{name}_crop", dtype=dtype)(x, like)

        def scores(x: Tensor, name: str) -> Tensor:
            return layers.Conv2D(num_classes, 1, name=name, dtype=dtype)(x)

        section = keras.Input((None, None, channels), name="section")
        maps = vgg_blocks(section, filters, normalization, dtype, padding="same")
        x = maps[-1]
        for name, kernel in (("dense_1", 7), ("dense_2", 1)):
            x = layers.Conv2D(
                units, kernel, padding="same", activation="relu",
                kernel_initializer="he_normal", name=name, dtype=dtype,
            )(x)  # fmt: skip
            x = layers.Dropout(dropout, name=f"{name}_dropout", dtype=dtype)(x)
        x, factor = scores(x, "scores_5"), 32
        for block in (4, 3):
            if factor == stride:
                break
            skip = scores(maps[block - 1], f"scores_{block}")
            x = enlarged(x, 2, skip, f"enlarge_{block}")
            x = layers.Add(name=f"sum_{block}", dtype=dtype)([x, skip])
            factor //= 2
        x = enlarged(x, factor, section, "enlarge")
        output = layers.Activation(activation, name="output", dtype=output_dtype(dtype))(x)
        super().__init__(section, output, **kwargs)
        self.num_classes = num_classes
        self.stride = stride
        self.channels = channels
        self.filters = filters
        self.units = units
        self.normalization = normalization
        self.dropout = float(dropout)
        self.activation = activation
        self.policy = dtype


@keras.saving.register_keras_serializable(package="keras_seismic")
class BilinearUpsampling(keras.initializers.Initializer):
    """Initial weights of a transposed convolution that interpolates each channel linearly."""

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Tensor:
        height, width, outputs, inputs = shape
        rows, columns = (
            1 - np.abs(np.arange(n) - (n - 1) / 2) / ((n + 1) // 2) for n in (height, width)
        )
        weights = np.zeros(shape)
        for channel in range(min(outputs, inputs)):
            weights[:, :, channel, channel] = np.outer(rows, columns)
        return keras.ops.convert_to_tensor(weights, dtype)

    def get_config(self) -> dict[str, Any]:
        return {}
