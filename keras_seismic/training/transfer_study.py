"""Transfer learning against training from scratch, on the same few samples."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from keras_seismic.datasets import SimulatedPairs
from keras_seismic.evaluation import Comparison, score_velocity
from keras_seismic.inference import predict
from keras_seismic.models import PhysicalUnitsModel, with_physical_units
from keras_seismic.training.fitting import adamw, fit, jit_compile
from keras_seismic.training.run_folder import RunFolder
from keras_seismic.training.semi_supervised import fit_with_unlabeled
from keras_seismic.training.starts import Start

if TYPE_CHECKING:
    import tensorflow as tf


#: What was started, what came out of it, and where it was trained.
Training = tuple[Start, PhysicalUnitsModel, RunFolder]


class StudyResult(NamedTuple):
    """What ``compare_starts`` found.

    Attributes:
        comparison: Scores of every start, of the source as it was, and of predicting the mean.
        best: The model with the lowest validation loss.
        predicted: Predictions for the held-out pairs by start, of the first repetition.
    """

    comparison: Comparison
    best: PhysicalUnitsModel
    predicted: dict[str, np.ndarray]


def compare_starts(
    starts: Sequence[Start],
    source: PhysicalUnitsModel,
    few: Sequence[SimulatedPairs],
    held_out: SimulatedPairs,
    run: RunFolder,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int = 0,
    unlabeled: SimulatedPairs | None = None,
) -> StudyResult:
    """Train from each start on the same few samples, for as many updates, and score.

    Every training leaves a run folder in ``run``, called by its start and repetition.

    Args:
        starts: See ``transfer_starts``.
        source: The trained network; it is left alone.
        few: Samples to go on with, one set for each repetition, all of one size.
        held_out: Pairs to score on.
        run: Where to write.
        epochs: Passes over the samples.
        batch_size: Pairs in an update.
        learning_rate: Largest.
        seed: Decides initial weights and order, together with the repetition.
        unlabeled: Gathers without velocity. With them, the pre-trained network also goes on
            against a critic (``fit_with_unlabeled``).
    """
    gathers, velocity = held_out.prepare()[:]
    comparison, best = Comparison(), (np.inf, source)
    predicted = {"as pre-trained": predict(source, gathers)}
    comparison.add("as pre-trained", score_velocity(velocity, predicted["as pre-trained"]))
    for pairs in few:
        mean = np.broadcast_to(pairs.prepare().mean_velocity(), velocity.shape)
        comparison.add("mean of the samples", score_velocity(velocity, mean))
    recipe: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
    }
    trainings = [_train_from(start, source, few, run, seed, **recipe) for start in starts]
    if unlabeled is not None:
        trainings.append(_train_with_unlabeled(source, few, unlabeled, run, seed, **recipe))
    for start, model, folder in itertools.chain(*trainings):
        velocities = predict(model, gathers)
        scores, history = score_velocity(velocity, velocities), folder.read_history()
        folder.write("metrics.json", scores)
        comparison.add(start.name, scores, history)
        predicted.setdefault(start.name, velocities)
        best = min(best, (min(history["val_loss"]), model), key=lambda pair: pair[0])
    return StudyResult(comparison, best[1], predicted)


def _train_from(
    start: Start,
    source: PhysicalUnitsModel,
    few: Sequence[SimulatedPairs],
    run: RunFolder,
    seed: int,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> Iterator[Training]:
    """The trainings of one start, one repetition after another."""
    network = start.network(source.network)
    steps = epochs * len(datasets(few[0], source, batch_size)[0])
    compile_recipe(network, learning_rate, steps, start.multipliers(network))
    network.optimizer.build(network.trainable_variables)
    unused = [keras.ops.convert_to_numpy(v) for v in network.optimizer.variables]
    for repetition, pairs in enumerate(few):
        # The compiled network again, as new: tracing takes longer than some trainings.
        keras.utils.set_random_seed(seed + repetition)
        network.set_weights(start.network(source.network).get_weights())
        for variable, value in zip(network.optimizer.variables, unused, strict=True):
            variable.assign(value)
        folder = _folder(run, start, repetition)
        parts = datasets(pairs, source, batch_size, seed + repetition)
        yield start, _in_units_of(source, fit(network, *parts, folder, epochs)), folder


def _train_with_unlabeled(
    source: PhysicalUnitsModel,
    few: Sequence[SimulatedPairs],
    unlabeled: SimulatedPairs,
    run: RunFolder,
    seed: int,
    **recipe: Any,
) -> Iterator[Training]:
    """The trainings against a critic, with all weights of the source."""
    start = Start("unlabeled too")
    for repetition, pairs in enumerate(few):
        keras.utils.set_random_seed(seed + repetition)
        model = _in_units_of(source, start.network(source.network))
        parts = datasets(pairs, source, recipe["batch_size"], seed + repetition)
        folder = _folder(run, start, repetition)
        model = fit_with_unlabeled(
            model, *parts, unlabeled, folder, seed=seed + repetition, **recipe
        )
        yield start, model, folder


def fit_pairs(
    model: PhysicalUnitsModel,
    pairs: SimulatedPairs,
    run: RunFolder,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int = 0,
) -> PhysicalUnitsModel:
    """Train a model's network on simulated pairs by the recipe.

    Args:
        model: Its network is trained, in its units.
        pairs: Simulated if they are not on disk yet.
        run: Where ``fit`` writes.
        epochs: Passes over the training pairs.
        batch_size: Pairs in an update.
        learning_rate: Largest.
        seed: Decides the order.

    Returns:
        The model at its best epoch.
    """
    parts = datasets(pairs.prepare(), model, batch_size, seed)
    compile_recipe(model.network, learning_rate, epochs * len(parts[0]))
    return _in_units_of(model, fit(model.network, *parts, run, epochs))


def compile_recipe(
    network: keras.Model,
    learning_rate: float,
    steps: int,
    multipliers: dict[str, float] | None = None,
) -> None:
    """Compile with the mean absolute error and ``adamw``."""
    network.compile(
        optimizer=adamw(learning_rate, steps, multipliers=multipliers),
        loss="mean_absolute_error",
        jit_compile=jit_compile(),
    )


def datasets(
    pairs: SimulatedPairs, model: PhysicalUnitsModel, batch_size: int, seed: int = 0
) -> tuple["tf.data.Dataset", "tf.data.Dataset"]:
    """Batches to train on, and the tenth of the pairs that chooses the best epoch."""
    validating = max(len(pairs) // 10, 1)
    parts = slice(validating, None) if len(pairs) > 1 else slice(None), slice(validating)
    training, validation = (
        pairs.dataset(
            model.input_normalization, model.output_scaling, batch_size, shuffle, seed, part
        )
        for part, shuffle in zip(parts, (True, False), strict=True)
    )
    return training, validation


def _folder(run: RunFolder, start: Start, repetition: int) -> RunFolder:
    """The folder of one training of several."""
    folder = RunFolder(run.path / f"{start.name.replace(' ', '_')}_{repetition + 1}")
    folder.create({"start": dataclasses.asdict(start), "repetition": repetition + 1})
    print(f"{start.name}, repetition {repetition + 1}", flush=True)
    return folder


def _in_units_of(model: PhysicalUnitsModel, network: keras.Model) -> PhysicalUnitsModel:
    return with_physical_units(
        network, model.input_normalization, model.output_scaling, model.acquisition
    )
