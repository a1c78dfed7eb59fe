"""``train blind-denoiser``."""

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.cli.main import main


def test_training_and_going_on_from_it(tmp_path, rng):
    main(["train", "blind-denoiser", "--smoke", "--out", str(tmp_path / "a")])
    model = ks.inference.load_model(tmp_path / "a" / "model.keras")
    assert isinstance(model.network, ks.models.BlindDenoiser)
    assert model.network.odd
    metrics = ks.training.RunFolder(tmp_path / "a", overwrite=True).read("metrics.json")
    assert set(metrics) == {"snr_out_db_at_0_db", "snr_out_db_at_6_db"}
    assert all(np.isfinite(list(metrics.values())))

    np.save(tmp_path / "line.npy", 1e4 * ks.simulation.sample_sections(1, 3)[0])
    main(
        ["train", "blind-denoiser", "--smoke", "--out", str(tmp_path / "b")]
        + ["--start", str(tmp_path / "a" / "model.keras"), "--learning-rate", "0"]
        + ["--section", str(tmp_path / "line.npy")]
    )
    again = ks.inference.load_model(tmp_path / "b" / "model.keras")
    section = rng.standard_normal((1, 30, 40, 1)).astype("float32")
    np.testing.assert_allclose(again(section), model(section), atol=1e-5)


def test_other_networks_are_refused(tmp_path):
    ks.models.ConvDenoiser(2, 1).save(tmp_path / "best.keras")
    with pytest.raises(SystemExit, match="expected a BlindDenoiser to go on from"):
        main(
            ["train", "blind-denoiser", "--out", str(tmp_path / "a")]
            + ["--start", str(tmp_path / "best.keras")]
        )
    with pytest.raises(SystemExit, match="load_preset: expected one of"):
        main(["train", "blind-denoiser", "--out", str(tmp_path / "a"), "--start", "nothing"])
    assert not (tmp_path / "a").exists()
