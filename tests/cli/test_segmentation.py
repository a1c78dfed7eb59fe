"""``train segmentation``, and what its models are used for."""

import numpy as np
import pytest

import keras_seismic as ks
from tests.command import keras_seismic


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("segmentation") / "salt"
    tf.config.run_functions_eagerly(True)  # tracing takes longer than this training
    keras_seismic("train", "segmentation", "--smoke", "--label", "salt", "--out", folder)
    tf.config.run_functions_eagerly(False)
    return folder


def test_run_is_scored_and_says_what_it_finds(run):
    metrics = ks.training.RunFolder(run, overwrite=True).read("metrics.json")
    names = {"mean_iou", "dice"}
    assert set(metrics) == names | {f"{name}_without_looking" for name in names}
    assert all(0 <= score <= 1 for score in metrics.values())
    card = ks.inference.ModelCard.read(run / "model.keras")
    assert card.task == "section to probability of salt"
    assert card.output["units"] == "probability of salt"
    assert card.classes == ["salt"]
    assert not card.predicts_velocity
    assert (run / "figures" / "salt.png").is_file()


def test_predict_writes_probabilities_from_every_kind_of_model(run, tmp_path, capsys):
    """Whatever the amplitude, and the same from ONNX."""
    section = 1e4 * ks.simulation.sample_sections(1, 3, "salt", (48, 32))[0]
    section[:5] = 0  # a mute
    np.save(tmp_path / "section.npy", section)
    model = ks.inference.load_model(run / "model.keras")
    expected = np.asarray(model(section[None, ..., None]))[0, ..., 0]
    keras_seismic("export", "onnx", run / "model.keras", tmp_path / "model.onnx")
    card = ks.inference.ModelCard.read(tmp_path / "model.onnx")
    assert card.classes == ["salt"]
    capsys.readouterr()
    for kind in ("model.keras", "model.onnx"):
        path = run / kind if kind.endswith(".keras") else tmp_path / kind
        arguments = ("--model", path, "--overwrite", "--figure", tmp_path / "figure.png")
        keras_seismic("predict", tmp_path / "section.npy", tmp_path / "out.npy", *arguments)
        assert "probability of salt" in capsys.readouterr().out
        found = np.load(tmp_path / "out.npy")
        np.testing.assert_allclose(found[5:], expected[5:], atol=1e-4)
        assert not found[:5].any()
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_what_is_for_denoisers_is_refused(run, tmp_path):
    section = np.ones((40, 40), np.float32)
    np.save(tmp_path / "section.npy", section)
    model = run / "model.keras"
    with pytest.raises(SystemExit, match="strength and keep_peaks are for denoisers"):
        keras_seismic(
            "predict", tmp_path / "section.npy", tmp_path / "out.npy", "--model", model,
            "--strength", "0.5",
        )  # fmt: skip
    with pytest.raises(SystemExit, match="predicts masks"):
        keras_seismic("evaluate", model, tmp_path / "section.npy", "--out", tmp_path / "scores")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--label", "salt", "--family", "any"), "needs families"),
        (("--family", "flatfault"), "unknown velocity family"),
    ],
)
def test_bad_arguments_leave_nothing_behind(arguments, word, tmp_path):
    with pytest.raises(SystemExit, match=word):
        keras_seismic("train", "segmentation", *arguments, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
