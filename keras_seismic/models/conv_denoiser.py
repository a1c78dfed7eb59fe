"""ConvDenoiser: denoising with a small, fully convolutional autoencoder."""

from typing import Any

import keras
from keras import layers

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.layers import BatchNormalization, CropLike
from keras_seismic.models.network import Network, policy_name
from keras_seismic.types import DType, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class ConvDenoiser(Network):
    """Noisy sections to clean ones.

    Trained on small patches and run on whole sections: no layer depends on the size.
    Input and output are normalized to [-1, 1] (``SectionNormalization``).

    - ``decoder="transpose"``, the network to use: ``num_blocks`` 3 x 3
      convolutions, as many 3 x 3 transposed convolutions, all at full resolution, and
      a 1 x 1 head. 28,097 parameters by default. No pooling, so no detail is lost.
    - ``decoder="resize"``, the published baseline, hardly worse on simulated sections (12.4
      against 12.6 dB, docs/denoiser_study.md): every
      convolution is followed by 2 x 2 max-pooling (the first has twice the filters),
      every decoder block doubles the size by repeating cells before its convolution.
      The original resized to fixed sizes for 28 x 28 patches; here sizes are
      relative and the surplus is cropped, so any size works.

    Args:
        num_filters: Channels of the hidden layers.
        num_blocks: Encoder layers, and decoder layers.
        decoder: ``"transpose"`` or ``"resize"``.
        batch_norm: Normalize the batch after each hidden ReLU.
        output_activation: Activation of the head. ``"tanh"`` keeps the output in (-1, 1); use
            ``"linear"`` for losses that squash the output themselves.
        dtype: Keras dtype policy, by default the global one.

    Input and output: ``(batch, time, traces, 1)``, any size; the output is float32.

    Raises:
        ValueError: If the decoder is unknown or a number is not a positive integer.

    Example:
        >>> ConvDenoiser().count_params()
        28097
    """

    def __init__(
        self,
        num_filters: int = 32,
        num_blocks: int = 2,
        decoder: str = "transpose",
        batch_norm: bool = False,
        output_activation: str = "tanh",
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        (num_filters,) = checked_size((num_filters,), 1, "ConvDenoiser: num_filters")
        (num_blocks,) = checked_size((num_blocks,), 1, "ConvDenoiser: num_blocks")
        checked_choice(decoder, ("transpose", "resize"), "ConvDenoiser: decoder")
        dtype = policy_name(dtype)
        hidden = {"kernel_size": 3, "padding": "same", "activation": "relu", "dtype": dtype}
        transposed = {"kernel_initializer": "glorot_normal"}

        def finished(x: Tensor, name: str) -> Tensor:
            if batch_norm:
                x = BatchNormalization(name=f"{name}_batch_norm", dtype=dtype)(x)
            return x

        section = keras.Input((None, None, 1), name="section")
        x = section
        for block in range(1, num_blocks + 1):
            name = f"encoder_{block}"
            wider = 2 if decoder == "resize" and block == 1 else 1
            x = layers.Conv2D(wider * num_filters, name=name, **hidden)(x)
            x = finished(x, name)
            if decoder == "resize":
                x = layers.MaxPooling2D(padding="same", name=f"{name}_pooling", dtype=dtype)(x)
        for block in range(1, num_blocks + 1):
            name = f"decoder_{block}"
            if decoder == "transpose":
                x = layers.Conv2DTranspose(num_filters, name=name, **hidden, **transposed)(x)
            else:
                x = layers.UpSampling2D(name=f"{name}_resize", dtype=dtype)(x)
                x = layers.Conv2D(num_filters, name=name, **hidden)(x)
            x = finished(x, name)
        if decoder == "resize":
            x = CropLike(name="crop", dtype=dtype)(x, section)
        x = layers.Conv2DTranspose(1, 1, name="head", dtype=dtype, **transposed)(x)
        clean = layers.Activation(output_activation, name="clean_section", dtype="float32")(x)

        super().__init__(section, clean, **kwargs)
        self.num_filters = num_filters
        self.num_blocks = num_blocks
        self.decoder = decoder
        self.batch_norm = bool(batch_norm)
        self.output_activation = output_activation
        self.policy = dtype
