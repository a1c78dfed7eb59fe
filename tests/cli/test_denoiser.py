"""``keras-seismic train denoiser`` as a user runs it, on little data."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.cli.main import main
from keras_seismic.cli.train import denoiser
from tests.command import keras_seismic

SHORT = {"patches": 600, "epochs": 2, "filters": 8}


@pytest.fixture(scope="module")
def small_section(tmp_path_factory):
    """A .npy section that a few seconds' training can learn."""
    path = tmp_path_factory.mktemp("section") / "section.npy"
    np.save(path, ks.simulation.sample_sections(1, 3)[0])
    return path


def test_it_learns_from_simulated_sections(tmp_path, files):
    metrics = denoiser(tmp_path / "run", decoder="resize", **SHORT)
    assert files(tmp_path / "run") == {
        "config.json", "history.csv", "metrics.json", "best.keras", "model.keras",
        "figures/loss.png", "figures/denoising.png", "report.html",
    }  # fmt: skip
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == metrics
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["command"] == "train denoiser"
    assert metrics["denoiser_snr_in_db"] == pytest.approx(0, abs=0.1)
    assert metrics["denoiser_snr_out_db"] > 2


def test_other_noise(tmp_path, small_section):
    """Hum and failing traces, at levels of their own; the score knows them."""
    noise = ["hum=-6", "missing=0.1"]
    metrics = denoiser(
        tmp_path / "run", [small_section], [small_section], noise=noise, dt=0.004, **SHORT
    )
    clean = ks.datasets.normalize_section(np.load(small_section, allow_pickle=False))
    noisy = ks.noise.add_noise(clean, [("hum", -6), ("missing", 0.1)], dt=0.004)
    expected = ks.evaluation.score_denoising(clean, noisy, noisy)["denoiser_snr_in_db"]
    assert metrics["denoiser_snr_in_db"] == pytest.approx(expected, abs=1e-3)
    assert metrics["denoiser_snr_out_db"] > metrics["denoiser_snr_in_db"] + 3


def test_learning_from_a_noisy_section_alone(tmp_path, small_section, monkeypatch):
    """Noise is added once; the network sees only noisy sections, the score the clean one."""
    seen = []
    original = ks.datasets.BlindSpotPatches.__init__

    def spy(self, sections, *arguments, **options):
        seen.append(sections[0])
        original(self, sections, *arguments, **options)

    monkeypatch.setattr(ks.datasets.BlindSpotPatches, "__init__", spy)
    metrics = denoiser(
        tmp_path / "run", [small_section], self_supervised=True, noise=["white"], **SHORT
    )
    assert len(seen) == 2
    clean = ks.datasets.normalize_section(np.load(small_section, allow_pickle=False))
    for section in seen:
        snr = ks.evaluation.score_denoising(clean, section, section)["denoiser_snr_in_db"]
        assert snr == pytest.approx(metrics["denoiser_snr_in_db"], abs=1e-4)
    assert metrics["denoiser_snr_out_db"] > metrics["denoiser_snr_in_db"] + 2


def test_learning_without_any_truth(tmp_path, small_section):
    """No clean section, so no signal-to-noise ratio; from the command line, with a real field's
    options."""
    run = tmp_path / "run"
    words = ["--section", str(small_section), "--self-supervised", "--mask-traces", "0.1"]
    with pytest.raises(SystemExit) as ended:
        main(["train", "denoiser", "--out", str(run), *words, "--patches=300", "--epochs=1",
              "--filters=4"])  # fmt: skip
    assert ended.value.code == 0
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics) == {"removed_fraction", "removed_similarity"}
    assert 0 < metrics["removed_fraction"] < 1
    assert (run / "figures" / "denoising.png").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": ["hum"]}, "pass dt in s"),
        ({"noise": ["hum"], "dt": 0.05}, "received 50 Hz"),
        ({"noise": ["rain"]}, "kind must be one of white, band_limited"),
        ({"mask_traces": 0.1}, "self-supervised learning only"),
        ({"mask_traces": 1.5, "self_supervised": True}, "received 0.0 and 1.5"),
        ({"loss": "softmax_crossentropy"}, "zero whatever the network answers"),
        ({"loss": "sigmoid_crossentropy"}, "normalization 'range' gives, received 'percentile'"),
        ({"normalization": "maximum", "percentile": 90.0}, "does nothing with the normalization"),
        ({"percentile": 0.0}, r"percentile must be in \(0, 100\], received 0"),
        ({"study": True, "optimizer": "sgd", "blocks": 1}, "by itself, received optimizer$"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, small_section, options, message):
    with pytest.raises(ValueError, match=message):
        denoiser(tmp_path / "run", [small_section], [small_section], **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "mode", "head"),
    [
        ({"normalization": "maximum", "loss": "smooth_l1", "optimizer": "momentum"},
         ("maximum", 99.5), "tanh"),
        ({"percentile": 90.0}, ("percentile", 90.0), "tanh"),
        ({"normalization": "range", "loss": "sigmoid_crossentropy"}, ("range", 99.5), "sigmoid"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("untraced")
def test_losses_optimizers_and_normalizations(tmp_path, small_section, options, mode, head):
    """The model that is saved has them."""
    short = {"patches": 64, "epochs": 1, "filters": 2}
    denoiser(tmp_path / "run", [small_section], [small_section] * 2, **short, **options)
    model = ks.inference.load_model(tmp_path / "run" / "model.keras")
    layer = model.input_normalization
    assert (layer.mode, layer.percentile) == mode
    assert model.network.output_activation == head
    trained = keras.models.load_model(tmp_path / "run" / "best.keras")
    assert type(trained.optimizer).__name__ == {"momentum": "SGD"}.get(
        options.get("optimizer"), "Adam"
    )


@pytest.mark.usefixtures("untraced")
def test_the_study_is_written_and_goes_on(tmp_path, small_section, monkeypatch, files, capsys):
    """Two variants instead of all; the same command again trains nothing."""
    base = ks.training.DenoiserRecipe(epochs=1)
    few = {"decoder": {"transpose": base, "resize": replace(base, decoder="resize")}}
    monkeypatch.setattr(ks.training, "study_factors", lambda epochs: few)
    words = ["train", "denoiser", "--study", "--out", tmp_path / "study", "--section",
             small_section, "--smoke", "--patches", 64, "--filters", 2]  # fmt: skip
    keras_seismic(*words)
    printed = capsys.readouterr().out
    assert "The transposed decoder does better than the resizing one" in printed
    assert files(tmp_path / "study") == {
        "config.json", "metrics.json", "report.md", "figures/study.png",
        "variants/base-0.json", "variants/decoder_resize-0.json",
    }  # fmt: skip
    assert "| resize |" in (tmp_path / "study" / "report.md").read_text()
    monkeypatch.setattr(ks.training.denoiser_study, "_train", None)
    keras_seismic(*words)
    assert "this run is finished; there is nothing left to do" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"snr: 0\.0 then, 3\.0 now"):
        keras_seismic(*words, "--snr", 3)


def test_bad_sections_are_refused_with_nothing_written(tmp_path):
    (tmp_path / "notes.segy").write_text("these are notes\n" * 500)
    with pytest.raises(ValueError, match=r"notes\.segy: expected a SEG-Y file"):
        denoiser(tmp_path / "run", [tmp_path / "notes.segy"])
    assert [p.name for p in tmp_path.iterdir()] == ["notes.segy"]
