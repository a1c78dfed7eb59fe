"""TimeDepthUNet: shot gathers to velocity by a U-Net that turns time into depth in its skips."""

import itertools
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_seismic.checks import checked_size
from keras_seismic.layers import TimeToDepth
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.types import DType, Tensor

#: Most of a normalized gather is near zero; the first layer learns as quickly as the others if its
#: input is larger.
_GAIN = 2.7


@keras.saving.register_keras_serializable(package="keras_seismic")
class TimeDepthUNet(Network):
    """Velocity model of a stack of shot gathers, small enough to train on a laptop.

    Convolutions shorten time until it has about as many samples as the velocity model has rows,
    the last of them receivers too. A U-Net of residual blocks follows; its encoder lives in (time,
    receivers), its decoder in (depth, width), and between them lie learned matrices from time to
    depth (``TimeToDepth``) at every level. Maps grow by repeated cells and convolution. There is
    no normalization between the layers: an output depends on its own gathers alone, in training
    as in use.

    This is the package's own design (``docs/inversion_networks.md`` compares it with the published
    ones). Gathers of 1000 samples at 1 ms hold nothing above 50 Hz with OpenFWI's wavelet: pass it
    every fourth one (``TimeDecimation(4)`` in a ``GatherPreparation``).

    Args:
        gather_shape: ``(time, receivers, shots)`` of one example.
        velocity_shape: ``(depth, width)`` of the output.
        filters: Channels at half the velocity model's size and at each further halving,
            multiples of ``groups``.
        groups: Matrices from time to depth in each skip, each for as many channels.
        dtype: Keras dtype policy, by default the global one.

    Input: ``(batch, time, receivers, shots)``. Output: ``(batch, depth, width, 1)``, float32
    (float64 in a float64 network). Both are normalized to [-1, 1] (``VelocityScaling``,
    ``GatherNormalization``, centered by its ``centered``).

    Raises:
        ValueError: If a size is not a positive integer, or channels are no multiple of the groups.

    Example:
        >>> TimeDepthUNet((64, 12, 2), (20, 24), filters=(8, 16)).output_shape
        (None, 20, 24, 1)
    """

    def __init__(
        self,
        gather_shape: Sequence[int] = (250, 70, 5),
        velocity_shape: Sequence[int] = (70, 70),
        filters: Sequence[int] = (32, 48, 80, 128),
        groups: int = 8,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        gather_shape = checked_size(gather_shape, 3, "TimeDepthUNet: gather_shape")
        velocity_shape = checked_size(velocity_shape, 2, "TimeDepthUNet: velocity_shape")
        filters = checked_size(tuple(filters), max(len(filters), 1), "TimeDepthUNet: filters")
        (groups,) = checked_size((groups,), 1, "TimeDepthUNet: groups")
        if any(count % groups for count in filters):
            raise ValueError(
                f"TimeDepthUNet: filters must be multiples of groups={groups}, received {filters}"
            )
        dtype = policy_name(dtype)

        shot_gather = keras.Input(gather_shape, name="shot_gather")
        x = layers.Rescaling(_GAIN, name="gain", dtype=dtype)(shot_gather)
        for part in itertools.count(1):
            last = x.shape[1] < 2.8 * velocity_shape[0]
            kernel, strides = (7, 5) if part == 1 else (5, 3), (2, 2) if last else (2, 1)
            x = _convolution(x, filters[0], kernel, f"stem_{part}", dtype, 2.0, strides)
            x = _activation(x, f"stem_{part}", dtype)
            if last:
                break

        skips, (depth, width) = [], velocity_shape
        for level, count in enumerate(filters):
            depth, width = -(-depth // 2), -(-width // 2)
            if level:
                x = _convolution(x, count, 2, f"down_{level}", dtype, strides=2)
            x = _block(x, f"encoder_{level}", dtype)
            turned = TimeToDepth(depth, width, groups, name=f"time_to_depth_{level}", dtype=dtype)
            skips.append(turned(x))

        x = _block(skips.pop(), "bottom", dtype)
        for level, skip in reversed([*enumerate(skips)]):
            x = _block(x, f"decoder_{level + 1}", dtype)
            x = _convolution(x, filters[level], 1, f"up_{level}", dtype)
            x = _resized(x, skip.shape[1:3], f"resize_{level}", dtype)
            x = layers.Add(name=f"merge_{level}", dtype=dtype)([x, skip])
        x = _block(x, "decoder_0", dtype)
        x = _resized(x, velocity_shape, "resize", dtype)
        for name in ("full_size", "features"):
            x = _convolution(x, filters[0], 3, name, dtype, gain=2.0)
            x = _activation(x, name, dtype)
        velocity = _convolution(x, 1, 3, "velocity", output_dtype(dtype), gain=0.1)

        super().__init__(shot_gather, velocity, **kwargs)
        self.gather_shape = gather_shape
        self.velocity_shape = velocity_shape
        self.filters = filters
        self.groups = groups
        self.policy = dtype


def _convolution(
    x: Tensor,
    count: int,
    size: int | tuple[int, int],
    name: str,
    dtype: str,
    gain: float = 1.0,
    strides: int | tuple[int, int] = 1,
) -> Tensor:
    return layers.Conv2D(
        count,
        size,
        strides,
        padding="same",
        kernel_initializer=keras.initializers.VarianceScaling(gain),
        name=name,
        dtype=dtype,
    )(x)


def _activation(x: Tensor, name: str, dtype: str) -> Tensor:
    return layers.LeakyReLU(negative_slope=0.1, name=f"{name}_activation", dtype=dtype)(x)


def _resized(x: Tensor, size: tuple[int, ...], name: str, dtype: str) -> Tensor:
    """Cells repeated, less the last row and column where the size is odd."""
    excess = [2 * have - want for have, want in zip(x.shape[1:3], size, strict=True)]
    x = layers.UpSampling2D(name=name, dtype=dtype)(x)
    if not any(excess):
        return x
    return layers.Cropping2D([(0, n) for n in excess], name=f"{name}_crop", dtype=dtype)(x)


def _block(x: Tensor, name: str, dtype: str) -> Tensor:
    """Two convolutions added to their input; near the identity at the start."""
    y = _activation(_convolution(x, x.shape[-1], 3, f"{name}_1", dtype, gain=2.0), name, dtype)
    y = _convolution(y, x.shape[-1], 3, f"{name}_2", dtype, gain=0.05)
    return layers.Add(name=name, dtype=dtype)([x, y])
