"""DiffusionUNet: predicts what noise hides in a sample, told how much noise there is."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_seismic.checks import checked_size
from keras_seismic.layers import CropLike
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.types import Config, DType, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class DiffusionUNet(Network):
    """The denoiser of a ``DenoisingDiffusion``: noisy sample and signal power to a prediction.

    A U-Net of residual blocks (group normalization, SiLU, convolution, twice); each adds to its
    maps what two dense layers make of the signal power. Strided convolutions shrink, nearest
    neighbors and the convolutions behind them enlarge. The last convolution begins with zeros.

    Deviates from Ho et al. (2020) in having one block at each size and no attention, which their
    images of 32 x 32 had at 16 x 16: the smallest maps see far enough.

    Args:
        sample_shape: ``(height, width, channels)`` of one sample.
        condition_channels: Channels of the map that the sample depends on, 0 without one.
        filters: Channels at full size; twice as many at each smaller one.
        depth: Number of smaller sizes.
        dtype: Keras dtype policy, by default the global one.

    Inputs: noisy samples ``(batch, height, width, channels)``, their signal powers ``(batch,)``
    and, with ``condition_channels``, maps ``(batch, height, width, condition_channels)``. Output:
    like the samples, float32 (float64 in a float64 network).

    Raises:
        ValueError: If a size is not a positive integer.

    Example:
        >>> network = DiffusionUNet((12, 10, 1), filters=4, depth=1)
        >>> network([np.zeros((2, 12, 10, 1)), np.ones(2)]).shape
        TensorShape([2, 12, 10, 1])

    Reference:
        Ho, J., Jain, A. and Abbeel, P. (2020), Denoising diffusion probabilistic models, NeurIPS.
    """

    def __init__(
        self,
        sample_shape: Sequence[int] = (64, 64, 1),
        condition_channels: int = 0,
        filters: int = 32,
        depth: int = 3,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        sample_shape = checked_size(sample_shape, 3, "DiffusionUNet: sample_shape")
        filters, depth = checked_size((filters, depth), 2, "DiffusionUNet: (filters, depth)")
        (condition_channels,) = checked_size(
            (condition_channels,), 1, "DiffusionUNet: condition_channels", minimum=0
        )
        dtype = policy_name(dtype)
        noisy = keras.Input(sample_shape, name="noisy_sample")
        power = keras.Input((), name="signal_power")
        inputs = [noisy, power]
        x = noisy
        if condition_channels:
            inputs.append(keras.Input((*sample_shape[:2], condition_channels), name="condition"))
            x = layers.Concatenate(name="conditioned", dtype=dtype)([x, inputs[-1]])

        def convolution(x: Tensor, count: int, name: str, **options: Any) -> Tensor:
            options = {"kernel_size": 3, "padding": "same", "name": name, **options}
            return layers.Conv2D(count, dtype=dtype, **options)(x)

        def block(x: Tensor, count: int, name: str) -> Tensor:
            y = _normalized(x, f"{name}_1", dtype)
            y = convolution(y, count, f"{name}_1")
            level = layers.Dense(count, name=f"{name}_power", dtype=dtype)(embedding)
            level = layers.Reshape((1, 1, count), name=f"{name}_level", dtype=dtype)(level)
            y = layers.Add(name=f"{name}_told", dtype=dtype)([y, level])
            y = convolution(_normalized(y, f"{name}_2", dtype), count, f"{name}_2")
            if x.shape[-1] != count:
                x = convolution(x, count, f"{name}_skip", kernel_size=1)
            return layers.Add(name=name, dtype=dtype)([x, y])

        embedding = PowerEmbedding(name="power_embedding", dtype="float32")(power)
        for number in (1, 2):
            embedding = layers.Dense(
                4 * filters, "silu", name=f"power_{number}", dtype=dtype
            )(embedding)  # fmt: skip
        x, skips = convolution(x, filters, "stem"), []
        for level in range(depth):
            x = block(x, filters * 2**level, f"encoder_{level + 1}")
            skips.append(x)
            x = convolution(x, filters * 2 ** (level + 1), f"shrink_{level + 1}", strides=2)
        x = block(x, filters * 2**depth, f"encoder_{depth + 1}")
        for level in reversed(range(depth)):
            count, name = filters * 2**level, f"decoder_{level + 1}"
            x = layers.UpSampling2D(name=f"{name}_enlarge", dtype=dtype)(x)
            x = CropLike(name=f"{name}_crop", dtype=dtype)(x, skips[level])
            x = layers.Concatenate(name=f"{name}_concatenate", dtype=dtype)([skips[level], x])
            x = block(x, count, name)
        x = _normalized(x, "head", dtype)
        x = convolution(x, sample_shape[-1], "head", kernel_initializer="zeros")
        output = layers.Activation("linear", name="output", dtype=output_dtype(dtype))(x)
        super().__init__(inputs, output, **kwargs)
        self.sample_shape = sample_shape
        self.condition_channels = condition_channels
        self.filters = filters
        self.depth = depth
        self.policy = dtype


def _normalized(x: Tensor, name: str, dtype: str) -> Tensor:
    """Before a convolution: groups of channels normalized, and the activation."""
    groups = next(n for n in (8, 4, 2, 1) if x.shape[-1] % n == 0)
    x = layers.GroupNormalization(groups, name=f"{name}_group_norm", dtype=dtype)(x)
    return layers.Activation("silu", name=f"{name}_activation", dtype=dtype)(x)


@keras.saving.register_keras_serializable(package="keras_seismic")
class PowerEmbedding(keras.layers.Layer):
    """A signal power as sines and cosines of many frequencies.

    They are of the angle whose cosine is the signal's amplitude, over a right angle: between 0
    and 1, and with the cosine schedule the time.

    Args:
        size: Number of sines, and of cosines.

    Input: ``(batch,)``. Output: ``(batch, 2 * size)``.
    """

    def __init__(self, size: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = int(size)

    def call(self, power: Tensor) -> Tensor:
        # Of 1 - power, which near a power of 1 is exact where the arc cosine is not.
        level = ops.sqrt(ops.clip(1 - power, 0.0, 1.0))
        angle = ops.arctan2(level, ops.sqrt(ops.clip(power, 0.0, 1.0))) * 2 / np.pi
        frequency = np.geomspace(np.pi / 2, 200 * np.pi, self.size).astype("float32")
        phase = angle[:, None] * ops.cast(frequency, self.compute_dtype)
        return ops.concatenate([ops.sin(phase), ops.cos(phase)], axis=1)

    def get_config(self) -> Config:
        return super().get_config() | {"size": self.size}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], 2 * self.size)
