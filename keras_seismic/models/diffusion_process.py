"""Diffusion as functions: schedules of the noise, what a network predicts, and steps backward.

A noisy sample is ``z = sqrt(p) x + sqrt(1 - p) e``, of a clean sample ``x`` and normal noise ``e``,
with a signal power ``p`` that falls from 1 to nearly 0.
"""

import numpy as np
from keras import ops

from keras_seismic.checks import checked_choice
from keras_seismic.types import Tensor

SCHEDULES = ("cosine", "linear")
PREDICTIONS = ("v", "epsilon", "x")
SAMPLERS = ("ddim", "ddpm")
_LARGEST_VARIANCE = 0.999  # added in one step


def signal_powers(schedule: str, steps: int) -> np.ndarray:
    """The signal power after 0 to ``steps`` steps of noise.

    Args:
        schedule: ``"linear"``: the variance added in a step grows linearly, from 1e-4 to 0.02
            for 1000 steps, and in inverse proportion for fewer or more (Ho et al., 2020).
            ``"cosine"``: the power falls as a squared cosine (Nichol and Dhariwal, 2021).
        steps: Number of steps.

    Returns:
        float64 ``(steps + 1,)``, from 1.

    Raises:
        ValueError: If the schedule is unknown.
    """
    checked_choice(schedule, SCHEDULES, "signal_powers: schedule")
    if schedule == "linear":
        variance = np.linspace(1e-4, 0.02, steps) * 1000 / steps
    else:
        angle = (np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2
        power = np.cos(angle) ** 2
        variance = 1 - power[1:] / power[:-1]
    variance = np.minimum(variance, _LARGEST_VARIANCE)
    return np.concatenate([[1.0], np.cumprod(1 - variance)])


def with_noise(clean: Tensor, noise: Tensor, power: Tensor) -> Tensor:
    """The noisy sample; the power has the shape of what it multiplies, or of single numbers."""
    return ops.sqrt(power) * clean + ops.sqrt(1 - power) * noise


def target(prediction: str, clean: Tensor, noise: Tensor, power: Tensor) -> Tensor:
    """What a network learns to predict: the noise, the clean sample, or ``v``.

    ``v = sqrt(p) e - sqrt(1 - p) x`` (Salimans and Ho, 2022) says something at every power, where
    noise says little about a nearly clean sample, and a clean sample about nearly pure noise.
    """
    if prediction == "epsilon":
        return noise
    return clean if prediction == "x" else with_noise(noise, -clean, power)


def clean_and_noise(
    prediction: str, predicted: Tensor, noisy: Tensor, power: Tensor
) -> tuple[Tensor, Tensor]:
    """The clean sample and the noise in a noisy one, by what a network has predicted."""
    signal, level = ops.sqrt(power), ops.sqrt(1 - power)
    if prediction == "epsilon":
        return (noisy - level * predicted) / signal, predicted
    if prediction == "x":
        return predicted, (noisy - signal * predicted) / level
    return signal * noisy - level * predicted, level * noisy + signal * predicted


def step_back(
    clean: Tensor,
    noise: Tensor,
    power: Tensor,
    following: Tensor,
    fresh: Tensor | None = None,
) -> Tensor:
    """The sample at the following, higher power.

    Without fresh noise, the step of DDIM (Song et al., 2021): the same noise, weaker. With fresh
    noise, the step of DDPM (Ho et al., 2020): a draw from what the clean and the noisy sample
    say about the one between them, a normal distribution of variance
    ``(1 - q) / (1 - p) (1 - p / q)`` for powers ``p`` and following ``q``.
    """
    if fresh is None:
        return with_noise(clean, noise, following)
    variance = (1 - following) / (1 - power) * (1 - power / following)
    kept = (1 - following) * ops.sqrt(power / following / (1 - power))
    return ops.sqrt(following) * clean + kept * noise + ops.sqrt(variance) * fresh


def sampling_times(steps: int, count: int) -> np.ndarray:
    """``count + 1`` different numbers of steps of noise, from all of them evenly down to none."""
    return np.unique(np.round(np.linspace(0, steps, count + 1)).astype(int))[::-1]
