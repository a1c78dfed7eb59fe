"""Pairs and gathers without velocity in one training."""

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.training import RunFolder, fit_with_unlabeled, with_unlabeled


@pytest.fixture
def batches(rng):
    import tensorflow as tf

    x, y = (rng.normal(size=(5, *shape)).astype("float32") for shape in ((6, 4, 2), (3, 4, 1)))
    more = rng.normal(size=(7, 6, 4, 2)).astype("float32")
    labeled = tf.data.Dataset.from_tensor_slices((x, y)).batch(2)
    return x, y, more, labeled, tf.data.Dataset.from_tensor_slices(more).batch(3)


def test_each_batch_holds_pairs_and_more_gathers(batches):
    x, y, more, labeled, unlabeled = batches
    joined = with_unlabeled(labeled, unlabeled)
    assert len(joined) == 3
    for _ in range(2):  # and again in the next epoch
        found = list(joined.as_numpy_iterator())
        assert [list(w) for _, _, w in found] == [
            [1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 0]  # 5 pairs by two, 7 gathers by three
        ]  # fmt: skip
        np.testing.assert_array_equal(np.concatenate([b[0][b[2] == 1] for b in found]), x)
        np.testing.assert_array_equal(np.concatenate([b[1][b[2] == 1] for b in found]), y)
        np.testing.assert_array_equal(np.concatenate([b[0][b[2] == 0] for b in found]), more)
        assert not any(b[1][b[2] == 0].any() for b in found)


def test_velocity_of_unlabeled_pairs_is_not_used(batches, rng):
    import tensorflow as tf

    _, _, more, labeled, _ = batches
    velocity = rng.normal(size=(7, 3, 4, 1)).astype("float32")
    pairs = tf.data.Dataset.from_tensor_slices((more, velocity)).batch(3)
    for _, y, weight in with_unlabeled(labeled, pairs).as_numpy_iterator():
        assert not y[weight == 0].any()


@pytest.fixture
def few_and_more(tmp_path, small_acquisition):
    """Three pairs, four more gathers, and an untrained model for them."""
    few, more = (
        ks.datasets.SimulatedPairs("flatvel_a", n, small_acquisition, seed, tmp_path / "cache")
        for n, seed in ((3, 0), (4, 2))
    )
    model = ks.models.with_physical_units(
        ks.models.InversionNet(small_acquisition.gather_shape, (70, 70), filters=1),
        ks.layers.GatherNormalization(-27, 53),
        ks.layers.VelocityScaling(1500, 4500),
        small_acquisition,
    )
    return few.prepare(progress=False), more.prepare(progress=False), model


def test_a_resumed_training_goes_on_with_the_same_gathers(tmp_path, few_and_more, monkeypatch):
    few, more, model = few_and_more
    run, epochs = RunFolder(tmp_path / "run").create({}), []

    def fit(gan, training, *_):
        epochs.append([x for x, _, _ in training.as_numpy_iterator()])
        epochs.append([x for x, _, _ in training.as_numpy_iterator()])
        return gan

    monkeypatch.setattr(ks.training.adversarial, "fit", fit)
    for run.epochs_done in (0, 1):
        recipe = {"epochs": 2, "batch_size": 1, "learning_rate": 1e-2}
        fit_with_unlabeled(model, few, range(3), more, run, **recipe)
    for one, other in zip(epochs[1], epochs[2], strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(epochs[0][0], epochs[1][0])


def test_a_model_learns_from_unlabeled_gathers_too(tmp_path, few_and_more, small_acquisition):
    """Critic and network learn, and the model keeps its units."""
    import tensorflow as tf

    few, more, model = few_and_more
    before = model.network.get_layer("encoder_1_convolution").kernel.numpy()
    run = RunFolder(tmp_path / "run").create({})
    recipe = {"epochs": 1, "batch_size": 2, "learning_rate": 1e-2}
    tf.config.run_functions_eagerly(True)  # tracing takes longer than this training
    try:
        trained = fit_with_unlabeled(model, few, range(3), more, run, **recipe)
    finally:
        tf.config.run_functions_eagerly(False)
    history = run.read_history()
    assert {"critic_loss", "val_loss"} <= set(history)
    assert np.isfinite([column[0] for column in history.values()]).all()
    assert trained.acquisition == small_acquisition
    after = trained.network.get_layer("encoder_1_convolution").kernel.numpy()
    assert np.abs(after - before).max() > 1e-4
    assert trained(few[:1][0]).shape == (1, 70, 70, 1)
