"""Accumulated, averaged, clipped and scheduled updates, and when a training stops."""

import keras
import numpy as np
import pytest

from keras_seismic.training import RunFolder, adamw, fit, size_of_parts, update_options
from keras_seismic.training.updates import StopEarly, stopped_early

pytestmark = pytest.mark.usefixtures("untraced")
BATCHES, EPOCHS = 4, 3


def network(normalized=False):
    keras.utils.set_random_seed(1)
    layers = [keras.Input((5,)), keras.layers.Dense(7, "tanh")]
    layers += [keras.layers.BatchNormalization()] if normalized else []
    return keras.Sequential([*layers, keras.layers.Dense(1)])


@pytest.fixture
def examples(rng):
    x = rng.normal(size=(8 * BATCHES, 5)).astype("float32")
    return x, np.sin(x.sum(axis=1, keepdims=True))


def batches(examples, size=8):
    """In the same order in every epoch."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(examples).batch(size)


def trained(folder, examples, resume=False, patience=None, parts=1, rate=3e-2, **options):
    """The network of a run, and the history."""
    run = RunFolder(folder, resume=resume)
    run = run if resume else run.create({})
    training = batches(examples, 8 // parts)
    model = network()
    optimizer = adamw(rate, EPOCHS * len(training), **options)
    model.compile(optimizer, "mean_squared_error")
    found = fit(model, training, batches(examples), run, EPOCHS, patience=patience)
    return found, run.read_history()


def largest_difference(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return max(np.abs(a - b).max() for a, b in pairs)


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_an_accumulated_batch_updates_as_the_whole_one(tmp_path, examples, schedule):
    options = {"schedule": schedule, "global_clipnorm": 0.1}
    whole, before = trained(tmp_path / "whole", examples, **options)
    updates = update_options(accumulate=2, clip_norm=0.1)
    parts, after = trained(tmp_path / "parts", examples, parts=2, schedule=schedule, **updates)
    assert largest_difference(network(), whole) > 0.05
    assert largest_difference(whole, parts) < 1e-5
    np.testing.assert_allclose(before["val_loss"], after["val_loss"], rtol=1e-4)
    assert (size_of_parts(256, 8), size_of_parts(8, 1)) == (32, 8)


def test_clipping_bounds_all_gradients_together(examples):
    model = network()
    model.compile(keras.optimizers.SGD(1.0, **update_options(clip_norm=0.01)), "mse")
    before = model.get_weights()
    model.train_on_batch(*examples)
    moved = [a - b for a, b in zip(model.get_weights(), before, strict=True)]
    assert np.sqrt(sum(np.sum(m**2) for m in moved)) == pytest.approx(0.01, rel=1e-4)


def test_the_average_of_the_weights_is_validated_and_kept(tmp_path, examples):
    momentum = 0.8
    found, history = trained(tmp_path / "run", examples, **update_options(average=momentum))
    # The same updates by hand, and the average in NumPy.
    model, training = network(), batches(examples)
    model.compile(adamw(3e-2, EPOCHS * BATCHES), "mean_squared_error")
    average, losses, best = None, [], None
    for _ in range(EPOCHS):
        for x, y in training:
            model.train_on_batch(x, y)
            weights = model.get_weights()
            average = weights if average is None else [
                momentum * a + (1 - momentum) * w for a, w in zip(average, weights, strict=True)
            ]  # fmt: skip
        model.set_weights(average)
        losses.append(model.evaluate(training, verbose=0))
        model.set_weights(weights)
        best = average if losses[-1] == min(losses) else best
    np.testing.assert_allclose(history["val_loss"], losses, rtol=1e-4)
    for ours, expected, last in zip(found.get_weights(), best, weights, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
        assert np.abs(ours - last).max() > 1e-3


def test_resumed_with_averages_and_parts_it_equals_the_uninterrupted_training(
    tmp_path, examples, monkeypatch
):
    options = {"parts": 2, "schedule": "cosine", **update_options(0.8, 0.1, 2)}
    whole, history = trained(tmp_path / "whole", examples, **options)
    save = RunFolder.save_progress

    def interrupted(run, model, columns):
        save(run, model, columns)
        if len(columns["loss"]) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "save_progress", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "run", examples, **options)
    monkeypatch.undo()
    resumed, again = trained(tmp_path / "run", examples, resume=True, **options)
    assert again == history
    assert largest_difference(whole, resumed) == 0


LOSSES = [1.0, 0.8, 0.9, 0.8, 0.7, 0.75, 0.7, 0.72, 0.6]


@pytest.mark.parametrize("patience", [1, 2, 3, 5])
def test_stopping_is_keras_own_also_after_a_resume(patience):
    keras_own = keras.callbacks.EarlyStopping("val_loss", patience=patience)
    model = network()
    model.compile("sgd", "mse")

    def ended(callback, losses, first=0):
        """The number of epochs after which it ends the training."""
        callback.set_model(model)
        model.stop_training = False
        callback.on_train_begin()
        for epoch, loss in enumerate(losses[first:], first):
            if model.stop_training:
                return epoch
            callback.on_epoch_end(epoch, {"val_loss": loss})
        return len(losses)

    expected = ended(keras_own, LOSSES)
    assert expected == {1: 3, 2: 4, 3: 8, 5: 9}[patience]
    counts = range(1, len(LOSSES) + 1)
    found = [n for n in counts if stopped_early({"val_loss": LOSSES[:n]}, patience)]
    assert (found or [9])[0] == expected
    for first in range(1, expected):
        assert ended(StopEarly(patience, LOSSES[:first]), LOSSES, first) == expected


def test_a_training_without_progress_ends(tmp_path, examples):
    _, history = trained(tmp_path / "run", examples, patience=1, rate=0.0)
    assert len(history["val_loss"]) == 2


def test_tensorboard_gets_a_folder_of_its_own(tmp_path, examples, monkeypatch):
    run, model = RunFolder(tmp_path / "run").create({}), network()
    model.compile("sgd", "mse")
    fit(model, batches(examples), batches(examples), run, 1, tensorboard=True)
    assert {path.name for path in (run.path / "tensorboard").iterdir()} == {"train", "validation"}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'keras_seismic\[tensorboard\]'"):
        fit(model, batches(examples), batches(examples), run, 1, tensorboard=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"average": 1.0}, r"between 0 and 1, received 1\.0"),
        ({"clip_norm": 0.0}, r"positive norm, received 0\.0"),
        ({"accumulate": 0}, "at least 1 part, received 0"),
    ],
)
def test_what_cannot_be_is_refused(options, message, monkeypatch):
    with pytest.raises(ValueError, match=message):
        update_options(**options)
    with pytest.raises(ValueError, match="received 3 parts of a batch of 8"):
        size_of_parts(8, 3)
    monkeypatch.setattr("keras_seismic.training.updates.replicas", lambda: 2)
    with pytest.raises(ValueError, match="2 devices share a batch, received 4"):
        update_options(accumulate=4)
    with pytest.raises(ValueError, match="'cosine' or 'constant', received 'step'"):
        adamw(1e-3, 10, schedule="step")
