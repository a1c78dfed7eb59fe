"""Fitting a network into a run folder."""

import sys
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_seismic.datasets import Pairs
from keras_seismic.inference.keras_files import check_keras_file
from keras_seismic.layers import GatherNormalization, GatherPreparation, VelocityScaling
from keras_seismic.metrics import MeanAbsoluteVelocityError
from keras_seismic.models import (
    DataMisfit,
    PhysicalUnitsModel,
    PhysicsGuidedModel,
    with_physical_units,
    without_spread,
)
from keras_seismic.models.network import compute_dtypes
from keras_seismic.training.devices import distribution, replicas, shard, wait_for_all
from keras_seismic.training.run_folder import RunFolder, best_epoch
from keras_seismic.training.transfer import encoder_multipliers
from keras_seismic.training.updates import (
    adamw,
    best_network,
    is_averaged,
    size_of_parts,
    stopped_early,
    update_options,
    wanted_callbacks,
)


def jit_compile() -> bool | str:
    """What to pass to ``compile(jit_compile=...)``.

    Keras would compile the training step with XLA on a CPU too, where compiling takes seconds
    and the steps are no faster (``python -m benchmarks.training_step``).
    """
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False


class _Record(keras.callbacks.Callback):
    """Saves what is needed to resume after every epoch, unless its loss is lost."""

    def __init__(self, run: RunFolder, columns: dict[str, list[float]]) -> None:
        super().__init__()
        self.run, self.columns = run, columns

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {key: float(value) for key, value in (logs or {}).items()}
        if not np.isfinite([logs["loss"], logs["val_loss"]]).all():
            raise RuntimeError(
                f"{self.run.path}: the loss became NaN or infinite in epoch {epoch + 1}; lower "
                "the learning rate, and look for extreme values in the data (best.keras holds "
                "the best epoch before)"
            )
        for key, value in logs.items():
            self.columns.setdefault(key, []).append(value)
        self.run.save_progress(self.model, self.columns)


def fit(
    network: keras.Model,
    training: Any,
    validation: Any,
    run: RunFolder,
    epochs: int,
    *,
    patience: int | None = None,
    tensorboard: bool = False,
) -> keras.Model:
    """Train a compiled network and return it as it was at its best epoch.

    Writes ``history.csv``, ``best.keras`` and ``last-<n>.keras`` as it goes, and stops with an
    error when the loss is no longer finite. An interrupted run (``run.resume``) continues
    after its last complete epoch, with the weights and optimizers it had then, until
    ``run.finish`` says that everything is written.

    Args:
        network: Compiled.
        training: A ``tf.data.Dataset``, other batches or arrays ``(x, y)``. It must begin with
            epoch ``run.epochs_done`` for a resumed run to equal an uninterrupted one, which
            arrays, shuffled by Keras, cannot.
        validation: The same; its loss decides which epoch is best.
        run: Where to write; created.
        epochs: Passes over the training data, at most.
        patience: End after so many epochs without a lower validation loss.
        tensorboard: Also write what TensorBoard shows, to ``tensorboard/``.

    Returns:
        The network with the weights of its best epoch, not compiled; ``best.keras`` also holds
        the optimizer. If that averages the weights (``update_options``), these are the averages,
        as in the validation; ``best.keras`` has them in its optimizer.

    Raises:
        RuntimeError: If the loss becomes NaN or infinite.
        ValueError: If the state to resume from, or the best one, was damaged.
    """
    best, done, history = run.path / "best.keras", run.epochs_done, {}
    if done:
        history = {name: column[:done] for name, column in run.read_history().items()}
        del history["epoch"]
    if not network.optimizer.built:  # in the first step, TensorFlow would trace that twice
        network.optimizer.build(network.trainable_variables)
    index, processes = shard()
    if processes > 1 and not done:
        run.save_model(network, run.last(0).name)  # all begin with the same weights
        wait_for_all("save the first state")
    arrays = isinstance(training, tuple)
    with distribution():
        if done or processes > 1:
            check_keras_file(run.last(done))
            network = keras.models.load_model(run.last(done))
        if done and best_epoch(history, done) == done:  # it may not have been written any more
            run.save_model(network, best.name)
        if done < epochs and not stopped_early(history, patience):
            watched = tensorboard and run.writes
            wanted = wanted_callbacks(network, run.path, history, patience, watched)
            network.fit(
                *(training if arrays else (training,)),
                validation_data=validation,
                initial_epoch=done,
                epochs=epochs,
                callbacks=[keras.callbacks.TerminateOnNaN(), *wanted, _Record(run, history)],
                shuffle=arrays,  # pipelines shuffle themselves
                verbose=0 if index else 1 if sys.stdout.isatty() else 2,
            )
    wait_for_all("train")
    return best_network(best, averaged=is_averaged(network))


