"""FCNVMB: shot gathers to velocity by a U-Net that reads time as depth."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.layers import BilinearUpsampling, batch_normalization
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.types import DType, Tensor

_WIDTHS = (1, 2, 4, 8)  # channels of the four stages above the bottom, in filters


@keras.saving.register_keras_serializable(package="keras_seismic")
class FCNVMB(Network):
    """Velocity model of a stack of shot gathers, by the U-Net of FCNVMB.

    Four stages of two 3 x 3 convolutions with ReLU, each pooled 2 x 2; two more
    convolutions at the bottom; four stages back up, each joined with a map of the encoder
    (the skip) and followed by two convolutions with batch normalization; a linear 1 x 1
    head. The shots are channels. The output is part of the last map, so that a row of
    time becomes a row of depth: sample gathers so coarsely in time that the record is not
    much longer than the velocity model is deep (``keras_seismic.layers.TimeDecimation``). The
    published network reads 400 samples for 201 rows.

    At the default size this is the published network with 31,058,497 trainable
    parameters (31,044,673 with 5 shots). Its peculiarities are kept:

    - Skips are the maps **after** pooling, half the size of the map that they join, in a
      frame of zeros. ``skip="before_pooling"`` is the textbook U-Net, whose skips are as large as
      the map (apart from rounding in the pooling) and carry detail.
    - Pooling rounds sizes up, so that the last map is as large as the input rounded up to
      multiples of 16. Skips are centered, with the odd cell of the frame below and to
      the right.
    - The output starts at row and column 1 of the last map.
    - The encoder is batch-normalized on request, the decoder always.

    The published program also offers bilinear upsampling, but that fails: its next
    convolution expects half the channels. Here, a 1 x 1 convolution halves them.
    Convolutions with ReLU start from He uniform weights, not from PyTorch's default
    ones, with which signals fade out in an encoder without batch normalization.

    The published recipe trains on m/s: the head is linear and computes in float32
    whatever the policy, and ``VelocityScaling()`` without a range leaves its output alone.
    Any other range works as well, and trains in far fewer steps.

    Args:
        gather_shape: ``(time, receivers, shots)`` of one example.
        velocity_shape: ``(depth, width)`` of the output; at most the last map's size minus
            the crop offset.
        filters: Channels of the first stage; the others have 2, 4, 8 and 16 times as
            many. 64 is the published network.
        use_deconv: Grow maps by 2 x 2 transposed convolution; otherwise by bilinear
            upsampling with aligned corners, and a 1 x 1 convolution.
        batch_norm: Normalize the batch in the encoder as well.
        skip: ``"after_pooling"`` or ``"before_pooling"``, see above.
        crop_offset: First row and column of the last map to keep.
        dtype: Keras dtype policy, by default the global one.

    Input: ``(batch, time, receivers, shots)``. Output: ``(batch, depth, width, 1)``,
    float32 (float64 in a float64 network).

    Raises:
        ValueError: If a size is not a positive integer, the velocity model is larger than
            these gathers allow, or the skip is unknown.

    Example:
        >>> model = FCNVMB(gather_shape=(100, 60, 3), velocity_shape=(50, 60), filters=2)
        >>> model.output_shape
        (None, 50, 60, 1)

    Reference:
        Yang, F. and Ma, J. (2019), Deep-learning inversion: a next-generation seismic
        velocity model building method, Geophysics 84, R583-R599.
        Ronneberger, O. et al. (2015), U-Net: convolutional networks for biomedical image
        segmentation, MICCAI.
    """

    def __init__(
        self,
        gather_shape: Sequence[int] = (400, 301, 29),
        velocity_shape: Sequence[int] = (201, 301),
        filters: int = 64,
        use_deconv: bool = True,
        batch_norm: bool = True,
        skip: str = "after_pooling",
        crop_offset: int = 1,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        gather_shape = checked_size(gather_shape, 3, "FCNVMB: gather_shape", minimum=1)
        velocity_shape = checked_size(velocity_shape, 2, "FCNVMB: velocity_shape", minimum=1)
        (filters,) = checked_size((filters,), 1, "FCNVMB: filters", minimum=1)
        (crop_offset,) = checked_size((crop_offset,), 1, "FCNVMB: crop_offset", minimum=0)
        checked_choice(skip, ("after_pooling", "before_pooling"), "FCNVMB: skip")
        largest = tuple(-(-size // 16) * 16 - crop_offset for size in gather_shape[:2])
        if velocity_shape[0] > largest[0] or velocity_shape[1] > largest[1]:
            raise ValueError(
                f"FCNVMB: velocity_shape must be at most {largest}, the gathers' (time, receivers) "
                f"of {gather_shape[:2]} rounded up to multiples of 16, less crop_offset="
                f"{crop_offset}; received {velocity_shape}"
            )
        dtype = policy_name(dtype)

        def convolutions(x: Tensor, width: int, name: str, normalized: bool) -> Tensor:
            for part in ("a", "b"):
                x = layers.Conv2D(
                    width,
                    3,
                    padding="same",
                    kernel_initializer="he_uniform",
                    name=f"{name}{part}_convolution",
                    dtype=dtype,
                )(x)
                if normalized:
                    x = batch_normalization(name=f"{name}{part}_batch_norm", dtype=dtype)(x)
                x = layers.ReLU(name=f"{name}{part}_activation", dtype=dtype)(x)
            return x

        def grown(x: Tensor, width: int, name: str) -> Tensor:
            if use_deconv:
                name = f"{name}_transposed_convolution"
                return layers.Conv2DTranspose(width, 2, 2, name=name, dtype=dtype)(x)
            # Cheaper in this order: interpolation and 1 x 1 convolution commute.
            x = layers.Conv2D(width, 1, name=f"{name}_reduction", dtype=dtype)(x)
            return BilinearUpsampling(2, name=f"{name}_resize", dtype=dtype)(x)

        shot_gather = keras.Input(gather_shape, name="shot_gather")
        x, skips = shot_gather, []
        for stage, multiple in enumerate(_WIDTHS, start=1):
            full = convolutions(x, multiple * filters, f"encoder_{stage}", batch_norm)
            # "same" rounds up, and pads with values that are never the largest.
            x = layers.MaxPooling2D(padding="same", name=f"encoder_{stage}_pooling", dtype=dtype)(
                full
            )
            skips.append(x if skip == "after_pooling" else full)
        x = convolutions(x, 16 * filters, "bottom", batch_norm)

        for stage, multiple in reversed([*enumerate(_WIDTHS, start=1)]):
            x = grown(x, multiple * filters, f"decoder_{stage}")
            frame = _frame(skips[stage - 1], x)
            skipped = layers.ZeroPadding2D(frame, name=f"decoder_{stage}_skip", dtype=dtype)(
                skips[stage - 1]
            )
            x = layers.Concatenate(name=f"decoder_{stage}_joined", dtype=dtype)([skipped, x])
            x = convolutions(x, multiple * filters, f"decoder_{stage}", True)
        cropping = [
            (crop_offset, x.shape[axis + 1] - crop_offset - velocity_shape[axis]) for axis in (0, 1)
        ]
        x = layers.Cropping2D(cropping, name="crop", dtype=dtype)(x)
        velocity = layers.Conv2D(1, 1, name="velocity", dtype=output_dtype(dtype))(x)

        super().__init__(shot_gather, velocity, **kwargs)
        self.gather_shape = gather_shape
        self.velocity_shape = velocity_shape
        self.filters = filters
        self.use_deconv = bool(use_deconv)
        self.batch_norm = bool(batch_norm)
        self.skip = skip
        self.crop_offset = crop_offset
        self.policy = dtype


def _frame(inner: Tensor, outer: Tensor) -> list[tuple[int, int]]:
    """Zeros before and after each axis that make the inner map as large as the outer one."""
    excess = [outer.shape[axis] - inner.shape[axis] for axis in (1, 2)]
    return [(n // 2, n - n // 2) for n in excess]
