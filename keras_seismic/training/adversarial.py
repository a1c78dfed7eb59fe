"""Fitting a network in physical units against a critic of its velocity, also without labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.datasets import Pairs
from keras_seismic.metrics import MeanAbsoluteVelocityError
from keras_seismic.models import (
    PhysicalUnitsModel,
    VelocityCritic,
    VelocityGAN,
    wgan_adamw,
    with_physical_units,
    without_spread,
)
from keras_seismic.training.fitting import fit, jit_compile, training_batches
from keras_seismic.training.run_folder import RunFolder
from keras_seismic.training.transfer import encoder_multipliers
from keras_seismic.training.updates import adamw

if TYPE_CHECKING:
    import tensorflow as tf


def fit_with_critic(
    model: PhysicalUnitsModel,
    gan: VelocityGAN,
    pairs: Pairs,
    learning: Sequence[int] | np.ndarray,
    run: RunFolder,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int = 0,
    validation: float = 0.1,
    encoder_rate: float = 1.0,
    unlabeled: Pairs | None = None,
    **losses: Any,
) -> PhysicalUnitsModel:
    """Train or go on training a velocity model's network against a critic.

    The network learns at a rate that rises and falls (``adamw``), the critic at a constant one.

    Args:
        model: The generator of the GAN, in its units.
        gan: The model's network and its critic: new ones, or those of an earlier training.
        pairs: Of any kind, on disk.
        learning: Numbers of the pairs to use, in random order.
        run: Where ``fit`` writes; its ``best.keras`` is the GAN.
        epochs: Passes over the pairs.
        batch_size: Pairs in a batch.
        learning_rate: Largest learning rate of the network; the rate of the critic.
        seed: Seed of the order.
        validation: Fraction of the pairs that chooses the best epoch.
        encoder_rate: Multiplier of the learning rate in the encoder (``encoder_multipliers``).
        unlabeled: More gathers, on disk, as many in a batch as pairs (``with_unlabeled``).
        **losses: Weights of the losses and ``generator_every``, for ``VelocityGAN.compile``;
            ``gan.recipe`` holds those of an earlier training.

    Returns:
        The model at its best epoch.

    Raises:
        ValueError: If there is no pair, ``encoder_rate`` does not fit, or the GAN's generator is
            another network than the model's.
        RuntimeError: If the loss becomes NaN or infinite.
    """
    scaling = model.output_scaling
    if scaling is None or model.network is not gan.generator:
        raise ValueError(
            "fit_with_critic: expected the velocity model of the GAN's generator, received one of "
            f"{model.network.name!r}"
        )
    units = model.input_normalization, scaling
    training, validating = training_batches(
        pairs, learning, *units, batch_size, seed=seed, validation=validation, epoch=run.epochs_done
    )
    multipliers = encoder_multipliers(gan.generator, encoder_rate) if encoder_rate != 1 else None
    # The generator learns from every so many batches, and from the last.
    updates = epochs * -(-len(training) // int(losses.get("generator_every", 5)))
    gan.compile(
        adamw(learning_rate, updates, multipliers=multipliers),
        wgan_adamw(learning_rate),
        metrics=[MeanAbsoluteVelocityError(scaling.scale)],
        jit_compile=jit_compile(),
        **losses,
    )
    if unlabeled is not None:
        # As many passes over them as an epoch needs are behind a resumed run.
        passes = -(-len(training) // -(-len(unlabeled) // batch_size))
        start = (passes * run.epochs_done, 0)
        gathers = unlabeled.dataset(*units, batch_size, seed=seed, start=start)
        training = with_unlabeled(training, gathers)
    best = fit(gan, training, validating, run, epochs)
    return with_physical_units(best, *units, model.acquisition)


def fit_with_unlabeled(
    model: PhysicalUnitsModel,
    pairs: Pairs,
    learning: Sequence[int] | np.ndarray,
    unlabeled: Pairs,
    run: RunFolder,
    *,
    adversarial: float = 0.01,
    seed: int = 0,
    **options: Any,
) -> PhysicalUnitsModel:
    """Train a velocity model's network on a few pairs and on more gathers, with a new critic.

    The critic learns from the few pairs what velocity models look like, and scores the network's
    predictions for all gathers. The network is updated with every batch. The weights of its
    losses are VelocityGAN's divided by a hundred, so that the loss is the mean absolute error.

    Args:
        model: Its network is trained, in its units.
        pairs: Of any kind, on disk.
        learning: Numbers of the pairs to use, in random order.
        unlabeled: Gathers, on disk; their velocity is not used.
        run: Where ``fit`` writes.
        adversarial: Weight of the critic's score, relative to 1 for the absolute error.
        seed: Seed of the order and of the critic's gradient penalty.
        **options: As for ``fit_with_critic``.

    Returns:
        The model at its best epoch.

    Raises:
        ValueError: If there is no pair.
        RuntimeError: If the loss becomes NaN or infinite.
    """
    model = without_spread(model)
    network = model.network
    critic = VelocityCritic(
        network.output_shape[1:3], getattr(network, "filters", 32), normalization="layer"
    )
    gan = VelocityGAN(network, critic, seed)
    weights: dict[str, Any] = {
        "l1": 1.0,
        "l2": 0.0,
        "adversarial": adversarial,
        "generator_every": 1,
    }
    return fit_with_critic(
        model, gan, pairs, learning, run, seed=seed, unlabeled=unlabeled, **weights, **options
    )


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
