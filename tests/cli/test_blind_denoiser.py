"""``train blind-denoiser``."""

import numpy as np
import pytest

import keras_seismic as ks
from tests.command import keras_seismic


def train(*arguments):
    keras_seismic("train", "blind-denoiser", *arguments)


@pytest.mark.usefixtures("eagerly")
def test_training_and_going_on_from_it(tmp_path, rng):
    first, second = tmp_path / "first", tmp_path / "second"
    train("--smoke", "--out", first)
    model = ks.inference.load_model(first / "model.keras")
    assert isinstance(model.network, ks.models.BlindDenoiser)
    assert model.network.odd
    metrics = ks.training.RunFolder(first, overwrite=True).read("metrics.json")
    assert set(metrics) == {"snr_out_db_at_0_db", "snr_out_db_at_6_db"}
    assert np.isfinite(list(metrics.values())).all()

    line = tmp_path / "line.npy"
    np.save(line, 1e4 * ks.simulation.sample_sections(1, 3)[0])
    start = ("--start", first / "model.keras", "--learning-rate", 0)
    train("--smoke", "--out", second, *start, "--section", line)
    again = ks.inference.load_model(second / "model.keras")
    section = rng.standard_normal((1, 30, 40, 1)).astype("float32")
    np.testing.assert_allclose(again(section), model(section), atol=1e-5)


def test_other_networks_are_refused(tmp_path):
    ks.models.ConvDenoiser(2, 1).save(tmp_path / "best.keras")
    with pytest.raises(SystemExit, match="expected a BlindDenoiser to go on from"):
        train("--out", tmp_path / "run", "--start", tmp_path / "best.keras")
    with pytest.raises(SystemExit, match="load_preset: expected one of"):
        train("--out", tmp_path / "run", "--start", "nothing")
    assert not (tmp_path / "run").exists()
