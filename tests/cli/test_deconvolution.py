"""``keras-seismic train deconvolution``: simulated, SEG-Y in and out, errors before any work."""

import json

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.cli.main import main
from keras_seismic.cli.train import deconvolution

QUICK = {"epochs": 1, "batches": 2, "layers": 2, "iterations": 20}


@pytest.mark.slow
def test_section_without_a_file(tmp_path):
    out = tmp_path / "run"
    metrics = deconvolution(out, **QUICK)
    assert json.loads((out / "config.json").read_text())["command"] == "train deconvolution"
    # The simulated section has 10 dB, so that a tenth of the energy is noise.
    assert 0.5 < metrics["explained_energy"] < 1
    assert [row["method"] for row in metrics["methods"]] == [
        "GradientDescent",
        "ISTA",
        "FISTA",
        "LISTA",
    ]
    section = np.load(out / "fit.npy") + np.load(out / "residual.npy")
    np.testing.assert_allclose(section, ks.sparse.simulated_section(0).amplitude, atol=1e-5)
    wavelet = np.load(out / "wavelet.npy")
    operator = ks.sparse.WaveletConvolution(wavelet)
    fit = operator.forward(np.load(out / "reflectivity.npy").T)
    np.testing.assert_allclose(np.asarray(fit).T, np.load(out / "fit.npy"), atol=1e-4)
    model = keras.models.load_model(out / "model.keras")
    assert model(section[None, ..., None]).shape == (1, *section.shape, 1)
    names = {p.stem for p in (out / "figures").iterdir()}
    assert names == {"deconvolution", "trace", "convergence", "loss"}


@pytest.mark.slow
def test_real_line_keeps_its_headers_and_its_mute(data_folder, tmp_path):
    real_line = data_folder / "field_line_namss_88-22-V.segy"
    out = tmp_path / "run"
    metrics = deconvolution(out, real_line, **QUICK)
    assert metrics["explained_energy"] > 0.5
    section = ks.io.read_section(real_line)
    reflectivity = ks.io.read_section(out / "reflectivity.segy")
    assert reflectivity.amplitude.shape == section.amplitude.shape
    assert reflectivity.dt == section.dt
    assert (out / "reflectivity.segy").read_bytes()[:3840] == real_line.read_bytes()[:3840]
    mute = section.amplitude[:500, 0]
    assert not mute.any()
    assert not reflectivity.amplitude[:500, 0].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--section", "missing.npy"], "no such file"),
        (["--wavelet", "missing.npy"], "no such file"),
        (["--wavelet-length", "601"], "at most the trace's 500"),
        (["--wavelet", "25", "--zero-time", "99"], "zero_time"),
        (["--noise", "1e9"], "below the data's own level"),
    ],
)
def test_errors_come_before_the_run_folder(arguments, message, tmp_path):
    with pytest.raises(SystemExit, match=rf"error: .*{message}"):
        main(["train", "deconvolution", "--out", str(tmp_path / "run"), *arguments])
    assert not (tmp_path / "run").exists()
