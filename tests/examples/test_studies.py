"""The studies run, on little data."""

import json

import keras
import numpy as np
import pytest

import keras_seismic as ks
from examples.studies import low_cut, transfer

SCORES = {"velocity_mae_m_s", "velocity_rmse_m_s", "velocity_ssim"}
ACQUISITION = ks.simulation.Acquisition.surface(
    width=70, dx=10.0, dt=0.001, nt=128, peak_frequency=15.0, shots=2, boundary="cpml"
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The pairs of the studies, simulated beforehand."""
    folder = tmp_path_factory.mktemp("cache")
    for family, count, seed in (
        ("flatvel_a", 4, 0), ("curvevel_a", 2, (0, 1)), ("curvevel_a", 3, (0, 2, 0)),
        ("curvevel_a", 2, (0, 3)),
    ):  # fmt: skip
        pairs = ks.datasets.SimulatedPairs(family, count, ACQUISITION, seed, folder)
        pairs.prepare(progress=False)
    return folder


@pytest.fixture
def eagerly(cache):
    """Without tracing, which takes longer than all these trainings (but not the simulation)."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_transfer_compares_starts_on_the_same_samples(tmp_path, cache, eagerly):
    source = ks.models.with_physical_units(
        ks.models.InversionNet(ACQUISITION.gather_shape, (70, 70), filters=1),
        ks.layers.GatherNormalization(-27, 53),
        ks.layers.VelocityScaling(1500, 4500),
        ACQUISITION,
    )
    source.save(tmp_path / "source.keras")
    run = tmp_path / "run"
    summary = transfer.main(
        run,
        tmp_path / "source.keras",
        samples=3,
        held_out=2,
        unlabeled=2,
        repetitions=1,
        epochs=1,
        batch_size=2,
        cache_dir=cache,
    )
    trained = ["scratch", "all weights", "frozen encoder", "unlabeled too"]
    assert list(summary) == ["as pre-trained", "mean of the samples", *trained]
    for scores in summary.values():
        assert set(scores) == SCORES
        assert len(scores["velocity_mae_m_s"]["values"]) == 1
    assert json.loads((run / "metrics.json").read_text()) == summary
    assert len((run / "table.md").read_text().splitlines()) == 8
    assert {p.name for p in (run / "figures").iterdir()} == {"comparison.png", "velocity.png"}
    # Predicting the mean of the samples costs what NumPy says.
    held_out, few = (
        ks.datasets.SimulatedPairs("curvevel_a", count, ACQUISITION, seed, cache)[:][1]
        for count, seed in ((2, (0, 1)), (3, (0, 2, 0)))
    )
    expected = np.abs(held_out - few.mean(axis=0)).mean()
    mean = summary["mean of the samples"]["velocity_mae_m_s"]["values"][0]
    assert mean == pytest.approx(expected, rel=1e-5)
    # What is frozen stays, of the start from scratch nothing does.
    for name, same in (("frozen_encoder_1", True), ("all_weights_1", False), ("scratch_1", False)):
        trained_network = keras.models.load_model(run / name / "best.keras", compile=False)
        kernels = [
            model.get_layer("encoder_5a_convolution").kernel
            for model in (source.network, trained_network)
        ]
        assert np.array_equal(*kernels) == same


def test_low_cut_trains_once_for_each_frequency(tmp_path, cache, eagerly):
    data = tmp_path / "FlatVel_A"
    pairs = ks.datasets.SimulatedPairs("flatvel_a", 4, ACQUISITION, 0, cache)
    ks.datasets.write_openfwi(data, pairs, progress=False)
    run, quick = tmp_path / "run", {"keep_every": 1, "epochs": 1, "filters": 1}
    scores = low_cut.main(run, [9.0], data, **quick)
    assert list(scores) == ["all frequencies", "without 9 Hz"]
    assert {tuple(sorted(s)) for s in scores.values()} == {
        tuple(sorted({*SCORES, "baseline_mae_m_s", "prediction_std_m_s"}))
    }
    whole, cut = (
        ks.inference.load_model(run / name / "model.keras") for name in ("all", "low_cut_9_hz")
    )
    assert [type(s).__name__ for s in whole.input_normalization.steps] == ["GatherNormalization"]
    assert cut.input_normalization.steps[0].frequency == 9
    assert (run / "figures" / "comparison.png").is_file()
    assert len((run / "table.md").read_text().splitlines()) == 4


@pytest.mark.parametrize("low_cuts", [[0.0], [-1.0], [float("nan")], [float("inf")], [5.0, 5.0]])
def test_bad_low_cuts_are_refused_before_training(low_cuts, tmp_path):
    with pytest.raises(ValueError, match="positive frequencies in Hz, each given once"):
        low_cut.main(tmp_path / "run", low_cuts)
    assert list(tmp_path.iterdir()) == []
