"""Velocity with its spread, from the command line."""

import json

import numpy as np
import pytest

import keras_seismic as ks
from tests.command import keras_seismic
from tests.spread_models import KnownErrors, stated_model


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with a model and gathers."""
    monkeypatch.chdir(tmp_path)
    model, gathers = stated_model()
    model.save("model.keras")
    np.save("gathers.npy", gathers)
    return tmp_path


def test_predict_writes_and_draws_it(here, capsys):
    model, gathers = stated_model()
    arguments = ["predict", "gathers.npy", "velocity.npy", "--model", "model.keras"]
    keras_seismic(*arguments, "--spread", "spread.npy", "--figure", "both.png")
    for name, expected in zip(("velocity", "spread"), model(gathers), strict=True):
        written = np.load(f"{name}.npy", allow_pickle=False)
        np.testing.assert_allclose(written, np.asarray(expected)[..., 0], rtol=1e-5)
    mean = np.asarray(model(gathers)[1]).mean()
    assert f"spread: spread.npy, {mean:.0f} m/s on average" in capsys.readouterr().out
    assert (here / "both.png").read_bytes().startswith(b"\x89PNG")
    ks.models.without_spread(model).save("alone.keras")
    with pytest.raises(SystemExit, match="has velocity as its only output, no spread"):
        keras_seismic(
            "predict", "gathers.npy", "v.npy", "--model", "alone.keras", "--spread", "s.npy"
        )
    assert not (here / "v.npy").exists()


def test_evaluate_scores_and_draws_it(here):
    pairs = KnownErrors(5)
    (here / "pairs").mkdir()
    np.save("pairs/data1.npy", np.moveaxis(pairs.gathers, -1, 1))
    np.save("pairs/model1.npy", pairs.true[:, None].astype("float32"))
    keras_seismic("evaluate", "model.keras", "pairs", "--out", "scores", "--held-out", "2")
    metrics = json.loads((here / "scores" / "metrics.json").read_text())
    assert 0 <= metrics["spread_coverage"] <= 1
    assert metrics["spread_mean_m_s"] > 0
    assert (here / "scores" / "figures" / "spread.png").is_file()
    assert "Stated spread" in (here / "scores" / "report.html").read_text()
