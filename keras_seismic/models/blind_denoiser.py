"""BlindDenoiser: sections of any amplitude and noise level to clean ones, by a residual U-Net."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

from keras_seismic.checks import checked_size
from keras_seismic.layers import CropLike
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.types import DType, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class BlindDenoiser(Network):
    """Noisy sections to clean ones, whatever their amplitude, polarity and noise level.

    A U-Net of residual blocks: 3 x 3 convolutions and leaky ReLUs without any bias or
    normalization, 2 x 2 convolutions of stride 2 on the way down, and on the way up 1 x 1
    convolutions and repeated cells, added to what the encoder had at that size. It estimates the
    noise, which is subtracted.

    Without biases, the output is proportional to the input: a section in other units, or a part
    of it that is a thousand times weaker, is denoised alike, and the noise level need not be
    known (Mohan et al.). With ``odd``, the estimates for a section and for minus that section
    are combined, so that reversed polarity gives exactly the reversed result; that doubles the
    time, and is done after training only, with the same weights.

    Args:
        filters: Channels at full size and at each halving.
        odd: Whether the network is an odd function.
        dtype: Keras dtype policy, by default the global one.

    Input and output: ``(batch, time, traces, 1)``, any size and unit, best of a deviation near 1;
    the output is float32.

    Raises:
        ValueError: If there are no filters or a number is not a positive integer.

    Example:
        >>> BlindDenoiser().count_params()
        1280304

    Reference:
        Mohan, Kadkhodaie, Simoncelli and Fernandez-Granda, Robust and interpretable blind image
        denoising via bias-free convolutional neural networks, ICLR 2020.
    """

    def __init__(
        self,
        filters: Sequence[int] = (24, 48, 96, 144),
        odd: bool = True,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        filters = checked_size(tuple(filters), max(len(filters), 1), "BlindDenoiser: filters")
        dtype = policy_name(dtype)
        section = keras.Input((None, None, 1), name="section")
        estimate = _noise_estimate(filters, dtype)
        noise = estimate(section)
        if odd:
            opposite = estimate(layers.Rescaling(-1.0, name="opposite", dtype=dtype)(section))
            noise = layers.Subtract(name="difference", dtype=dtype)([noise, opposite])
            noise = layers.Rescaling(0.5, name="noise", dtype=dtype)(noise)
        clean = layers.Subtract(name="clean_section", dtype=output_dtype(dtype))([section, noise])
        super().__init__(section, clean, **kwargs)
        self.filters = filters
        self.odd = bool(odd)
        self.policy = dtype


def _noise_estimate(filters: tuple[int, ...], dtype: str) -> Callable[[Tensor], Tensor]:
    """The part with weights; each call uses the same layers."""
    made: dict[str, keras.layers.Layer] = {}

    def apply(kind: type[keras.layers.Layer], name: str, *inputs: Any, **options: Any) -> Tensor:
        if name not in made:
            made[name] = kind(name=name, dtype=dtype, **options)
        return made[name](*inputs)

    def convolution(
        x: Tensor, count: int, size: int, name: str, gain: float = 1.0, strides: int = 1
    ) -> Tensor:
        start = keras.initializers.VarianceScaling(gain)
        options = {"filters": count, "kernel_size": size, "strides": strides, "padding": "same"}
        return apply(layers.Conv2D, name, x, use_bias=False, kernel_initializer=start, **options)

    def block(x: Tensor, name: str) -> Tensor:
        y = convolution(x, x.shape[-1], 3, f"{name}_1", gain=2.0)
        y = apply(layers.LeakyReLU, f"{name}_activation", y, negative_slope=0.1)
        y = convolution(y, x.shape[-1], 3, f"{name}_2", gain=0.01)  # begins near the identity
        return apply(layers.Add, name, [x, y])

    def estimate(section: Tensor) -> Tensor:
        x = convolution(section, filters[0], 3, "stem")
        skips = []
        for level, count in enumerate(filters):
            if level:
                skips.append(x)
                x = convolution(x, count, 2, f"down_{level}", strides=2)
            x = block(x, f"encoder_{level}")
        for level in reversed(range(len(skips))):
            x = block(x, f"decoder_{level + 1}")
            x = convolution(x, filters[level], 1, f"up_{level}")
            x = apply(layers.UpSampling2D, f"resize_{level}", x)
            x = apply(CropLike, f"crop_{level}", x, skips[level])
            x = apply(layers.Add, f"merge_{level}", [x, skips[level]])
        x = block(x, "decoder_0")
        return convolution(x, 1, 3, "head", gain=0.01)

    return estimate
