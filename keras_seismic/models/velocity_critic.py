"""VelocityCritic: scores how much velocity models resemble those in the data."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.layers import convolution_block
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.types import DType, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class VelocityCritic(Network):
    """Critic of VelocityGAN: a higher score means closer to real velocity models.

    ``variant="code"``, the default, is OpenFWI's: pairs of 3 x 3 convolutions that halve the
    map four times, and a convolution over the rest, with 1,180,003 trainable parameters;
    batch normalization and LeakyReLU also after the last one. ``variant="paper"`` is the
    paper's: up to five blocks of convolution, normalization, LeakyReLU and pooling, then the
    mean over the map and a dense layer; its widths are not published and taken from the code.

    Batch normalization in a critic couples samples that the gradient penalty treats separately.
    It also hides a shift common to all generated models, because real and generated ones are
    normalized separately. It is the default to match the original. With
    ``normalization="layer"`` (or ``None``) the critic sees such a shift, and its last layer is
    linear, as the theory of the Wasserstein distance requires. ``benchmarks/adversarial.py``
    measures what each gains.

    Args:
        velocity_shape: ``(depth, width)`` of the velocity models.
        filters: Channels of the first pair; the others have 2, 4 and 8 times as many.
        variant: ``"code"`` or ``"paper"``.
        patch_size: With ``variant="paper"``: PatchGAN, a score for each of at least
            ``patch_size`` patches along each axis instead of one for the whole model. The
            paper uses 4, which 70 x 70 models give exactly.
        normalization: ``"batch"``, ``"layer"`` (over all of a sample) or ``None``.
        dtype: Keras dtype policy, by default the global one.

    Input: ``(batch, depth, width, 1)`` in [-1, 1]. Output: ``(batch, patches)``, float32
    (float64 in a float64 network); one patch without ``patch_size``.

    Raises:
        ValueError: If an argument is unknown, or the velocity model is too small.

    Example:
        >>> critic = VelocityCritic(velocity_shape=(24, 32), filters=2, normalization="layer")
        >>> critic.output_shape
        (None, 1)

    Reference:
        Zhang, Z. et al. (2019), VelocityGAN: subsurface velocity image estimation using
        conditional adversarial networks, IEEE WACV. Deng, C. et al. (2022), OpenFWI.
    """

    def __init__(
        self,
        velocity_shape: Sequence[int] = (70, 70),
        filters: int = 32,
        variant: str = "code",
        patch_size: int | None = None,
        normalization: str | None = "batch",
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        velocity_shape = checked_size(velocity_shape, 2, "VelocityCritic: velocity_shape")
        (filters,) = checked_size((filters,), 1, "VelocityCritic: filters")
        checked_choice(variant, ("code", "paper"), "VelocityCritic: variant")
        checked_choice(normalization, ("batch", "layer", None), "VelocityCritic: normalization")
        if patch_size is not None:
            (patch_size,) = checked_size((patch_size,), 1, "VelocityCritic: patch_size")
            if variant == "code" or patch_size > min(velocity_shape) // 2:
                raise ValueError(
                    'VelocityCritic: patch_size needs variant="paper" and at most half the '
                    f"velocity model's shorter side, received patch_size={patch_size} with "
                    f"variant={variant!r} and velocity_shape={velocity_shape}"
                )
        if variant == "paper" and min(velocity_shape) < 2:
            raise ValueError(
                f"VelocityCritic: pooling needs at least 2 x 2 cells, received {velocity_shape}"
            )
        dtype = policy_name(dtype)
        exact = output_dtype(dtype)  # differences of scores are small

        # The gradient penalty's gradient needs second derivatives.
        kind = "twice_differentiable_batch" if normalization == "batch" else normalization

        def block(
            x: Tensor,
            width: int,
            kernel: int | tuple[int, int],
            stride: int = 1,
            padding: int | None = None,
            name: str = "score",
        ) -> Tensor:
            return convolution_block(
                x, width, kernel, stride, padding, kind, name=name, dtype=dtype
            )

        velocity = keras.Input((*velocity_shape, 1), name="velocity")
        x = velocity
        if variant == "code":
            for stage, multiple in enumerate((1, 2, 4, 8), start=1):
                x = block(x, multiple * filters, 3, 2, name=f"critic_{stage}a")
                x = block(x, multiple * filters, 3, name=f"critic_{stage}b")
            if normalization == "batch":
                x = block(x, 1, x.shape[1:3], padding=0, name="score")
            else:
                x = layers.Conv2D(1, x.shape[1:3], name="score_convolution", dtype=exact)(x)
        else:
            for stage, multiple in enumerate((1, 2, 4, 8, 8), start=1):
                if min(x.shape[1:3]) < 2 * (patch_size or 1):
                    break
                x = block(x, multiple * filters, 3, name=f"critic_{stage}")
                x = layers.MaxPooling2D(2, name=f"critic_{stage}_pooling", dtype=dtype)(x)
            if patch_size is None:
                x = layers.GlobalAveragePooling2D(name="mean", dtype=dtype)(x)
                x = layers.Dense(1, name="score_dense", dtype=exact)(x)
            else:
                x = layers.Conv2D(1, 3, padding="same", name="score_convolution", dtype=exact)(x)
        score = layers.Flatten(name="score", dtype=exact)(x)

        super().__init__(velocity, score, **kwargs)
        self.velocity_shape = velocity_shape
        self.filters = filters
        self.variant = variant
        self.patch_size = patch_size
        self.normalization = normalization
        self.policy = dtype
