"""How the package's own presets are made."""

import importlib
import json
import sys

import pytest

import keras_seismic as ks
from examples import presets
from tests.cli.hints import parse
from tests.small_models import small_time_depth


@pytest.mark.parametrize("name", presets.RECIPES)
def test_the_command_of_a_recipe_is_understood(name):
    recipe = presets.RECIPES[name]
    assert parse(recipe.command)[-2:] == ["--out", "RUN"]
    assert {"summary", "data", "limits", "license"} == recipe.card.keys()


def test_there_is_a_recipe_for_every_preset():
    for name, card in ks.presets().items():
        assert card["command"] == presets.RECIPES[name].command


def test_an_unfinished_run_goes_on(tmp_path, monkeypatch):
    """As its own command would, in its own words."""
    name, begun = "time_depth_unet_fcnvmb", []
    monkeypatch.setattr(presets, "keras_seismic", lambda words: begun.append(words) or sys.exit(3))
    monkeypatch.setattr(
        sys, "argv", ["presets", name, "--out", str(tmp_path / "run"), "--hardware", "a laptop"]
    )
    with pytest.raises(SystemExit, match="3"):
        presets.main()
    assert " ".join(["keras-seismic", *begun[0]]) == (
        presets.RECIPES[name].command.replace("RUN", str(tmp_path / "run")) + " --resume"
    )


def test_a_finished_run_is_packed(tmp_path, monkeypatch, capsys):
    model, run, name = small_time_depth().model, tmp_path / "run", "time_depth_unet_openfwi"
    run.mkdir()
    model.save(run / "model.keras")
    (run / "metrics.json").write_text('{"velocity_mae_m_s": 99.0}')
    module = importlib.import_module("keras_seismic.models.presets")
    for where in (module, presets):
        monkeypatch.setattr(where, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["presets", name, "--out", str(run), "--hardware", "a laptop"])
    presets.main()
    assert "MB of weights" in capsys.readouterr().out
    card = json.loads((tmp_path / f"{name}.json").read_text())
    assert (card["hardware"], card["metrics"]) == ("a laptop", {"velocity_mae_m_s": 99.0})
    assert ks.load_preset(name).count_params() == model.count_params()
