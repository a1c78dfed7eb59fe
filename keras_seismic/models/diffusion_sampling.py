"""Sampling: from noise back to clean samples, by the denoiser of a diffusion model."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.models.diffusion_process import (
    SAMPLERS,
    clean_and_noise,
    sampling_times,
    step_back,
)
from keras_seismic.progress import progress_bar
from keras_seismic.types import Tensor

if TYPE_CHECKING:
    from keras_seismic.models.denoising_diffusion import DenoisingDiffusion


def draw_samples(
    model: "DenoisingDiffusion",
    count: int,
    condition: np.ndarray | None,
    sampler: str,
    steps: int,
    seed: int,
    batch_size: int,
    progress: bool,
) -> np.ndarray:
    """``DenoisingDiffusion.sample``, with its arguments."""
    checked_choice(sampler, SAMPLERS, "DenoisingDiffusion.sample: sampler")
    count, steps, batch_size = checked_size(
        (count, steps, batch_size), 3, "DenoisingDiffusion.sample: (count, steps, batch_size)"
    )
    if steps > model.steps:
        raise ValueError(
            f"DenoisingDiffusion.sample: steps must be at most the schedule's {model.steps}, "
            f"received {steps}"
        )
    maps = _maps(model, condition, batch_size)
    numbers = [(i, k) for i in range(1 if maps is None else len(maps)) for k in range(count)]
    made = []
    with progress_bar(len(numbers), "sampling", "sample", progress) as bar:
        for start in range(0, len(numbers), batch_size):
            part = numbers[start : start + batch_size]
            generators = [np.random.default_rng((seed, *number)) for number in part]

            def normal(generators: Sequence[np.random.Generator] = generators) -> np.ndarray:
                drawn = [one.standard_normal(model.sample_shape) for one in generators]
                return np.stack(drawn).astype("float32")

            given = None if maps is None else maps[[i for i, _ in part]]
            fresh = normal if sampler == "ddpm" else None
            made.append(ops.convert_to_numpy(denoised(model, normal(), given, steps, fresh)))
            bar.update(len(part))
    samples = np.concatenate(made)
    return samples if maps is None else samples.reshape(len(maps), count, *model.sample_shape)


def denoised(
    model: "DenoisingDiffusion",
    noise: Tensor,
    maps: Tensor | None = None,
    steps: int = 50,
    fresh: Any = None,
) -> Tensor:
    """Samples that begin with given noise.

    Args:
        model: The diffusion model.
        noise: ``(batch, height, width, channels)``.
        maps: Of their conditions, what the conditioner makes, ``(batch, height, width, ...)``.
        steps: Steps of the sampler.
        fresh: Makes fresh noise for each step, for DDPM; without it, DDIM.
    """
    z = ops.convert_to_tensor(noise)
    given = [] if maps is None else [ops.convert_to_tensor(maps)]
    powers = model.powers[sampling_times(model.steps, steps)].tolist()
    for power, following in pairwise(powers):
        inputs = [z, ops.full(ops.shape(z)[:1], power, dtype="float32"), *given]
        predicted = model.denoiser(inputs, training=False)
        clean, estimate = clean_and_noise(model.prediction, predicted, z, power)
        random = fresh() if fresh and following < 1 else None
        z = step_back(clean, estimate, power, following, random)
    return z


def _maps(
    model: "DenoisingDiffusion", condition: np.ndarray | None, batch_size: int
) -> np.ndarray | None:
    """The maps of all conditions, each made once."""
    if not model.conditional:
        if condition is not None:
            raise ValueError(
                "DenoisingDiffusion.sample: samples depend on nothing, received a condition"
            )
        return None
    network = model.conditioner
    shape = tuple((model.denoiser.inputs[2] if network is None else network.inputs[0]).shape[1:])
    given = np.shape(condition) if condition is not None else ()
    fits = len(given) == len(shape) + 1 and given[0] > 0
    fits = fits and all(n in (None, m) for n, m in zip(shape, given[1:], strict=True))
    if not fits or condition is None:
        raise ValueError(
            f"DenoisingDiffusion.sample: expected a condition (conditions, *{shape}), received "
            f"{'none' if condition is None else f'shape {given}'}"
        )
    condition = np.asarray(condition, np.float32)
    if network is None:
        return condition
    return np.concatenate(
        [
            ops.convert_to_numpy(network(condition[i : i + batch_size], training=False))
            for i in range(0, len(condition), batch_size)
        ]
    )
