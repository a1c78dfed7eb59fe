"""Training on pairs: batches to learn from and to validate on, and the recipe."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.training import RunFolder, fit_pairs, freeze_encoder, training_batches

RECIPE = {"epochs": 2, "batch_size": 2, "learning_rate": 1e-2}
UNITS = ks.layers.GatherNormalization(-27, 53), ks.layers.VelocityScaling(1500, 4500)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Seven pairs of 128 samples, 18 receivers and 2 shots."""
    acquisition = ks.simulation.Acquisition.surface(
        width=70, dx=10.0, dt=0.001, nt=128, peak_frequency=15.0, shots=2, receiver_step=4,
        boundary="cpml",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("cache")
    simulated = ks.datasets.SimulatedPairs("flatvel_a", 7, acquisition, 0, folder)
    return simulated.prepare(progress=False)


@pytest.fixture
def eagerly(pairs):
    """Without tracing, which takes longer than all these trainings."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def model(pairs):
    network = ks.models.InversionNet(pairs.gather_shape, pairs.velocity_shape, filters=1)
    return ks.models.with_physical_units(network, *UNITS, pairs.acquisition)


def velocities(batches):
    return np.concatenate([velocity for _, velocity in batches.as_numpy_iterator()])


def test_training_and_validation_share_the_pairs_between_them(pairs):
    learning = np.array([5, 2, 0, 6])
    training, validation = training_batches(pairs, learning, *UNITS, 2, validation=0.25)
    assert [len(batches) for batches in (training, validation)] == [2, 1]
    expected = np.asarray(UNITS[1].inverse(pairs[:][1]))
    np.testing.assert_allclose(velocities(validation), expected[[5]], atol=1e-6)
    found = velocities(training)
    for number in (2, 0, 6):
        assert np.abs(found - expected[number]).max(axis=(1, 2, 3)).min() < 1e-6, number
    # At least one validates; the only pair is for both; a smaller last batch may go.
    assert len(velocities(training_batches(pairs, learning, *UNITS, 2, validation=0.01)[1])) == 1
    assert [len(velocities(b)) for b in training_batches(pairs, [3], *UNITS, 2)] == [1, 1]
    whole, _ = training_batches(pairs, learning, *UNITS, 2, drop_remainder=True)
    assert len(whole) == 1
    with pytest.raises(ValueError, match="at least one pair"):
        training_batches(pairs, [], *UNITS, 2)


def test_a_resumed_training_begins_with_its_epoch(pairs):
    learning = np.arange(7)
    whole, _ = training_batches(pairs, learning, *UNITS, 2, seed=3)
    first, second = velocities(whole), velocities(whole)
    later, _ = training_batches(pairs, learning, *UNITS, 2, seed=3, epoch=1)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(velocities(later), second)


def test_it_trains_the_network_of_a_model(model, pairs, tmp_path, eagerly):
    before = model.network.get_weights()
    run = RunFolder(tmp_path / "run").create({})
    trained = fit_pairs(model, pairs, range(7), run, **RECIPE)
    assert trained.acquisition == pairs.acquisition
    assert len(run.read_history()["val_velocity_mae_m_s"]) == RECIPE["epochs"]
    assert np.any(trained.network.get_weights()[0] != before[0])
    best = keras.models.load_model(run.path / "best.keras", compile=False)
    for ours, theirs in zip(trained.network.get_weights(), best.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_frozen_stays_and_the_encoder_learns_more_slowly(model, pairs, tmp_path, eagerly):
    freeze_encoder(model.network, 3)
    before = {w.path: w.numpy() for w in model.network.weights}
    run = RunFolder(tmp_path / "run").create({})
    trained = fit_pairs(model, pairs, range(7), run, encoder_rate=0.0, **RECIPE)
    for weight in trained.network.weights:
        name = weight.path.split("/")[0]
        if weight.path.endswith("kernel"):
            same = name.startswith(("encoder", "vector"))
            assert np.array_equal(weight, before[weight.path]) == same, weight.path
    optimizer = keras.models.load_model(run.path / "best.keras").optimizer
    assert optimizer.multiplier("encoder_5a_convolution/kernel") == 0
    assert "encoder_1_convolution" not in optimizer.multipliers
    with pytest.raises(ValueError, match="expected a number of at least 0, received -1"):
        fit_pairs(model, pairs, range(7), run, encoder_rate=-1.0, **RECIPE)
