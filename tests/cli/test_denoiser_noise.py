"""The denoiser's program with noise of other kinds, and without clean sections."""

import numpy as np
import pytest

import keras_seismic as ks
import train.denoiser
import train.evaluate


@pytest.fixture
def small_section(tmp_path):
    """A .npy section that a few seconds' training can learn."""
    section = ks.simulation.sample_sections(1, 3)[0]
    np.save(tmp_path / "section.npy", section)
    return str(tmp_path / "section.npy")


SHORT = ["--patches", "600", "--epochs", "2", "--num-filters", "8"]


def test_other_noise(tmp_path, small_section):
    """Hum and failing traces, at levels of their own; the score knows them."""
    metrics = train.denoiser.main([
        "--section", small_section, "--test", small_section, "--out", str(tmp_path / "run"), *SHORT,
        "--noise", "hum=-6", "--noise", "missing=0.1", "--dt", "0.004",
    ])  # fmt: skip
    clean = ks.datasets.normalize_section(np.load(small_section, allow_pickle=False))
    noisy = ks.noise.add_noise(clean, [("hum", -6), ("missing", 0.1)], dt=0.004)
    expected = ks.evaluation.score_denoising(clean, noisy, noisy)["denoiser_snr_in_db"]
    assert metrics["denoiser_snr_in_db"] == pytest.approx(expected, abs=1e-3)
    assert metrics["denoiser_snr_out_db"] > metrics["denoiser_snr_in_db"] + 3
    scored = train.evaluate.main([
        str(tmp_path / "run" / "model.keras"), small_section, "--out", str(tmp_path / "scores"),
        "--noise", "hum=-6", "--noise", "missing=0.1", "--dt", "0.004",
    ])  # fmt: skip
    assert scored == pytest.approx(metrics, abs=1e-4)


def test_learning_from_a_noisy_section_alone(tmp_path, small_section, monkeypatch):
    """Noise is added once; the network sees only noisy sections, the score the clean one."""
    seen = []
    original = ks.datasets.BlindSpotPatches.__init__

    def spy(self, sections, *arguments, **options):
        seen.append(sections[0])
        original(self, sections, *arguments, **options)

    monkeypatch.setattr(ks.datasets.BlindSpotPatches, "__init__", spy)
    metrics = train.denoiser.main([
        "--section", small_section, "--self-supervised", "--noise", "white",
        "--out", str(tmp_path / "run"), *SHORT,
    ])  # fmt: skip
    clean = ks.datasets.normalize_section(np.load(small_section, allow_pickle=False))
    for section in seen:
        snr = ks.evaluation.score_denoising(clean, section, section)["denoiser_snr_in_db"]
        assert snr == pytest.approx(metrics["denoiser_snr_in_db"], abs=1e-4)
    assert metrics["denoiser_snr_out_db"] > metrics["denoiser_snr_in_db"] + 2


def test_learning_without_any_truth(tmp_path, small_section):
    """No clean section, so no signal-to-noise ratio."""
    metrics = train.denoiser.main([
        "--section", small_section, "--self-supervised", "--mask-traces", "0.1",
        "--out", str(tmp_path / "run"), *SHORT,
    ])  # fmt: skip
    assert set(metrics) == {"removed_fraction", "removed_similarity"}
    assert 0 < metrics["removed_fraction"] < 1
    assert (tmp_path / "run" / "figures" / "denoising.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--noise", "hum"], "pass dt in s"),
        (["--noise", "hum", "--dt", "0.05"], "received 50 Hz"),
        (["--mask-traces", "0.1"], "--self-supervised learning only"),
        (["--mask-traces", "1.5", "--self-supervised"], "received 0.0 and 1.5"),
    ],
)
def test_noise_that_does_not_fit_is_refused(tmp_path, small_section, arguments, message):
    common = ["--section", small_section, "--test", small_section, "--out", str(tmp_path / "run")]
    with pytest.raises(ValueError, match=message):
        train.denoiser.main([*common, *arguments])
    assert not (tmp_path / "run").exists()


def test_the_program_knows_its_kinds_of_noise(capsys):
    with pytest.raises(SystemExit):
        train.denoiser.main(["--out", "x", "--noise", "rain"])
    assert "kind must be one of white, band_limited" in capsys.readouterr().err
