"""InversionNet: shot gathers to velocity by an encoder-decoder with a vector in between."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.layers import (
    ChannelDropout,
    batch_normalization,
    convolution_block,
    resize_convolution_block,
    transposed_convolution_block,
)
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.types import DType, Tensor

_SCALE = 16  # the decoder doubles its first map four times


@keras.saving.register_keras_serializable(package="keras_seismic")
class InversionNet(Network):
    """Velocity model of a stack of shot gathers.

    The encoder halves time until it is about as short as the spread is wide, halves
    both, and ends in one vector; the decoder grows the vector into a map and doubles
    it four times, then crops. Input and output are normalized to [-1, 1]
    (``GatherNormalization``, ``VelocityScaling``).

    At the default size this is OpenFWI's network, block by block, with 24,409,123
    trainable parameters; with its weights converted, the output is equal. It
    deviates from the paper (Wu and Lin) as that code does: five shots instead of six,
    and square convolutions from the fifth stage on. Other gather and velocity sizes
    change the kernel that makes the vector, and the first kernel of the decoder.

    ``variant="paper"`` follows the paper's text where it differs: narrow convolutions,
    along time only, continue from 125 down to 32 time samples (four of them, two strided)
    before square ones begin. It is a reconstruction: the widths of the stages, the
    kernel that makes the vector and the whole decoder are the code's, by analogy. Its six
    shots only need another ``gather_shape``.

    Args:
        gather_shape: ``(time, receivers, shots)`` of one example.
        velocity_shape: ``(depth, width)`` of the output.
        filters: Channels of the first block; the others are 2, 4, 8 and 16 times as
            many. 32 is the published network, 8 trains on a laptop.
        decoder: How maps grow. ``"transposed"``: transposed convolution.
            ``"resize"``: cells repeated, then a 3 x 3 convolution; 18,996,259
            trainable parameters at the default size.
        variant: ``"code"`` or ``"paper"``, see above.
        dropout: Fraction of whole channels that is dropped from the vector and after each
            stage of the decoder but the last. The published networks have none. Left active
            at prediction, it shows how certain the network is
            (``keras_seismic.evaluation.monte_carlo_predict``).
        dtype: Keras dtype policy, by default the global one.

    Input: ``(batch, time, receivers, shots)``. Output: ``(batch, depth, width, 1)``,
    float32 (float64 in a float64 network).

    Raises:
        ValueError: If a size is not a positive integer or too small for the encoder, the
            decoder or the variant is unknown, or the dropout is not in [0, 1).

    Example:
        >>> model = InversionNet(gather_shape=(128, 16, 2), velocity_shape=(24, 32), filters=2)
        >>> model.output_shape
        (None, 24, 32, 1)

    Reference:
        Wu, Y. and Lin, Y. (2020), InversionNet: an efficient and accurate data-driven
        full waveform inversion, IEEE Transactions on Computational Imaging 6, 419-433.
        Deng, C. et al. (2022), OpenFWI.
    """

    def __init__(
        self,
        gather_shape: Sequence[int] = (1000, 70, 5),
        velocity_shape: Sequence[int] = (70, 70),
        filters: int = 32,
        decoder: str = "transposed",
        variant: str = "code",
        dropout: float = 0.0,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        gather_shape = checked_size(gather_shape, 3, "InversionNet: gather_shape", minimum=1)
        velocity_shape = checked_size(velocity_shape, 2, "InversionNet: velocity_shape", minimum=1)
        (filters,) = checked_size((filters,), 1, "InversionNet: filters", minimum=1)
        checked_choice(decoder, ("transposed", "resize"), "InversionNet: decoder")
        checked_choice(variant, ("code", "paper"), "InversionNet: variant")
        if not 0 <= dropout < 1:
            raise ValueError(f"InversionNet: dropout must be in [0, 1), received {dropout}")
        if gather_shape[0] < 32:
            raise ValueError(
                "InversionNet: gather_shape (time, receivers, shots) needs at least 32 time "
                f"samples, which the encoder halves seven times, received {gather_shape}"
            )
        dtype = policy_name(dtype)

        def narrow(x: Tensor, width: int, kernel: int, stride: int, name: str) -> Tensor:
            strides = (stride, 1) if stride > 1 else 1
            return convolution_block(x, width, (kernel, 1), strides, name=name, dtype=dtype)

        def square(x: Tensor, width: int, stride: int, name: str) -> Tensor:
            return convolution_block(x, width, 3, stride, name=name, dtype=dtype)

        def grown(x: Tensor, width: int, factor: int | tuple[int, int], name: str) -> Tensor:
            if decoder == "resize":
                return resize_convolution_block(x, width, factor, name=name, dtype=dtype)
            # A kernel of the map's size turns the vector into a map; 4 x 4 kernels double it.
            how = (4, 2, "same") if factor == 2 else (factor, 1, "valid")
            return transposed_convolution_block(x, width, *how, name=name, dtype=dtype)

        def dropped(x: Tensor, name: str) -> Tensor:
            if not dropout:
                return x
            return ChannelDropout(dropout, name=f"{name}_dropout", dtype=dtype)(x)

        # (stage, width in filters); the paper has one more narrow stage and one less square stage.
        stages = [(2, 2), (3, 2), (4, 4), (5, 4), (6, 8), (7, 8)]
        narrow_count = 4 if variant == "paper" else 3

        shot_gather = keras.Input(gather_shape, name="shot_gather")
        x = narrow(shot_gather, filters, 7, 2, "encoder_1")
        for stage, multiple in stages[:narrow_count]:
            x = narrow(x, multiple * filters, 3, 2, f"encoder_{stage}a")
            x = narrow(x, multiple * filters, 3, 1, f"encoder_{stage}b")
        for stage, multiple in stages[narrow_count:]:
            x = square(x, multiple * filters, 2, f"encoder_{stage}a")
            x = square(x, multiple * filters, 1, f"encoder_{stage}b")
        x = convolution_block(x, 16 * filters, x.shape[1:3], 1, 0, name="vector", dtype=dtype)
        x = dropped(x, "vector")

        first_map = (-(-velocity_shape[0] // _SCALE), -(-velocity_shape[1] // _SCALE))
        for stage, multiple in ((1, 16), (2, 8), (3, 4), (4, 2), (5, 1)):
            factor = first_map if stage == 1 else 2
            x = grown(x, multiple * filters, factor, f"decoder_{stage}a")
            x = square(x, multiple * filters, 1, f"decoder_{stage}b")
            x = dropped(x, f"decoder_{stage}") if stage < 5 else x
        excess = [x.shape[axis + 1] - velocity_shape[axis] for axis in (0, 1)]
        cropping = [(n // 2, n - n // 2) for n in excess]
        x = layers.Cropping2D(cropping, name="crop", dtype=dtype)(x)
        x = layers.Conv2D(1, 3, padding="same", name="head_convolution", dtype=dtype)(x)
        x = batch_normalization(name="head_batch_norm", dtype=dtype)(x)
        velocity = layers.Activation("tanh", name="velocity", dtype=output_dtype(dtype))(x)

        super().__init__(shot_gather, velocity, **kwargs)
        self.gather_shape = gather_shape
        self.velocity_shape = velocity_shape
        self.filters = filters
        self.decoder = decoder
        self.variant = variant
        self.dropout = float(dropout)
        self.policy = dtype
