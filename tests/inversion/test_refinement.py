"""A network followed by waveform inversion, in Python and on the command line."""

import json
import sys

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.inference import GatherInverter
from keras_seismic.inversion import Stage, refined
from tests.command import keras_seismic

STAGES = [Stage(12.0, 4)]


@pytest.fixture
def network(experiment):
    """A "network" that always answers with the start, and knows its acquisition."""

    def predict(gathers):
        return np.repeat(experiment.start[None, ..., None], len(gathers), axis=0)

    shape = experiment.acquisition.gather_shape
    return GatherInverter(predict, shape, experiment.acquisition, name="a network")


def test_every_answer_is_refined(experiment, network):
    gathers = np.stack([experiment.gathers, experiment.gathers])
    better = ks.invert(gathers, refined(network, stages=STAGES), progress=False)
    assert better.shape == (2, 24, 24)
    expected = ks.inversion.full_waveform(
        experiment.gathers, experiment.acquisition, experiment.start, stages=STAGES, progress=False
    ).velocity
    np.testing.assert_array_equal(better, [expected, expected])


def test_a_network_is_a_start(experiment, network):
    direct, through = (
        ks.inversion.full_waveform(
            experiment.gathers, experiment.acquisition, start, stages=STAGES, progress=False
        )
        for start in (experiment.start, network)
    )
    np.testing.assert_array_equal(direct.velocity, through.velocity)


def keras_model(acquisition):
    """Untrained, in physical units."""
    network = ks.models.InversionNet(acquisition.gather_shape, (24, 24), filters=1)
    return ks.models.with_physical_units(
        network,
        ks.layers.GatherNormalization(-60, 60),
        ks.layers.VelocityScaling(1500, 3000),
        acquisition,
    )


def test_what_cannot_be_known_is_refused(experiment):
    shape = experiment.acquisition.gather_shape
    with pytest.raises(ValueError, match="the model does not know its acquisition, which waveform"):
        refined(GatherInverter(lambda gathers: gathers, shape))
    other = GatherInverter(lambda gathers: gathers, (100, 24, 3), experiment.acquisition)
    with pytest.raises(
        ValueError, match=r"takes gathers .*\(100, 24, 3\), its acquisition records"
    ):
        refined(other)
    narrow = GatherInverter(
        lambda gathers: np.full((len(gathers), 24, 12, 1), 2000.0), shape, experiment.acquisition
    )
    with pytest.raises(ValueError, match="predicts 12 columns, fewer than its sources"):
        ks.invert(experiment.gathers, refined(narrow), progress=False)


def test_predict_refine(experiment, tmp_path, monkeypatch):
    module = sys.modules["keras_seismic.inversion.full_waveform"]
    monkeypatch.setattr(module, "multiscale", lambda acquisition: STAGES)
    keras.utils.set_random_seed(0)
    model = keras_model(experiment.acquisition)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "gathers.npy", experiment.gathers)
    keras_seismic(
        "predict",
        tmp_path / "gathers.npy",
        tmp_path / "velocity.npy",
        "--model",
        tmp_path / "model.keras",
        "--refine",
    )
    found = np.load(tmp_path / "velocity.npy")
    description = json.loads((tmp_path / "velocity.json").read_text())
    assert description["model"].endswith("model.keras, refined")
    simulated, answered = (
        ks.simulation.simulate(v[None].clip(1500, 4500), experiment.acquisition, progress=False)[0]
        for v in (found, ks.invert(experiment.gathers, model, progress=False))
    )
    misfit = [np.sum((x - experiment.gathers) ** 2) for x in (simulated, answered)]
    assert misfit[0] < 0.5 * misfit[1]
