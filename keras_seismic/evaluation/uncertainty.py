"""How certain a network is of its predictions."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_seismic.models import without_spread


class MonteCarloPrediction(NamedTuple):
    """Mean and standard deviation of a network's random predictions, in its output's units."""

    mean: np.ndarray
    deviation: np.ndarray


def monte_carlo_predict(
    model: keras.Model,
    gathers: np.ndarray,
    samples: int = 32,
    seed: int = 0,
    batch_size: int = 8,
) -> MonteCarloPrediction:
    """Predict many times with dropout active: the spread shows where the network is uncertain.

    Each sample drops different channels, as if from a different network. Only dropout is
    random: batch normalization uses its moving statistics, and the model is left unchanged.
    The spread reflects what the network does not know, not the noise in the data, and it is
    relative: compare it with errors on held-out pairs before reading it as an error in m/s.

    Args:
        model: A network with dropout, such as ``InversionNet(..., dropout=0.1)``, bare or made
            into a model in m/s by ``with_physical_units``.
        gathers: ``(n, time, receivers, shots)``, as the model takes them.
        samples: Predictions of each example, at least 2.
        seed: Seed of the dropout, a nonnegative integer.
        batch_size: Examples predicted together.

    Returns:
        Mean and standard deviation over the samples, each ``(n, depth, width, 1)``, float32.

    Raises:
        ValueError: If the model has no dropout, or ``samples`` is below 2.

    Example:
        >>> import keras_seismic as ks
        >>> network = ks.models.InversionNet((64, 8, 1), (16, 16), filters=2, dropout=0.2)
        >>> result = monte_carlo_predict(network, np.ones((3, 64, 8, 1), "float32"), samples=4)
        >>> result.mean.shape, bool((result.deviation > 0).any())
        ((3, 16, 16, 1), True)

    Reference:
        Gal, Y. and Ghahramani, Z. (2016), Dropout as a Bayesian approximation:
        representing model uncertainty in deep learning, ICML.
    """
    model = without_spread(model)
    if samples < 2:
        raise ValueError(f"monte_carlo_predict: samples must be at least 2, received {samples}")
    if not any(_drops(layer) for layer in _layers(model)):
        raise ValueError(
            f"monte_carlo_predict: {type(model).__name__} {model.name!r} has no dropout to "
            "leave active; train a network made with, for example, InversionNet(..., dropout=0.1)"
        )
    means, deviations = [], []
    with _only_dropout_active(model, seed):
        for start in range(0, len(gathers), batch_size):
            batch = gathers[start : start + batch_size]
            predict = (
                keras.ops.convert_to_numpy(model(batch, training=True)) for _ in range(samples)
            )
            mean, deviation = _moments(predict)
            means.append(mean)
            deviations.append(deviation)
    return MonteCarloPrediction(np.concatenate(means), np.concatenate(deviations))


def _moments(samples: Iterator[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and (unbiased) standard deviation, without keeping the samples.

    Sums differences from the first one: the squares of velocities in m/s would swamp
    the variance.
    """
    first = next(samples).astype(np.float64)
    total, squares, count = np.zeros_like(first), np.zeros_like(first), 1
    for sample in samples:
        difference = sample - first
        total += difference
        squares += difference**2
        count += 1
    variance = (squares - total**2 / count) / (count - 1)
    deviation = np.sqrt(np.maximum(variance, 0))
    return (first + total / count).astype(np.float32), deviation.astype(np.float32)


@contextlib.contextmanager
def _only_dropout_active(model: keras.Model, seed: int) -> Iterator[None]:
    """Let a call with ``training=True`` drop channels and change nothing else.

    Frozen batch normalization works as in inference. Random states and flags are restored, so
    that training can continue as if nothing had happened.
    """
    rng = np.random.default_rng(seed)
    frozen = [
        (layer, layer.trainable)
        for layer in _layers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    states = [layer.seed_generator.state for layer in _layers(model) if _drops(layer)]
    before = [keras.ops.convert_to_numpy(state).copy() for state in states]
    try:
        for layer, _ in frozen:
            layer.trainable = False
        for state in states:
            state.assign(rng.integers(2**31, size=2).astype(before[0].dtype))
        yield
    finally:
        for layer, trainable in frozen:
            layer.trainable = trainable
        for state, value in zip(states, before, strict=True):
            state.assign(value)


def _drops(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Dropout) and layer.rate > 0


def _layers(model: keras.Model) -> Iterator[Any]:
    """Every layer, including those of nested networks."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer
