"""train.transfer as a user runs it, on little data."""

import json

import keras
import numpy as np
import pytest

import keras_seismic as ks
import train.transfer


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The pairs of a --smoke run, simulated beforehand."""
    folder = tmp_path_factory.mktemp("cache")
    acquisition = ks.simulation.Acquisition.openfwi(boundary="cpml")
    for family, count, seed in (
        ("flatvel_a", 4, 0), ("curvevel_a", 2, (0, 1)), ("curvevel_a", 4, (0, 2, 0))
    ):  # fmt: skip
        ks.datasets.SimulatedPairs(family, count, acquisition, seed, folder).prepare(
            progress=False
        )
    return str(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory, cache):
    """A --smoke run; eagerly, because tracing takes longer than all its trainings."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("runs") / "run"
    tf.config.run_functions_eagerly(True)
    try:
        metrics = train.transfer.main(["--smoke", "--out", str(folder), "--cache-dir", cache])
    finally:
        tf.config.run_functions_eagerly(False)
    return folder, metrics


def test_it_leaves_a_whole_run_folder(run):
    folder, metrics = run
    assert json.loads((folder / "metrics.json").read_text()) == metrics
    methods = metrics["methods"]
    trained = ["scratch", "all weights", "frozen encoder"]
    assert list(methods) == ["as pre-trained", "mean of the samples", *trained]
    for scores in methods.values():
        assert set(scores) == {"velocity_mae_m_s", "velocity_rmse_m_s", "velocity_ssim"}
        assert np.isfinite([score["mean"] for score in scores.values()]).all()
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "metrics.json", "table.md", "model.keras", "figures", "pretraining",
        "scratch_1", "all_weights_1", "frozen_encoder_1",
    }  # fmt: skip
    assert {path.name for path in (folder / "figures").iterdir()} == {
        "comparison.png", "velocity.png"
    }  # fmt: skip
    table = (folder / "table.md").read_text().splitlines()
    assert table[0] == "| | MAE (m/s) | RMSE (m/s) | SSIM |"
    assert [line.split(" | ")[0] for line in table[2:]] == [f"| {name}" for name in methods]


def test_frozen_weights_are_those_of_the_pretraining(run):
    folder, _ = run
    pretrained = ks.inference.load_model(folder / "pretraining" / "model.keras").network
    for name, same in (("frozen_encoder_1", True), ("all_weights_1", False)):
        trained = keras.models.load_model(folder / name / "best.keras", compile=False)
        kernels = [m.get_layer("encoder_5a_convolution").kernel for m in (pretrained, trained)]
        assert np.array_equal(*kernels) == same


def test_the_best_model_takes_raw_gathers(run):
    folder, _ = run
    model = ks.inference.load_model(folder / "model.keras")
    assert model.acquisition == ks.simulation.Acquisition.openfwi("cpml")
    assert model(np.zeros((1, 1000, 70, 5), "float32")).shape == (1, 70, 70, 1)


def test_an_earlier_run_can_be_gone_on_with(run, cache, tmp_path):
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        metrics = train.transfer.main([
            "--smoke", "--pretrained", str(run[0] / "pretraining" / "best.keras"),
            "--freeze", "none", "--encoder-rate", "0.1", "--reset-head",
            "--out", str(tmp_path / "run"), "--cache-dir", cache,
        ])  # fmt: skip
    finally:
        tf.config.run_functions_eagerly(False)
    assert not (tmp_path / "run" / "pretraining").exists()
    assert "frozen encoder" not in metrics["methods"]
    before = run[1]["methods"]["as pre-trained"]["velocity_mae_m_s"]["mean"]
    assert metrics["methods"]["as pre-trained"]["velocity_mae_m_s"]["mean"] == pytest.approx(before)
    compiled = keras.models.load_model(tmp_path / "run" / "all_weights_1" / "best.keras")
    assert compiled.optimizer.multipliers["vector_convolution"] == 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from-family", "flatland"], "flatland"),
        (["--to-family", "flatland"], "flatland"),
        (["--pretrained", "absent.keras"], "no such model file"),
        (["--freeze", "9"], "8 encoder stages"),
        (["--encoder-rate", "-1"], "encoder_rate must be"),
    ],
)
def test_bad_input_is_refused_with_nothing_written(tmp_path, arguments, message):
    folders = ["--out", str(tmp_path / "run"), "--cache-dir", str(tmp_path / "cache")]
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        train.transfer.main([*folders, "--filters", "1", *arguments])
    assert list(tmp_path.iterdir()) == []


def test_help_says_what_the_program_does(capsys):
    with pytest.raises(SystemExit) as ended:
        train.transfer.main(["--help"])
    assert ended.value.code == 0
    assert "go on with few samples of another" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        train.transfer.main(["--out", "x", "--freeze", "all"])
    assert "expected none, encoder or a number, received 'all'" in capsys.readouterr().err
