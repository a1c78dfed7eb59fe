"""``keras-seismic train time-depth-unet``: from scratch, of several families, from a preset."""

import importlib
import json

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.cli.train import time_depth_unet
from keras_seismic.cli.train.velocity import families_of
from tests.command import keras_seismic

#: Gathers of 32 kept samples, and a network of a few thousand weights.
TINY = {
    "samples": 6, "held_out": 3, "epochs": 1, "batch_size": 4, "filters": 2, "boundary": "cpml",
    "samples_in_time": 128, "shots": 2, "precision": "float32",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Networks of two levels, and no figures, which other programs' tests look at."""
    module = importlib.import_module("keras_seismic.cli.train.time_depth_unet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_WIDTHS", (1, 2))
        patch.setattr(ks.training.RunFolder, "save_figure", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory, eagerly):
    """Of two families, with the spread of what two pairs say."""
    folder = tmp_path_factory.mktemp("runs")
    metrics = time_depth_unet(
        folder / "run", family=["flatvel_a", "Style-B"], cache_dir=folder / "cache", **TINY
    )
    return folder, metrics


def test_several_families_are_scored_one_by_one(trained):
    folder, metrics = trained
    assert json.loads((folder / "run" / "metrics.json").read_text()) == metrics
    by_family = [metrics[f"{name}_mae_m_s"] for name in ("flatvel_a", "style_b")]
    assert min(by_family) <= metrics["velocity_mae_m_s"] <= max(by_family)
    arguments = json.loads((folder / "run" / "config.json").read_text())["arguments"]
    assert arguments["family"] == ["flatvel_a", "style_b"]
    assert (arguments["samples"], arguments["keep_every"], arguments["epochs"]) == (6, 4, 1)
    assert 0 < arguments["average"] < 1


def test_the_model_takes_what_was_recorded(trained):
    """Raw samples in; the same numbers as from the pairs that are kept thinned."""
    folder, metrics = trained
    model = ks.inference.load_model(folder / "run" / "model.keras")
    assert model.input_shape == (None, 128, 70, 2)
    assert model.acquisition.nt == 128
    kept = sorted((folder / "cache").glob("*/gathers-00000.npy"))
    assert {np.load(path, allow_pickle=False).dtype.name for path in kept} == {"float16"}
    parts = [
        ks.datasets.SimulatedPairs(name, count, model.acquisition, 0, folder / "cache2")
        for name, count in (("flatvel_a", 5), ("style_b", 4))
    ]
    whole = ks.datasets.MixedPairs(parts).prepare(progress=False)
    learning, held_out = whole.held_out(3 / 9, 0)
    scores = ks.evaluation.score_pairs(model, whole, held_out, learning)
    assert scores.metrics["velocity_mae_m_s"] == pytest.approx(
        metrics["velocity_mae_m_s"], rel=2e-3
    )


def test_names_of_families():
    assert families_of("openfwi") == list(ks.simulation.OPENFWI_FAMILIES)
    assert families_of(["Salt", "FlatVel-A", "salt"]) == ["salt", "flatvel_a"]


def test_a_preset_goes_on_with_other_geology(tiny_preset, tmp_path, eagerly, capsys):
    metrics = time_depth_unet(
        tmp_path / "run", tiny_preset, family=["curvefault_a"], samples=6, held_out=2,
        epochs=2, batch_size=4, cache_dir=tmp_path, precision="float32",
    )  # fmt: skip
    assert f"{tiny_preset}: 100% of the weights go on" in capsys.readouterr().out
    preset = ks.models.without_spread(ks.load_preset(tiny_preset))
    model = ks.inference.load_model(tmp_path / "run" / "model.keras")
    assert model.acquisition == preset.acquisition
    assert model.network.filters == preset.network.filters
    arguments = json.loads((tmp_path / "run" / "config.json").read_text())["arguments"]
    assert arguments["learning_rate"] < 1e-3  # lower than from scratch
    # What it was before is what the preset scores.
    pairs = ks.datasets.SimulatedPairs("curvefault_a", 8, preset.acquisition, 0, tmp_path / "raw")
    learning, held_out = pairs.prepare(progress=False).held_out(2 / 8, 0)
    before = ks.evaluation.score_pairs(preset, pairs, held_out, learning).metrics
    assert metrics["pretrained_mae_m_s"] == pytest.approx(before["velocity_mae_m_s"], rel=2e-3)
    # It went on from there: not where it was, and not elsewhere.
    moved = [
        np.abs(ours - theirs).max()
        for ours, theirs in zip(model.get_weights(), preset.get_weights(), strict=True)
    ]
    assert 0 < max(moved) < 0.05


def test_a_preset_goes_on_with_another_acquisition(
    tiny_preset, tmp_path, small_data, eagerly, capsys
):
    """Files with other receivers: layers whose weights depend on them begin anew."""
    options = {"samples": 6, "epochs": 1, "batch_size": 4, "keep_every": 2, "precision": "float32"}
    metrics = time_depth_unet(tmp_path / "run", tiny_preset, small_data, **options)
    assert "pretrained_mae_m_s" not in metrics
    fraction = int(capsys.readouterr().out.split(f"{tiny_preset}: ")[1].split("%")[0])
    assert 10 < fraction < 90
    model = ks.inference.load_model(tmp_path / "run" / "model.keras")
    assert model.input_shape == (None, 128, 70, 2)
    assert model.network.gather_shape == (64, 70, 2)
    layer, theirs = model.input_normalization, ks.load_preset(tiny_preset).input_normalization
    assert (layer.data_min, layer.data_max) == (theirs.data_min, theirs.data_max)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from-preset", "no_such"], "expected one of blind_denoiser, time_depth"),
        (["--from-preset", "blind_denoiser"], "is a BlindDenoiser"),
        (["--family", "salty"], "unknown velocity family 'salty'"),
        (["--family", "openfwi", "--data", "."], "expected one family, received flatvel_a"),
        (["--family", "openfwi", "--samples", "1", "--held-out", "1"], "one of each family"),
    ],
)
def test_what_would_fail_is_refused_before_the_work(tiny_preset, tmp_path, options, message):
    with pytest.raises(SystemExit, match=message):
        keras_seismic("train", "time-depth-unet", *options, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
