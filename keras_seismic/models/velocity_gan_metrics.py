"""The metrics of VelocityGAN, also of a batch that several devices share."""

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from keras_seismic.models.wasserstein import Batch, labeled_mean, pixel_losses
from keras_seismic.types import Tensor

if TYPE_CHECKING:
    from keras_seismic.models.velocity_gan import VelocityGAN


def evaluate_batch(gan: "VelocityGAN", data: Any) -> dict[str, Tensor]:
    """Update the metrics with a batch that nothing is learned from, and return them."""
    x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
    predicted = gan.generator(x, training=False)
    scores = (gan.critic(v, training=False) for v in (y, predicted))
    real, fake = (ops.mean(score, axis=1) for score in scores)
    samples = ops.shape(y)[0]
    labeled = samples if weight is None else ops.sum(weight)
    difference = labeled_mean(real, labeled, weight) - labeled_mean(fake, samples)
    updated = _update_pixel_metrics(gan, x, y, predicted, weight)
    return updated | _update_trackers(gan, samples, {"score_difference": difference})


def update_metrics(
    gan: "VelocityGAN", batch: Batch, fake: Tensor, terms: dict[str, Tensor], devices: int = 1
) -> dict[str, Tensor]:
    """Update the metrics with a batch that was learned from, and return them.

    Args:
        gan: A compiled ``VelocityGAN``.
        batch: Gathers and real velocity.
        fake: What the generator made of the gathers before it was updated.
        terms: Parts of the critic's loss, this device's share of the whole batch's.
        devices: Number of devices that share the batch.
    """
    updated = _update_pixel_metrics(gan, batch.x, batch.y, fake, batch.weight)
    whole = {name: value * devices for name, value in terms.items()}
    return updated | _update_trackers(gan, batch.samples / devices, whole)


def _update_pixel_metrics(
    gan: "VelocityGAN", x: Tensor, y: Tensor, predicted: Tensor, weight: Tensor | None
) -> dict[str, Tensor]:
    # Not means of batch means: batches differ in the number of labeled samples.
    count = ops.shape(y)[0] if weight is None else ops.sum(ops.cast(weight, "float32"))
    l1, l2 = pixel_losses(y, predicted, count, weight)
    tracked = _update_trackers(gan, count, {"l1": l1, "l2": l2})
    loss = next(metric for metric in gan.metrics if metric.name == "loss")
    loss.update_state(gan.l1 * l1 + gan.l2 * l2, sample_weight=count)
    results = gan.compute_metrics(x, y, predicted, sample_weight=weight)
    names = {tracker.name for tracker in gan.trackers}
    return {k: v for k, v in results.items() if k not in names} | tracked


def _update_trackers(
    gan: "VelocityGAN", count: Tensor, values: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Update running means by name, with the weight ``count``, and return them."""
    trackers = [tracker for tracker in gan.trackers if tracker.name in values]
    for tracker in trackers:
        tracker.update_state(values[tracker.name], sample_weight=count)
    return {tracker.name: tracker.result() for tracker in trackers}
