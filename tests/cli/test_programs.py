"""The programs, as a user runs them, on little data."""

import json

import keras
import numpy as np
import pytest

import examples.demo
import export.litert
import export.onnx
import export.predict
import export.saved_model
import export.serving
import keras_seismic as ks
import train.denoiser
import train.evaluate
import train.fcnvmb
import train.inversionnet
import train.velocitygan
from keras_seismic.cli import command_line

PROGRAMS = [
    train.inversionnet,
    train.denoiser,
    train.fcnvmb,
    train.velocitygan,
    train.evaluate,
    export.predict,
    export.saved_model,
    export.onnx,
    export.litert,
    export.serving,
    examples.demo,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_help_says_what_the_program_does(program, capsys):
    with pytest.raises(SystemExit) as ended:
        program.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert program.__doc__.splitlines()[0].split(",")[0] in text
    assert ("--overwrite" in text) == (program is not export.saved_model)


def files(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def inversion_run(tmp_path_factory, cache):
    """A short training on exact OpenFWI gathers, with windows of a user's velocity model."""
    folder = tmp_path_factory.mktemp("runs")
    velocity = ks.simulation.sample_velocity("curvefault_a", 1, shape=(80, 150))[0]
    velocity[:3] = 1030.0  # water-bottom mud, below the range of the network
    np.save(folder / "velocity.npy", velocity)
    arguments = [
        "--out",
        str(folder / "run"),
        "--samples",
        "5",
        "--epochs",
        "2",
        "--smoke",
        "--cache-dir",
        cache,
    ]
    metrics = train.inversionnet.main([*arguments, "--test-velocity", str(folder / "velocity.npy")])
    return folder, metrics, arguments


def test_inversionnet_leaves_a_whole_run_folder(inversion_run):
    folder, metrics, _ = inversion_run
    run = folder / "run"
    assert files(run) == {
        "config.json", "history.csv", "metrics.json", "best.keras", "model.keras",
        "figures/loss.png", "figures/velocity.png", "figures/gathers.png",
        "figures/test_velocity.png",
    }  # fmt: skip
    assert json.loads((run / "metrics.json").read_text()) == metrics
    assert {"velocity_mae_m_s", "velocity_rmse_m_s", "velocity_ssim", "baseline_mae_m_s",
            "prediction_std_m_s"} < set(metrics)  # fmt: skip
    assert metrics["test_windows"] == 2
    assert metrics["test_clipped_fraction"] == pytest.approx(3 / 70)
    config = json.loads((run / "config.json").read_text())
    assert config["arguments"]["samples"] == 5
    assert config["acquisition"]["boundary"] == "cpml"
    assert config["versions"]["keras"] == keras.__version__
    assert len((run / "history.csv").read_text().splitlines()) == 3


def test_the_saved_model_takes_raw_gathers_and_knows_their_acquisition(inversion_run):
    model = ks.inference.load_model(inversion_run[0] / "run" / "model.keras")
    assert model.acquisition == ks.simulation.Acquisition.openfwi("cpml")
    velocity = model(np.zeros((1, 1000, 70, 5), "float32")).numpy()
    assert velocity.shape == (1, 70, 70, 1)
    assert velocity.min() >= 1500
    assert velocity.max() <= 4500


def test_the_same_seed_gives_the_same_scores(inversion_run, tmp_path):
    _, metrics, arguments = inversion_run
    again = train.inversionnet.main([*arguments, "--out", str(tmp_path / "again")])
    for name, value in again.items():
        assert value == pytest.approx(metrics[name], rel=1e-3), name


def test_inversionnet_learns_from_files(inversion_run, cache, tmp_path):
    """What the simulated run learned from, written as OpenFWI's files and read again."""
    metrics = inversion_run[1]
    acquisition = ks.simulation.Acquisition.openfwi("cpml")
    for count, seed, split in ((5, 0, "train"), (2, (0, 1), "validation")):
        pairs = ks.datasets.SimulatedPairs("flatvel_a", count, acquisition, seed, cache)
        folder = tmp_path / "FlatVel_A"
        ks.datasets.write_openfwi(folder, pairs.prepare(), split=split, samples_per_file=3)
    shared = ["--out", str(tmp_path / "run"), "--epochs", "2", "--filters", "1"]
    learned = train.inversionnet.main([*shared, "--data", str(folder)])
    assert learned["baseline_mae_m_s"] == pytest.approx(metrics["baseline_mae_m_s"])
    assert set(learned) == {name for name in metrics if not name.startswith("test_")}
    run = tmp_path / "run"
    config = json.loads((run / "config.json").read_text())
    assert config["arguments"] | {"family": "flatvel_a", "samples": 5} == config["arguments"]
    assert ks.inference.load_model(run / "model.keras").acquisition == acquisition
    with pytest.raises(FileNotFoundError, match="no such"):
        train.inversionnet.main([*shared, "--overwrite", "--data", str(tmp_path / "absent")])
    assert json.loads((run / "metrics.json").read_text()) == learned


def test_an_occupied_folder_is_refused_before_work(inversion_run, monkeypatch):
    folder, _, arguments = inversion_run
    before = {p: p.stat().st_mtime_ns for p in (folder / "run").rglob("*")}
    monkeypatch.setattr(ks.datasets.SimulatedPairs, "prepare", pytest.fail)
    with pytest.raises(FileExistsError, match="--overwrite"):
        train.inversionnet.main(arguments)
    assert {p: p.stat().st_mtime_ns for p in (folder / "run").rglob("*")} == before


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--family", "flatland", "flatland"),
        ("--test-velocity", "absent.npy", "no such file"),
    ],
)
def test_bad_input_is_refused_with_nothing_written(tmp_path, option, value, message):
    arguments = ["--out", str(tmp_path / "run"), "--cache-dir", str(tmp_path / "cache")]
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        train.inversionnet.main([*arguments, option, value])
    assert list(tmp_path.iterdir()) == []


