"""PosteriorMean: a diffusion model as a network with one answer, to predict with and export."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_seismic.checks import checked_size
from keras_seismic.models.denoising_diffusion import DenoisingDiffusion
from keras_seismic.models.diffusion_sampling import denoised
from keras_seismic.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_seismic")
class PosteriorMean(keras.Model):
    """The mean of samples that a ``DenoisingDiffusion`` draws for what it is given.

    Of all answers, the mean has the smallest squared error. The noise that the samples begin with
    is part of the model and DDIM adds none, so it is a function like any other network: it
    predicts, gets physical units, and exports, as one graph that runs the denoiser ``steps``
    times. Its weights are those of the diffusion model, not copies.

    Args:
        diffusion: Conditional model.
        samples: How many samples to average.
        steps: Steps of the sampler.
        seed: Of the noise.
        output_name: ``"velocity"`` or ``"clean_section"``, which says what it predicts.

    Raises:
        ValueError: If the model depends on nothing, or a number is not a positive integer.

    Example:
        >>> from keras_seismic.models import DiffusionUNet
        >>> denoiser = DiffusionUNet((8, 8, 1), condition_channels=1, filters=2, depth=1)
        >>> model = PosteriorMean(DenoisingDiffusion(denoiser), samples=2, steps=3)
        >>> model(np.zeros((5, 8, 8, 1))).shape
        TensorShape([5, 8, 8, 1])
    """

    def __init__(
        self,
        diffusion: DenoisingDiffusion,
        samples: int = 8,
        steps: int = 10,
        seed: int = 0,
        output_name: str = "velocity",
        **kwargs: Any,
    ) -> None:
        samples, steps = checked_size((samples, steps), 2, "PosteriorMean: (samples, steps)")
        if not diffusion.conditional:
            raise ValueError(
                "PosteriorMean: needs a DenoisingDiffusion with a condition; samples of this one "
                "depend on nothing, so that their mean would say nothing"
            )
        network = diffusion.conditioner
        given = diffusion.denoiser.inputs[2] if network is None else network.inputs[0]
        name = "section" if network is None else given.name
        condition = keras.Input(given.shape[1:], name=name, dtype="float32")
        mean = SampleMean(diffusion, samples, steps, seed, name=output_name)(condition)
        super().__init__(condition, mean, **kwargs)
        self.diffusion = diffusion
        self.samples, self.steps, self.seed = samples, steps, int(seed)
        self.output_name = output_name

    def get_config(self) -> Config:
        diffusion = keras.saving.serialize_keras_object(self.diffusion)
        names = ("samples", "steps", "seed", "output_name", "name", "trainable")
        return {"diffusion": diffusion} | {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        diffusion = keras.saving.deserialize_keras_object(
            config["diffusion"], custom_objects=custom_objects
        )
        return cls(**{**config, "diffusion": diffusion})


@keras.saving.register_keras_serializable(package="keras_seismic")
class SampleMean(keras.layers.Layer):
    """The layer that does it; see ``PosteriorMean``."""

    def __init__(
        self, diffusion: DenoisingDiffusion, samples: int, steps: int, seed: int, **kwargs: Any
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.diffusion, self.samples, self.steps, self.seed = diffusion, samples, steps, seed
        shape = (samples, *diffusion.sample_shape)
        self._noise = np.random.default_rng(seed).standard_normal(shape).astype("float32")

    def call(self, x: Tensor) -> Tensor:
        network, shape = self.diffusion.conditioner, self.diffusion.sample_shape
        maps = x if network is None else network(x, training=False)
        each = maps[:, None] + ops.zeros((self.samples, 1, 1, 1), maps.dtype)
        noise = self._noise + 0 * ops.cast(each[..., :1], "float32")
        made = denoised(
            self.diffusion,
            ops.reshape(noise, (-1, *shape)),
            ops.reshape(each, (-1, *each.shape[2:])),
            self.steps,
        )
        return ops.mean(ops.reshape(made, (-1, self.samples, *shape)), axis=1)

    def get_config(self) -> Config:
        own = {"samples": self.samples, "steps": self.steps, "seed": self.seed}
        diffusion = keras.saving.serialize_keras_object(self.diffusion)
        return super().get_config() | own | {"diffusion": diffusion}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        diffusion = keras.saving.deserialize_keras_object(config["diffusion"])
        return cls(**{**config, "diffusion": diffusion})

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *self.diffusion.sample_shape)
