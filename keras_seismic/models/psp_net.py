"""PSPNet: a class for each sample of a section, seen with its surroundings at four scales."""

from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import layers

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.layers import RegionMeans, ResizeLike
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.models.unet import ACTIVATIONS
from keras_seismic.models.vgg16 import vgg_blocks
from keras_seismic.types import Config, DType, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class PSPNet(Network):
    """Masks of sections, or any other map of them, by pyramid pooling.

    A trunk makes a map of features, an eighth of the section's size. Its means over 1 x 1, 2 x 2,
    3 x 3 and 6 x 6 regions, each with a quarter of the channels, are enlarged and
    concatenated to it, so that every sample is judged by its surroundings, up to the whole
    section. A 3 x 3 convolution decides, and its scores are enlarged.

    Deviates from the paper in the trunk, by default VGG16's convolutions, the last blocks dilated
    instead of pooled, where the paper has a dilated ResNet, and in having no auxiliary loss.

    Args:
        num_classes: Channels of the output.
        channels: Channels of the input.
        filters: Channels of the default trunk's first block.
        trunk: Any functional model from ``(batch, time, traces, channels)`` to a map of features,
            such as a part of another network,
            ``keras.Model(other.input, other.get_layer(name).output)``. Its weights are trained too.
        bins: Regions along each axis, of each mean.
        dropout: Fraction of channels dropped before the scores.
        activation: See ``UNet``.
        dtype: Keras dtype policy, by default the global one. A given trunk keeps its own.

    Input: ``(batch, time, traces, channels)``, any size that the trunk takes. Output: ``(batch,
    time, traces, num_classes)``, float32 (float64 in a float64 network).

    Raises:
        ValueError: If a number is not a positive integer, the activation unknown, or the trunk's
            output no map.

    Example:
        >>> model = PSPNet(2, filters=4)
        >>> model(keras.ops.zeros((1, 48, 61, 1))).shape
        TensorShape([1, 48, 61, 2])

    Reference:
        Zhao, H. et al. (2017), Pyramid scene parsing network, CVPR.
    """

    def __init__(
        self,
        num_classes: int = 2,
        channels: int = 1,
        filters: int = 64,
        trunk: keras.Model | None = None,
        bins: Sequence[int] = (1, 2, 3, 6),
        dropout: float = 0.1,
        activation: str = "softmax",
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        num_classes, channels, filters = checked_size(
            (num_classes, channels, filters), 3, "PSPNet: (num_classes, channels, filters)"
        )
        bins = checked_size(tuple(bins), max(len(bins), 1), "PSPNet: bins")
        checked_choice(activation, ACTIVATIONS, "PSPNet: activation")
        dtype = policy_name(dtype)

        def convolution(x: Tensor, count: int, kernel: int, name: str) -> Tensor:
            x = layers.Conv2D(
                count, kernel, padding="same", use_bias=False, kernel_initializer="he_normal",
                name=name, dtype=dtype,
            )(x)  # fmt: skip
            x = layers.BatchNormalization(name=f"{name}_batch_norm", dtype=dtype)(x)
            return layers.ReLU(name=f"{name}_activation", dtype=dtype)(x)

        if trunk is None:
            section = keras.Input((None, None, channels), name="section")
            features = vgg_blocks(section, filters, None, dtype, pooled=3, padding="same")[-1]
        else:
            if len(trunk.inputs) != 1 or len(trunk.outputs) != 1 or len(trunk.output.shape) != 4:
                raise ValueError(
                    "PSPNet: trunk must make one map (batch, height, width, channels) of one "
                    f"input, received {[tuple(o.shape) for o in trunk.outputs]}"
                )
            section = keras.Input(trunk.input.shape[1:], name="section")
            features = trunk(section)
        count = max(features.shape[-1] // len(bins), 1)
        maps = [features]
        for size in bins:
            name = f"region_{size}"
            x = RegionMeans(size, name=f"{name}_mean", dtype=dtype)(features)
            x = convolution(x, count, 1, name)
            maps.append(ResizeLike(name=f"{name}_enlarge", dtype=dtype)(x, features))
        x = layers.Concatenate(name="pyramid", dtype=dtype)(maps)
        x = convolution(x, features.shape[-1], 3, "decision")
        x = layers.SpatialDropout2D(dropout, name="dropout", dtype=dtype)(x)
        x = layers.Conv2D(num_classes, 1, name="scores", dtype=dtype)(x)
        x = ResizeLike(name="enlarge", dtype=dtype)(x, section)
        output = layers.Activation(activation, name="output", dtype=output_dtype(dtype))(x)
        super().__init__(section, output, **kwargs)
        self.num_classes = num_classes
        self.channels = channels
        self.filters = filters
        self.trunk = trunk
        self.bins = bins
        self.dropout = float(dropout)
        self.activation = activation
        self.policy = dtype

    def get_config(self) -> Config:
        config = super().get_config()
        trunk = self.trunk and keras.saving.serialize_keras_object(self.trunk)
        return config | {"trunk": trunk}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Self:
        config = dict(config)
        if config["trunk"] is not None:
            config["trunk"] = keras.saving.deserialize_keras_object(
                config["trunk"], custom_objects=custom_objects
            )
        return cls(**config)