def test_exports_from_the_command_line(inversion_run, tmp_path, capsys):
    model = str(inversion_run[0] / "run" / "model.keras")
    for program, path, options in (
        (export.saved_model, "m", ["--version", "3", "--license", "CC0-1.0"]),
        (export.onnx, "m.onnx", ["--license", "CC0-1.0"]),
    ):
        arguments = [model, str(tmp_path / path), "--examples", "1", *options]
        assert program.main(arguments) <= 0.5
        assert "largest difference" in capsys.readouterr().out
        with pytest.raises(FileExistsError, match="exists already"):
            program.main(arguments)
    for path in ("m/3", "m.onnx"):
        card = ks.inference.ModelCard.read(tmp_path / path)
        assert card.license == "CC0-1.0"
        assert card.training_data["family"] == "flatvel_a"
        assert card.metrics["velocity_mae_m_s"] > 0


def test_scoring_a_model_on_a_velocity_file(inversion_run, tmp_path):
    folder, metrics, _ = inversion_run
    model, velocity = str(folder / "run" / "model.keras"), str(folder / "velocity.npy")
    scored = train.evaluate.main([model, velocity, "--out", str(tmp_path / "run")])
    expected = {n.removeprefix("test_"): v for n, v in metrics.items() if n.startswith("test_")}
    assert scored == pytest.approx(expected, rel=1e-4)
    assert files(tmp_path / "run") == {"config.json", "metrics.json", "figures/velocity.png"}


@pytest.mark.parametrize("decoder", ["transpose", "resize"])
def test_denoiser_learns_from_simulated_sections(tmp_path, decoder):
    metrics = train.denoiser.main(
        [
            "--out",
            str(tmp_path / "run"),
            "--patches",
            "600",
            "--epochs",
            "2",
            "--num-filters",
            "8",
            "--decoder",
            decoder,
        ]
    )
    assert files(tmp_path / "run") == {
        "config.json", "history.csv", "metrics.json", "best.keras", "model.keras",
        "figures/loss.png", "figures/denoising.png",
    }  # fmt: skip
    assert metrics["denoiser_snr_in_db"] == pytest.approx(0, abs=0.1)
    assert metrics["denoiser_snr_out_db"] > 2


def test_denoiser_on_files_of_a_user(tmp_path, data_folder):
    line = str(data_folder / "field_line_namss_88-22-V.segy")
    cube = str(data_folder / "field_stack_3d.npy")
    run = str(tmp_path / "run")
    train.denoiser.main(
        ["--section", line, "--test", line, "--out", run, "--patches", "1000", "--epochs", "1"]
    )
    scored = train.evaluate.main(
        [f"{run}/model.keras", cube, "--line", "3", "--out", str(tmp_path / "cube")]
    )
    assert scored["denoiser_snr_out_db"] > scored["denoiser_snr_in_db"] + 3


def test_denoiser_refuses_bad_sections_with_nothing_written(tmp_path):
    (tmp_path / "notes.segy").write_text("these are notes\n" * 500)
    with pytest.raises(ValueError, match=r"notes\.segy: expected a SEG-Y file"):
        train.denoiser.main(
            ["--section", str(tmp_path / "notes.segy"), "--out", str(tmp_path / "run")]
        )
    assert [p.name for p in tmp_path.iterdir()] == ["notes.segy"]


def test_errors_are_one_line_for_the_user(capsys):
    def main(argv):
        raise ValueError("x.npy: expected this, received that")

    with pytest.raises(SystemExit, match=r"error: x\.npy: expected this"):
        command_line.run_program(main)

    def interrupted(argv):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match="interrupted"):
        command_line.run_program(interrupted)
    with pytest.raises(SystemExit):
        train.denoiser.main(["--out", "x", "--epochs", "0"])
    assert "expected a positive integer, received '0'" in capsys.readouterr().err


def test_the_demo_runs_every_stage(tmp_path, cache, capsys):
    metrics = examples.demo.main([
        "--out", str(tmp_path / "demo"), "--cache-dir", cache, "--samples", "5",
        "--held-out", "2", "--epochs", "1", "--patches", "80",
    ])  # fmt: skip
    assert json.loads((tmp_path / "demo" / "metrics.json").read_text()) == metrics
    assert {"velocity_mae_m_s", "baseline_mae_m_s", "velocity_rmse_m_s", "velocity_ssim",
            "denoiser_snr_in_db", "denoiser_snr_out_db", "saved_model_max_difference_m_s",
            "onnx_max_difference_m_s", "prediction_std_m_s", "seconds"} < set(metrics)  # fmt: skip
    assert {"model.keras", "saved_model/1/saved_model.pb", "model.onnx", "figures/families.png",
            "figures/velocity.png"} < files(tmp_path / "demo")  # fmt: skip
    assert "Go on with" in capsys.readouterr().out
