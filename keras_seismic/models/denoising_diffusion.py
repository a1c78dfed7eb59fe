"""DenoisingDiffusion: samples like those it was trained on, or like those that explain the data."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.models.diffusion_process import (
    PREDICTIONS,
    SCHEDULES,
    signal_powers,
    target,
    with_noise,
)
from keras_seismic.models.diffusion_sampling import draw_samples
from keras_seismic.models.network import compute_dtypes
from keras_seismic.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class DenoisingDiffusion(keras.Model):
    r"""A network that takes noise away, and with it draws samples, step by step out of pure noise.

    In training a sample :math:`x`, normalized to about [-1, 1], gets as much noise
    :math:`\epsilon` as remains after a random step of the schedule, :math:`z = \sqrt{p}\, x +
    \sqrt{1 - p}\, \epsilon`, and the denoiser predicts from :math:`z` and :math:`p` the noise, the
    sample, or :math:`v = \sqrt{p}\, \epsilon - \sqrt{1 - p}\, x`. ``sample`` begins with noise and
    goes back along the schedule.

    Without a condition it learns what samples look like: ``fit(samples)``. With one, it learns
    what they look like given something else, so that samples show what the data leave open:
    ``fit(gathers, velocity)`` with a conditioner that turns gathers into a map of the velocity's
    size, or ``fit(noisy, clean)`` with the noisy section itself as the map. So it trains on the
    package's pairs like the other networks. Without a condition, pairs are learned without their
    first part. ``compile`` as usual; the loss compares the denoiser's prediction with what
    it should be, at powers and with noise that are new in every batch, and fixed in validation.

    It trains on every Keras backend, by Keras' own steps: there is a loss of its own
    (``compute_loss``) and no loop of its own.

    Args:
        denoiser: Functional model such as ``DiffusionUNet``, from noisy samples ``(batch, height,
            width, channels)``, signal powers ``(batch,)`` and, with a condition, a map
            ``(batch, height, width, condition_channels)`` to a prediction like the samples.
        conditioner: Functional model from what samples depend on to that map, trained along;
            without one, a map is given.
        schedule: ``"cosine"`` or ``"linear"``, see ``diffusion_process.signal_powers``.
        prediction: ``"v"``, ``"epsilon"`` or ``"x"``.
        steps: Steps of the schedule.
        seed: Of the noise in training.

    Raises:
        ValueError: If a choice is unknown or the networks do not fit each other.

    Example:
        >>> from keras_seismic.models import DiffusionUNet
        >>> model = DenoisingDiffusion(DiffusionUNet((8, 8, 1), filters=2, depth=1), steps=50)
        >>> model.compile("adam", "mean_squared_error")
        >>> history = model.fit(np.zeros((4, 8, 8, 1)), verbose=0)
        >>> model.sample(3, steps=5, seed=1).shape
        (3, 8, 8, 1)

    Reference:
        Ho, J., Jain, A. and Abbeel, P. (2020), Denoising diffusion probabilistic models, NeurIPS.
        Song, J., Meng, C. and Ermon, S. (2021), Denoising diffusion implicit models, ICLR.
        Salimans, T. and Ho, J. (2022), Progressive distillation for fast sampling of diffusion
        models, ICLR.
    """

    optimizer: Any

    def __init__(
        self,
        denoiser: keras.Model,
        conditioner: keras.Model | None = None,
        schedule: str = "cosine",
        prediction: str = "v",
        steps: int = 1000,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        checked_choice(schedule, SCHEDULES, "DenoisingDiffusion: schedule")
        checked_choice(prediction, PREDICTIONS, "DenoisingDiffusion: prediction")
        (steps,) = checked_size((steps,), 1, "DenoisingDiffusion: steps")
        _check_networks(denoiser, conditioner)
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.denoiser, self.conditioner = denoiser, conditioner
        self.schedule, self.prediction, self.steps = schedule, prediction, steps
        self.seed = int(seed)
        self.powers = signal_powers(schedule, steps)
        self.random = keras.random.SeedGenerator(self.seed)
        self.built = True

    @property
    def conditional(self) -> bool:
        """Whether samples depend on something."""
        return len(self.denoiser.inputs) == 3

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """``(height, width, channels)`` of one sample."""
        return tuple(self.denoiser.output_shape[1:])

    def compile(
        self, optimizer: Any = "adam", loss: Any = "mean_squared_error", **options: Any
    ) -> None:
        """``keras.Model.compile`` without metrics: predictions in training are not samples.

        Raises:
            ValueError: If there are metrics.
        """
        if options.get("metrics") or options.get("weighted_metrics"):
            raise ValueError(
                "DenoisingDiffusion: metrics would compare predictions of noise; score samples "
                "(model.sample), received metrics"
            )
        super().compile(optimizer, loss, **options)
        scaled = isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)
        if not scaled and "float16" in compute_dtypes(self):
            self.optimizer = keras.optimizers.LossScaleOptimizer(self.optimizer)

    def compile_from_config(self, config: Config) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """What ``fit`` calls first; the work is in ``compute_loss``, and in ``sample``."""
        del training
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The loss of the denoiser's prediction for noisy copies of the samples.

        Args:
            x: What the samples depend on; without ``y``, the samples.
            y: The samples.
            y_pred: Ignored.
            sample_weight: Weight of each sample.
            training: Draw new noise; otherwise each batch gets the same.
        """
        del y_pred
        clean = ops.cast(x if y is None else y, self.compute_dtype)
        batch = ops.shape(clean)[0]
        random = self.random if training else self.seed
        drawn = keras.random.randint((batch,), 1, self.steps + 1, seed=random)
        power = ops.take(ops.cast(self.powers, self.compute_dtype), drawn)
        noise = keras.random.normal(ops.shape(clean), seed=random if training else self.seed + 1)
        each = ops.reshape(power, (-1, 1, 1, 1))
        inputs = [with_noise(clean, noise, each), power]
        if self.conditional:
            given = ops.convert_to_tensor(x)
            network = self.conditioner
            inputs.append(given if network is None else network(given, training=training))
        predicted = self.denoiser(inputs, training=training)
        wanted = target(self.prediction, clean, noise, each)
        loss: Tensor = super().compute_loss(x, wanted, predicted, sample_weight, training)
        return loss

    def sample(
        self,
        count: int = 1,
        condition: np.ndarray | None = None,
        *,
        sampler: str = "ddim",
        steps: int = 50,
        seed: int = 0,
        batch_size: int = 16,
        progress: bool = True,
    ) -> np.ndarray:
        """Draw samples.

        A sample depends on the seed, its number and its condition alone, not on the others.

        Args:
            count: Number of samples, of each condition.
            condition: ``(conditions, ...)``, what the conditioner takes, or maps.
            sampler: ``"ddim"``, which is random only in its beginning, or ``"ddpm"``, in every
                step; the latter needs more steps.
            steps: Steps of the sampler, at most those of the schedule.
            seed: Of the noise.
            batch_size: Samples made together.
            progress: Show a progress bar when it takes longer than a second.

        Returns:
            float32 ``(count, height, width, channels)``; with a condition
            ``(conditions, count, height, width, channels)``.

        Raises:
            ValueError: If a number or choice is out of range, or the condition is missing, of
                another shape, or not wanted.
        """
        options = (sampler, steps, seed, batch_size, progress)
        return draw_samples(self, count, condition, *options)

    def predict(self, x: Any, **options: Any) -> np.ndarray:
        """One sample for each condition, or as many as there are examples without conditions.

        Args:
            x: The conditions.
            **options: Of ``sample``.
        """
        if not self.conditional:
            return self.sample(len(x), **options)
        return self.sample(1, x, **options)[:, 0]

    def export(self, *args: Any, **kwargs: Any) -> Any:
        """Not of itself: ``PosteriorMean`` makes a network of it.

        Raises:
            ValueError: Whatever the arguments.
        """
        raise ValueError(
            "DenoisingDiffusion: draws samples and is no graph; export "
            "ks.models.PosteriorMean(model)"
        )

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store["random"] = ops.convert_to_numpy(self.random.state)

    def load_own_variables(self, store: Any) -> None:
        self.random.state.assign(store["random"])

    def get_config(self) -> Config:
        networks = {
            name: None if network is None else keras.saving.serialize_keras_object(network)
            for name, network in (("denoiser", self.denoiser), ("conditioner", self.conditioner))
        }
        names = ("schedule", "prediction", "steps", "seed", "name", "trainable")
        return networks | {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        config = dict(config)
        for name in ("denoiser", "conditioner"):
            config[name] = keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
        return cls(**config)


def _check_networks(denoiser: Any, conditioner: Any) -> None:
    inputs = [tuple(one.shape[1:]) for one in getattr(denoiser, "inputs", None) or ()]
    fits = len(inputs) in (2, 3) and len(inputs[0]) == 3 and inputs[1] == ()
    if not fits or tuple(denoiser.output_shape[1:]) != inputs[0] or None in inputs[0]:
        raise ValueError(
            "DenoisingDiffusion: denoiser must be a functional model from noisy samples (height, "
            "width, channels), a signal power () and perhaps a map to a prediction like the "
            f"samples, received {denoiser} with inputs {inputs}"
        )
    if conditioner is None:
        return
    made = tuple(getattr(conditioner, "output_shape", ())[1:])
    if len(getattr(conditioner, "inputs", None) or ()) != 1 or inputs[2:] != [made]:
        raise ValueError(
            "DenoisingDiffusion: conditioner must be a functional model from one input to the map "
            f"that the denoiser takes, {inputs[2:]}, received {conditioner} that makes {made}"
        )
