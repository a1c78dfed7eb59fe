"""Blocks of convolution, batch normalization and activation.

Functions on symbolic tensors, not layers: a network built with them shows every
convolution in its ``layers`` and its summary, and weights from elsewhere can be loaded
by position.
"""

import keras
from keras import layers

from keras_seismic.layers.batch_normalization import BatchNormalization
from keras_seismic.layers.twice_differentiable import (
    SampleNormalization,
    TwiceDifferentiableBatchNormalization,
)
from keras_seismic.types import DType, Tensor

#: PyTorch's batch-normalization constants, which are not Keras' defaults.
BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM = 1e-5, 0.9


def convolution_block(
    x: Tensor,
    filters: int,
    kernel: int | tuple[int, int],
    strides: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | None = None,
    normalization: str | None = "batch",
    *,
    name: str,
    dtype: DType = None,
) -> Tensor:
    """Convolution with bias, normalization, LeakyReLU(0.2).

    Args:
        x: Symbolic tensor ``(batch, height, width, channels)``.
        filters: Output channels.
        kernel: Kernel size, one number or two.
        strides: Strides, one number or two.
        padding: Zeros on both sides of each axis, one number or two, by default half the
            kernel. With a stride of 2 this is not Keras' ``same``.
        normalization: ``"batch"``, ``"twice_differentiable_batch"`` (for critics),
            ``"layer"`` (over all of a sample) or ``None``.
        name: Prefix of the layers' names.
        dtype: Policy of the layers.
    """
    kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
    if padding is None:
        padding = (kernel[0] // 2, kernel[1] // 2)
    padding = (padding, padding) if isinstance(padding, int) else padding
    # Where Keras' "same" gives this padding, it saves a layer.
    same = strides == 1 and all(2 * p + 1 == k for p, k in zip(padding, kernel, strict=True))
    if any(padding) and not same:
        x = layers.ZeroPadding2D(padding, name=f"{name}_padding", dtype=dtype)(x)
    x = layers.Conv2D(
        filters,
        kernel,
        strides,
        padding="same" if same else "valid",
        kernel_initializer=_torch_uniform(),
        name=f"{name}_convolution",
        dtype=dtype,
    )(x)
    return normalized_activation(x, normalization, name=name, dtype=dtype)


def transposed_convolution_block(
    x: Tensor,
    filters: int,
    kernel: int | tuple[int, int],
    strides: int | tuple[int, int] = 1,
    padding: str = "valid",
    *,
    name: str,
    dtype: DType = None,
) -> Tensor:
    """Transposed convolution with bias, batch normalization, LeakyReLU(0.2).

    Args:
        x: Symbolic tensor ``(batch, height, width, channels)``.
        filters: Output channels.
        kernel: Kernel size, one number or two.
        strides: Strides.
        padding: As in Keras; ``same`` with kernel 4 and stride 2 is PyTorch's padding 1.
        name: Prefix of the layers' names.
        dtype: Policy of the layers.
    """
    x = layers.Conv2DTranspose(
        filters,
        kernel,
        strides,
        padding=padding,
        kernel_initializer=_torch_uniform(),
        name=f"{name}_transposed_convolution",
        dtype=dtype,
    )(x)
    return normalized_activation(x, name=name, dtype=dtype)


def resize_convolution_block(
    x: Tensor,
    filters: int,
    size: int | tuple[int, int],
    kernel: int | tuple[int, int] = 3,
    *,
    name: str,
    dtype: DType = None,
) -> Tensor:
    """Nearest-neighbor upsampling, convolution with bias, batch normalization, LeakyReLU(0.2).

    Grows a map like a transposed convolution, but without checkerboard artifacts and with fewer
    weights.

    Args:
        x: Symbolic tensor ``(batch, height, width, channels)``.
        filters: Output channels.
        size: Number of times to repeat a cell, one number or two.
        kernel: Kernel size, odd.
        name: Prefix of the layers' names.
        dtype: Policy of the layers.
    """
    x = layers.UpSampling2D(size, name=f"{name}_resize", dtype=dtype)(x)
    return convolution_block(x, filters, kernel, name=name, dtype=dtype)


def normalized_activation(
    x: Tensor, normalization: str | None = "batch", *, name: str, dtype: DType = None
) -> Tensor:
    """Normalization with PyTorch's constants, then LeakyReLU(0.2)."""
    if normalization == "batch":
        x = batch_normalization(name=f"{name}_batch_norm", dtype=dtype)(x)
    elif normalization == "twice_differentiable_batch":
        x = batch_normalization(
            TwiceDifferentiableBatchNormalization, name=f"{name}_batch_norm", dtype=dtype
        )(x)
    elif normalization == "layer":
        x = SampleNormalization(BATCH_NORM_EPSILON, name=f"{name}_layer_norm", dtype=dtype)(x)
    return layers.LeakyReLU(negative_slope=0.2, name=f"{name}_activation", dtype=dtype)(x)


def batch_normalization(
    layer: type[layers.BatchNormalization] = BatchNormalization,
    *,
    name: str,
    dtype: DType = None,
) -> layers.BatchNormalization:
    """A batch-normalization layer with PyTorch's constants."""
    return layer(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, name=name, dtype=dtype)


def _torch_uniform() -> keras.initializers.Initializer:
    """PyTorch's initializer for convolution weights: uniform within ``1 / sqrt(fan in)``."""
    return keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")
