"""What a denoiser is made of and how it learns, as one value."""

from dataclasses import dataclass
from typing import Any

import keras

from keras_seismic.checks import checked_choice
from keras_seismic.layers import SectionNormalization
from keras_seismic.metrics import SignalToNoiseRatio
from keras_seismic.models import ConvDenoiser
from keras_seismic.optimizers import Adam
from keras_seismic.training.fitting import jit_compile

#: Losses by name, made anew for each training.
LOSSES = {
    "mse": lambda: keras.losses.MeanSquaredError(),
    "smooth_l1": lambda: keras.losses.Huber(delta=1.0),
    "sigmoid_crossentropy": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
    "softmax_crossentropy": lambda: keras.losses.CategoricalCrossentropy(from_logits=True),
}
#: Optimizers by name, made from a learning rate.
OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adam": Adam,
}


@dataclass(frozen=True)
class DenoiserRecipe:
    """Network, normalization, loss and optimizer of a ``ConvDenoiser``.

    The defaults are the published ones. Two of the losses that were compared with them cannot
    work on amplitudes in [-1, 1] (``check`` says so, ``study_denoiser`` shows it):

    - Softmax over the single channel of a section is 1 whatever the network answers, and the
      loss is zero. (The weights move nevertheless: TensorFlow's gradient of that loss assumes
      targets that sum to 1.)
    - Sigmoid cross-entropy is defined for targets in [0, 1]: it has no minimum for negative ones,
      which the sigmoid cannot reach. With ``normalization="range"`` it is fine. The network has a
      linear head then, and ``estimator`` adds the sigmoid, so that nothing is squashed twice.

    ``"smooth_l1"`` bends at an error of 1, which amplitudes in [-1, 1] hardly reach: it is half
    the squared error.

    Args:
        decoder: ``"transpose"`` or ``"resize"``, see ``ConvDenoiser``.
        batch_norm: Normalize the batch after each hidden ReLU.
        normalization: Of the input, see ``SectionNormalization``.
        percentile: For ``normalization="percentile"``.
        loss: ``"mse"``, ``"smooth_l1"``, ``"sigmoid_crossentropy"`` or
            ``"softmax_crossentropy"``.
        optimizer: ``"sgd"``, ``"momentum"`` (0.9), ``"adagrad"``, ``"adadelta"`` or ``"adam"``.
        learning_rate: Of the optimizer.
        patch_size: Samples and traces of a patch.
        epochs: Passes over the patches.

    Raises:
        ValueError: If there is no such normalization, loss or optimizer, or the learning rate is
            not positive.

    Example:
        >>> DenoiserRecipe(loss="sigmoid_crossentropy", normalization="range").check()
        >>> DenoiserRecipe(optimizer="momentum").network(num_filters=4).output_activation
        'tanh'
    """

    decoder: str = "transpose"
    batch_norm: bool = False
    normalization: str = "maximum"
    percentile: float = 99.5
    loss: str = "mse"
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    patch_size: int = 28
    epochs: int = 5

    def __post_init__(self) -> None:
        checked_choice(self.loss, list(LOSSES), "DenoiserRecipe: loss")
        checked_choice(self.optimizer, list(OPTIMIZERS), "DenoiserRecipe: optimizer")
        _ = self.input_normalization  # raises if there is none like it
        if not self.learning_rate > 0:
            raise ValueError(
                f"DenoiserRecipe: learning_rate must be positive, received {self.learning_rate}"
            )

    def check(self) -> None:
        """Refuse a loss that cannot work.

        Raises:
            ValueError: Saying why, and what to choose instead.
        """
        if self.loss == "softmax_crossentropy":
            raise ValueError(
                "loss: expected one that can be learned from (mse, smooth_l1), received "
                "softmax_crossentropy, which is zero whatever the network answers, because a "
                "section has a single channel"
            )
        if self.loss == "sigmoid_crossentropy" and self.normalization != "range":
            raise ValueError(
                "loss: sigmoid_crossentropy is for amplitudes in [0, 1], which only the "
                f"normalization 'range' gives, received {self.normalization!r}; in [-1, 1] "
                "choose mse or smooth_l1"
            )

    @property
    def input_normalization(self) -> SectionNormalization:
        """The layer before the network."""
        return SectionNormalization(self.normalization, self.percentile)

    def network(self, num_filters: int = 32, num_blocks: int = 2, **options: Any) -> ConvDenoiser:
        """A new network, compiled.

        Args:
            num_filters: Channels of the hidden layers.
            num_blocks: Encoder layers, and decoder layers.
            **options: Passed to ``compile``.
        """
        sigmoid = self.loss == "sigmoid_crossentropy"
        head = "linear" if sigmoid else "tanh"
        network = ConvDenoiser(num_filters, num_blocks, self.decoder, self.batch_norm, head)
        options.setdefault("jit_compile", jit_compile())
        network.compile(
            OPTIMIZERS[self.optimizer](self.learning_rate), LOSSES[self.loss](), **options
        )
        return network

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """To watch the training by; none where the network's output or zero is displaced."""
        shifted = self.normalization == "range" or self.loss.endswith("crossentropy")
        return [] if shifted else [SignalToNoiseRatio()]

    def estimator(self, network: ConvDenoiser) -> ConvDenoiser:
        """The trained network as it estimates clean sections, with a sigmoid if it lacks one."""
        if self.loss != "sigmoid_crossentropy":
            return network
        config = network.get_config() | {"output_activation": "sigmoid"}
        estimator = ConvDenoiser.from_config(config)
        estimator.set_weights(network.get_weights())
        return estimator
