"""Transfer learning against training from scratch, on the same few samples."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import keras
import numpy as np

from keras_seismic.data import SimulatedPairs
from keras_seismic.evaluation import Comparison, predict, score_velocity
from keras_seismic.exporting import PhysicalUnitsModel, with_physical_units
from keras_seismic.training.fitting import adamw, fit, jit_compile
from keras_seismic.training.run_folder import RunFolder
from keras_seismic.training.starts import Start

if TYPE_CHECKING:
    import tensorflow as tf


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
    """
    gathers, velocity = held_out.generate()[:]
    comparison, best = Comparison(), (np.inf, source)
    predicted = {"as pre-trained": predict(source, gathers)}
    comparison.add("as pre-trained", score_velocity(velocity, predicted["as pre-trained"]))
    for pairs in few:
        mean = np.broadcast_to(pairs.generate().mean_velocity(), velocity.shape)
        comparison.add("mean of the samples", score_velocity(velocity, mean))
    for start in starts:
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
            folder = RunFolder(run.path / f"{start.name.replace(' ', '_')}_{repetition + 1}")
            folder.create({"start": dataclasses.asdict(start), "repetition": repetition + 1})
            print(f"{start.name}, repetition {repetition + 1} of {len(few)}", flush=True)
            parts = datasets(pairs, source, batch_size, seed + repetition)
            model = _in_units_of(source, fit(network, *parts, folder, epochs))
            velocities = predict(model, gathers)
            scores, history = score_velocity(velocity, velocities), folder.read_history()
            folder.write("metrics.json", scores)
            comparison.add(start.name, scores, history)
            predicted.setdefault(start.name, velocities)
            best = min(best, (min(history["val_loss"]), model), key=lambda pair: pair[0])
    return StudyResult(comparison, best[1], predicted)


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
    parts = datasets(pairs.generate(), model, batch_size, seed)
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


def _in_units_of(model: PhysicalUnitsModel, network: keras.Model) -> PhysicalUnitsModel:
    return with_physical_units(
        network, model.input_normalization, model.output_scaling, model.acquisition
    )