def training_batches(
    pairs: Pairs,
    learning: Sequence[int] | np.ndarray,
    input_normalization: GatherNormalization | GatherPreparation,
    output_scaling: VelocityScaling,
    batch_size: int,
    *,
    seed: int = 0,
    validation: float = 0.05,
    epoch: int = 0,
    drop_remainder: bool = False,
) -> tuple[Any, Any]:
    """Batches to train on, and batches of the few pairs that choose the best epoch.

    Args:
        pairs: Of any kind, on disk.
        learning: Numbers of the pairs to use, in random order.
        input_normalization: Applied to the gathers.
        output_scaling: Its inverse is applied to the velocity.
        batch_size: Pairs in a batch.
        seed: Seed of the order, which differs in every epoch.
        validation: Fraction of the pairs to validate on, at least one pair. A single pair
            serves for both.
        epoch: First epoch: ``run.epochs_done`` of a resumed run.
        drop_remainder: Leave out a smaller last batch of the training, as always where several
            devices train.

    Returns:
        A ``tf.data.Dataset`` each or, on another backend than TensorFlow, a Keras ``PyDataset``.

    Raises:
        ValueError: If there is no pair.
    """
    learning = np.asarray(learning)
    if not len(learning):
        raise ValueError("training_batches: expected at least one pair to learn from")
    own, devices = shard(), replicas()
    if batch_size % devices:
        raise ValueError(
            f"training_batches: expected a batch_size that {devices} devices can share, received "
            f"{batch_size}"
        )
    count = max(int(validation * len(learning)) // devices, 1) * devices
    chosen = learning[count:] if len(learning) > 1 else learning
    batches = pairs.dataset if keras.backend.backend() == "tensorflow" else pairs.pydataset
    settings = (input_normalization, output_scaling, batch_size)
    return (
        batches(
            *settings,
            seed=seed,
            part=chosen,
            shard=own,
            drop_remainder=drop_remainder or own[1] * devices > 1,
            start=(epoch, 0),
        ),
        # Whole in every process: the mean of all is the same.
        batches(*settings, shuffle=False, part=learning[:count]),
    )


def fit_pairs(
    model: PhysicalUnitsModel,
    pairs: Pairs,
    learning: Sequence[int] | np.ndarray,
    run: RunFolder,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int = 0,
    validation: float = 0.05,
    encoder_rate: float = 1.0,
    labels: bool = True,
    physics: float = 0.0,
    schedule: str = "cosine",
    accumulate: int = 1,
    average: float | None = None,
    clip_norm: float | None = None,
    patience: int | None = None,
    tensorboard: bool = False,
) -> PhysicalUnitsModel:
    """Train a velocity model's network by InversionNet's recipe, or continue with a trained one.

    Mean absolute error and ``adamw``. Layers that are frozen (``freeze_encoder``) stay so.

    With ``physics``, the loss also has that many times the misfit between the gathers and those
    that the predicted velocity would cause (``DataMisfit``, beside labels its first term alone);
    without ``labels`` there is nothing else, and velocity, if it is there, is only
    reported on.

    Args:
        model: Its network is trained, in its units; a spread is left out, which would be that of
            the weights before.
        pairs: Of any kind, on disk.
        learning: Numbers of the pairs to use, in random order.
        run: Where ``fit`` writes.
        epochs: Passes over the pairs.
        batch_size: Pairs in a batch.
        learning_rate: Largest learning rate.
        seed: Seed of the order.
        validation: Fraction of the pairs that chooses the best epoch.
        encoder_rate: Multiplier of the learning rate in the encoder (``encoder_multipliers``).
        labels: Whether to learn from the velocity of the pairs.
        physics: Weight of the data misfit; it needs the model's acquisition.
        schedule: Of the learning rate, see ``adamw``.
        accumulate: Parts that a batch is computed in; see ``update_options``.
        average: Momentum of a moving average of the weights; see there.
        clip_norm: Largest norm of all gradients together.
        patience: See ``fit``.
        tensorboard: See ``fit``.

    Returns:
        The model at its best epoch.

    Raises:
        ValueError: If there is no pair, ``encoder_rate`` does not fit, or there is nothing to
            learn from.
        RuntimeError: If the loss becomes NaN or infinite.
    """
    model = without_spread(model)
    network, scaling = model.network, model.output_scaling
    if scaling is None:
        raise ValueError("fit_pairs: expected a model that predicts velocity, received a denoiser")
    learner = _with_physics(model, scaling, physics, labels) if physics else network
    if not labels and not physics:
        raise ValueError("fit_pairs: without labels, physics must be positive, received 0")
    training, validating = training_batches(
        pairs,
        learning,
        model.input_normalization,
        scaling,
        size_of_parts(batch_size, accumulate),
        seed=seed,
        validation=validation,
        epoch=run.epochs_done,
    )
    updates = update_options(average, clip_norm, accumulate)
    multipliers = encoder_multipliers(network, encoder_rate) if encoder_rate != 1 else None
    known = pairs.velocity_shape is not None
    optimizer = adamw(
        learning_rate,
        epochs * len(training),
        multipliers=multipliers,
        schedule=schedule,
        **updates,
    )
    if "float16" in compute_dtypes(network):  # the network would see to it, its learner does not
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    learner.compile(
        optimizer,
        "mean_absolute_error" if labels else None,
        metrics=[MeanAbsoluteVelocityError(scaling.scale)] if known else None,
        jit_compile=jit_compile(),
    )
    best = fit(
        learner, training, validating, run, epochs, patience=patience, tensorboard=tensorboard
    )
    return with_physical_units(best, model.input_normalization, scaling, model.acquisition)


def _with_physics(
    model: PhysicalUnitsModel, scaling: VelocityScaling, weight: float, labels: bool
) -> PhysicsGuidedModel:
    if model.acquisition is None:
        raise ValueError(
            "fit_pairs: physics needs the acquisition of the gathers, and the model has none; make "
            "it by with_physical_units(..., acquisition=...)"
        )
    units = model.acquisition, model.input_normalization, scaling
    # Labels lead the network to the right waves, and tell it what velocity models look like.
    misfit = DataMisfit(*units, weight, 0.0, 0.0) if labels else DataMisfit(*units, weight)
    return PhysicsGuidedModel(model.network, misfit)
