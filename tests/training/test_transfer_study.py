"""Starts compared with each other: equal conditions, and nothing carried over."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.training import (
    RunFolder,
    Start,
    compare_starts,
    fit_pairs,
    load_pretrained,
    transfer_starts,
)

RECIPE = {"epochs": 2, "batch_size": 2, "learning_rate": 1e-2}


ACQUISITION = ks.simulation.Acquisition.surface(
    width=70, dx=10.0, dt=0.001, nt=128, peak_frequency=15.0, shots=2, receiver_step=4,
    boundary="cpml",
)  # fmt: skip


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Three sets of pairs, the last to score on."""
    folder = tmp_path_factory.mktemp("cache")
    return [
        ks.datasets.SimulatedPairs("flatvel_a", count, ACQUISITION, seed, folder).prepare()
        for seed, count in enumerate((3, 3, 2))
    ]


@pytest.fixture
def eagerly(pairs):
    """Without tracing, which takes longer than all these trainings (but not the simulation)."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def source():
    network = ks.models.InversionNet(ACQUISITION.gather_shape, (70, 70), filters=1)
    return ks.models.with_physical_units(
        network,
        ks.layers.GatherNormalization(-27, 53),
        ks.layers.VelocityScaling(1500, 4500),
        ACQUISITION,
    )


def test_starts_are_of_the_trained_network(source):
    network = source.network
    keras.utils.set_random_seed(5)
    weights = network.get_weights()
    by_name = {start.name: start for start in transfer_starts(frozen=3, encoder_rate=0.5)}
    assert list(by_name) == ["scratch", "all weights", "3 frozen stages"]
    scratch, whole, frozen = (start.network(network) for start in by_name.values())
    for copy in (whole, frozen):
        for ours, theirs in zip(copy.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert np.any(scratch.get_weights()[0] != weights[0])
    trained = [len(model.trainable_weights) for model in (network, scratch, whole, frozen)]
    assert trained == [100, 100, 100, 80]
    assert by_name["scratch"].multipliers(scratch) == {}
    assert set(by_name["all weights"].multipliers(whole).values()) == {0.5}
    assert len(by_name["3 frozen stages"].multipliers(frozen)) == 18
    headed = Start("new head", new_head=True).network(network)
    assert np.any(headed.get_layer("head_convolution").kernel.numpy() != weights[-6])


def test_the_last_start_can_be_left_out():
    assert [start.name for start in transfer_starts(frozen=0)] == ["scratch", "all weights"]
    assert [start.frozen for start in transfer_starts()] == [0, 0, None]
    for rate in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="encoder_rate must be a number of at least 0"):
            transfer_starts(encoder_rate=rate)


def test_a_depth_beyond_the_encoder_is_refused(source):
    with pytest.raises(ValueError, match="8 encoder stages"):
        Start("deep", frozen=9).network(source.network)


def test_a_study_repeats_what_single_trainings_give(source, pairs, tmp_path, eagerly):
    """The second repetition is as if it were the first: weights and optimizer start anew."""
    start = Start("from scratch", pretrained=False)
    *few, held_out = pairs
    before = source.network.get_weights()
    run, single = RunFolder(tmp_path / "run").create({}), RunFolder(tmp_path / "one").create({})
    result = compare_starts([start], source, few, held_out, run, seed=0, **RECIPE)
    again = compare_starts([start], source, few[1:], held_out, single, seed=1, **RECIPE)
    for old, new in zip(before, source.network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    first, second = result.comparison.histories["from scratch"]
    (alone,) = again.comparison.histories["from scratch"]
    assert second["loss"] == pytest.approx(alone["loss"], rel=1e-5)
    assert second["val_loss"] == pytest.approx(alone["val_loss"], rel=1e-5)
    assert first["loss"] != pytest.approx(second["loss"], rel=1e-5)
    for repetition, scores in enumerate(result.comparison.scores["from scratch"], start=1):
        part = RunFolder(run.path / f"from_scratch_{repetition}", overwrite=True)
        assert part.read("metrics.json") == scores
        assert len(part.read_history()["val_loss"]) == RECIPE["epochs"]
    assert list(result.predicted) == ["as pre-trained", "from scratch"]
    # The best is the repetition with the lower validation loss.
    lowest = min((1, 2), key=lambda n: min((first, second)[n - 1]["val_loss"]))
    network = ks.inference.load_model(run.path / f"from_scratch_{lowest}" / "best.keras")
    for ours, theirs in zip(result.best.network.weights, network.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_references_are_closed_forms(source, pairs, tmp_path, eagerly):
    """Predicting the mean of the samples costs what NumPy says."""
    few, _, held_out = pairs
    run = RunFolder(tmp_path / "run").create({})
    comparison = compare_starts([], source, [few], held_out, run, **RECIPE).comparison
    expected = np.abs(held_out[:][1] - few[:][1].mean(axis=0)).mean()
    (scores,) = comparison.scores["mean of the samples"]
    assert scores["velocity_mae_m_s"] == pytest.approx(expected, rel=1e-5)


def test_pretraining_trains_the_network_of_a_model(source, pairs, tmp_path, eagerly):
    before = source.network.get_weights()
    run = RunFolder(tmp_path / "run").create({})
    model = fit_pairs(source, pairs[0], run, **RECIPE)
    assert model.acquisition == source.acquisition
    assert np.any(model.network.get_weights()[0] != before[0])
    model.save(tmp_path / "model.keras")
    units = source.input_normalization, source.output_scaling, source.acquisition
    gathers, _ = pairs[2][:]
    expected = model(gathers)
    for path in (tmp_path / "model.keras", run.path / "best.keras"):
        np.testing.assert_allclose(load_pretrained(path, *units)(gathers), expected, rtol=1e-5)


def test_other_files_are_no_pretrained_network(source, tmp_path):
    units = source.input_normalization, source.output_scaling, source.acquisition
    with pytest.raises(FileNotFoundError, match="no such model file"):
        load_pretrained(tmp_path / "absent.keras", *units)
    path = tmp_path / "model.keras"
    ks.models.InversionNet((64, 8, 1), (70, 70), filters=1).save(path)
    with pytest.raises(ValueError, match="the acquisition records"):
        load_pretrained(path, *units)
    ks.models.with_physical_units(source.network, *units[:2]).save(path)
    with pytest.raises(ValueError, match=r"model\.keras: expected a model that predicts velocity"):
        load_pretrained(path, *units)
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(ValueError, match=r"model\.keras: expected a network from gathers"):
        load_pretrained(path, *units)
