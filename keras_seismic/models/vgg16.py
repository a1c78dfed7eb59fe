"""VGG16: a classifier of sections, and the trunk of FCN and PSPNet."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.types import DType, Tensor

#: Convolutions of each block, and their channels in those of the first.
BLOCKS = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
NORMALIZATIONS = (None, "block", "convolution")


@keras.saving.register_keras_serializable(package="keras_seismic")
class VGG16(Network):
    """Which class a section, a gather or any other image is of.

    Thirteen 3 x 3 convolutions in five blocks, each of which ends in 2 x 2 max-pooling, and three
    dense layers. 138,357,544 parameters by default, as published; a section needs far fewer
    ``filters`` and ``units``.

    Deviates from the paper where ``normalization`` is given, and in its initial weights, which
    are He's: the paper started from a smaller network that had been trained.

    Args:
        num_classes: Number of classes.
        section_shape: ``(time, traces, channels)`` of one example, or of any other image.
        filters: Channels of the first block; the others have 2, 4, 8 and 8 times as many.
        units: Of the two hidden dense layers.
        normalization: Batch normalization: ``None`` as published, ``"block"`` after each block's
            pooling, ``"convolution"`` between each convolution and its activation.
        dropout: Fraction of the hidden dense layers' outputs that is dropped in training.
        dtype: Keras dtype policy, by default the global one.

    Input: ``(batch, time, traces, channels)``. Output: ``(batch, num_classes)``, probabilities,
    float32 (float64 in a float64 network).

    Raises:
        ValueError: If a size is not a positive integer, or the section smaller than 32 x 32.

    Example:
        >>> model = VGG16(10, section_shape=(64, 48, 1), filters=4, units=16)
        >>> model.output_shape
        (None, 10)

    Reference:
        Simonyan, K. and Zisserman, A. (2015), Very deep convolutional networks for large-scale
        image recognition, ICLR.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        section_shape: Sequence[int] = (224, 224, 3),
        filters: int = 64,
        units: int = 4096,
        normalization: str | None = None,
        dropout: float = 0.5,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        section_shape = checked_size(section_shape, 3, "VGG16: section_shape")
        if min(section_shape[:2]) < 32:
            raise ValueError(
                "VGG16: section_shape must be at least (32, 32, channels), which the blocks halve "
                f"five times, received {section_shape}"
            )
        num_classes, filters, units = checked_size(
            (num_classes, filters, units), 3, "VGG16: (num_classes, filters, units)"
        )
        dtype = policy_name(dtype)
        section = keras.Input(section_shape, name="section")
        x = vgg_blocks(section, filters, normalization, dtype)[-1]
        x = layers.Flatten(name="flat", dtype=dtype)(x)
        for name in ("dense_1", "dense_2"):
            x = layers.Dense(units, "relu", kernel_initializer="he_normal", name=name, dtype=dtype)(
                x
            )
            x = layers.Dropout(dropout, name=f"{name}_dropout", dtype=dtype)(x)
        x = layers.Dense(num_classes, name="dense_3", dtype=dtype)(x)
        output = layers.Activation("softmax", name="probability", dtype=output_dtype(dtype))(x)
        super().__init__(section, output, **kwargs)
        self.num_classes = num_classes
        self.section_shape = section_shape
        self.filters = filters
        self.units = units
        self.normalization = normalization
        self.dropout = float(dropout)
        self.policy = dtype


def vgg_blocks(
    x: Tensor,
    filters: int,
    normalization: str | None,
    dtype: DType,
    pooled: int = 5,
    padding: str = "valid",
) -> list[Tensor]:
    """What each of VGG16's five blocks of convolutions makes of an image.

    Args:
        x: Symbolic tensor ``(batch, height, width, channels)``.
        filters: See ``VGG16``.
        normalization: See ``VGG16``.
        dtype: Policy of the layers.
        pooled: Blocks that end in pooling. In those behind, convolutions are dilated instead, by
            2, 4 and so on, so that they see as much.
        padding: Of the pooling: ``"valid"`` leaves a last odd row out, ``"same"`` keeps it.
    """
    checked_choice(normalization, NORMALIZATIONS, "normalization")
    maps = []
    for number, (convolutions, multiple) in enumerate(BLOCKS, 1):
        name = f"block{number}"
        dilation = 2 ** max(number - 1 - pooled, 0)
        for convolution in range(1, convolutions + 1):
            layer = f"{name}_convolution{convolution}"
            x = layers.Conv2D(
                multiple * filters, 3, padding="same", dilation_rate=dilation,
                kernel_initializer="he_normal", name=layer, dtype=dtype,
            )(x)  # fmt: skip
            if normalization == "convolution":
                x = layers.BatchNormalization(name=f"{layer}_batch_norm", dtype=dtype)(x)
            x = layers.ReLU(name=f"{layer}_activation", dtype=dtype)(x)
        if number <= pooled:
            x = layers.MaxPooling2D(padding=padding, name=f"{name}_pooling", dtype=dtype)(x)
        if normalization == "block":
            x = layers.BatchNormalization(name=f"{name}_batch_norm", dtype=dtype)(x)
        maps.append(x)
    return maps
