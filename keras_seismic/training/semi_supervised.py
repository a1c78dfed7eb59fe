"""Training on gathers whose velocity is not known, in addition to a few pairs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.datasets import Pairs
from keras_seismic.models import (
    PhysicalUnitsModel,
    VelocityCritic,
    VelocityGAN,
    wgan_adamw,
    with_physical_units,
)
from keras_seismic.training.fitting import fit, jit_compile, training_batches
from keras_seismic.training.run_folder import RunFolder

if TYPE_CHECKING:
    import tensorflow as tf


def with_unlabeled(labeled: "tf.data.Dataset", unlabeled: "tf.data.Dataset") -> "tf.data.Dataset":
    """Batches of pairs, each followed by a batch of gathers without velocity.

    The gathers get a velocity of zero and a sample weight of zero, by which ``VelocityGAN``
    recognizes them. They are repeated as often as needed.

    Args:
        labeled: Batches ``(gathers, velocity)``.
        unlabeled: Batches of gathers, or pairs whose velocity is ignored.

    Returns:
        Batches ``(gathers, velocity, sample_weight)``, as many as of ``labeled``.
    """
    import tensorflow as tf

    @tf.autograph.experimental.do_not_convert
    def join(pair: Any, more: Any) -> Any:
        more = more[0] if isinstance(more, tuple) else more
        counts = [tf.shape(x)[0] for x in (pair[0], more)]
        shape = tf.concat([counts[1:], tf.shape(pair[1])[1:]], axis=0)
        return (
            tf.concat([pair[0], more], axis=0),
            tf.concat([pair[1], tf.zeros(shape, pair[1].dtype)], axis=0),
            tf.concat([tf.ones(counts[:1]), tf.zeros(counts[1:])], axis=0),
        )

    joined = tf.data.Dataset.zip((labeled, unlabeled.repeat())).map(join)
    return joined.apply(tf.data.experimental.assert_cardinality(len(labeled))).prefetch(2)


def fit_with_unlabeled(
    model: PhysicalUnitsModel,
    pairs: Pairs,
    learning: Sequence[int] | np.ndarray,
    unlabeled: Pairs,
    run: RunFolder,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int = 0,
    validation: float = 0.1,
    adversarial: float = 0.01,
) -> PhysicalUnitsModel:
    """Train a velocity model's network on a few pairs and on more gathers, with a critic.

    The critic learns from the few pairs what velocity models look like, and scores the network's
    predictions for all gathers. The network is updated with every batch. The weights of its
    losses are VelocityGAN's divided by a hundred, so that the loss is the mean absolute error.

    Args:
        model: Its network is trained, in its units.
        pairs: Of any kind, on disk.
        learning: Numbers of the pairs to use, in random order.
        unlabeled: Gathers, on disk; their velocity is not used.
        run: Where ``fit`` writes.
        epochs: Passes over the pairs.
        batch_size: Pairs in a batch, which holds as many gathers without velocity.
        learning_rate: Largest learning rate of the network; the rate of the critic.
        seed: Seed of the order and of the critic's gradient penalty.
        validation: Fraction of the pairs that chooses the best epoch.
        adversarial: Weight of the critic's score, relative to 1 for the absolute error.

    Returns:
        The model at its best epoch.

    Raises:
        ValueError: If there is no pair.
        RuntimeError: If the loss becomes NaN or infinite.
    """
    network, scaling = model.network, model.output_scaling
    if scaling is None:
        raise ValueError(
            "fit_with_unlabeled: expected a model that predicts velocity, received a denoiser"
        )
    units = model.input_normalization, scaling
    training, validating = training_batches(
        pairs, learning, *units, batch_size, seed=seed, validation=validation, epoch=run.epochs_done
    )
    critic = VelocityCritic(
        network.output_shape[1:3], getattr(network, "filters", 32), normalization="layer"
    )
    gan = VelocityGAN(network, critic, seed)
    gan.compile(
        adamw(learning_rate, epochs * len(training)),
        wgan_adamw(learning_rate),
        l1=1.0,
        l2=0.0,
        adversarial=adversarial,
        generator_every=1,
        jit_compile=jit_compile(),
    )
    gathers = unlabeled.dataset(*units, batch_size, seed=seed)
    best = fit(gan, with_unlabeled(training, gathers), validating, run, epochs)
    return with_physical_units(best, *units, model.acquisition)
