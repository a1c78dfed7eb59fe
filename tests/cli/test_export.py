"""``keras-seismic export``: every format, from a run's model.keras."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.cli.export import loaded
from tests.command import keras_seismic


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory):
    """model.keras of a denoiser's run folder."""
    folder = tmp_path_factory.mktemp("run")
    ks.models.with_physical_units(
        ks.models.ConvDenoiser(2, 1), ks.layers.SectionNormalization()
    ).save(folder / "model.keras")
    (folder / "config.json").write_text('{"arguments": {"section": ["/home/me/line.segy"]}}')
    (folder / "metrics.json").write_text('{"denoiser_snr_out_db": 9.0}')
    return folder / "model.keras"


@pytest.mark.parametrize(
    ("format", "output", "exported"),
    [("onnx", "m.onnx", "m.onnx"), ("saved-model", "models/net", "models/net/3")],
)
def test_what_is_exported_computes_the_same(
    denoiser, tmp_path, capsys, rng, format, output, exported
):
    arguments = ["export", format, denoiser, tmp_path / output, "--examples", "1"]
    if format == "saved-model":
        arguments += ["--version", "3"]
    keras_seismic(*arguments, "--license", "CC0-1.0")
    printed = capsys.readouterr().out
    assert "largest difference" in printed
    assert f">>> keras_seismic.inference.load_predictor('{tmp_path / exported}')" in printed
    card = ks.inference.ModelCard.read(tmp_path / exported)
    assert card.license == "CC0-1.0"
    assert card.training_data == {"section": ["line.segy"]}
    assert card.metrics == {"denoiser_snr_out_db": 9.0}
    sections = rng.standard_normal((3, 40, 30, 1)).astype("float32")
    expected = np.asarray(ks.inference.load_model(denoiser)(sections))
    predict = ks.inference.load_predictor(tmp_path / exported)
    np.testing.assert_allclose(predict(sections), expected, atol=1e-4)
    with pytest.raises(SystemExit, match="exists already"):
        keras_seismic(*arguments)


def test_opendtect(denoiser, tmp_path, capsys, rng):
    arguments = ["export", "opendtect", denoiser, tmp_path / "clean", "--license", "CC0-1.0"]
    keras_seismic(*arguments)
    path = tmp_path / "clean" / "clean.h5"
    assert f"load_opendtect('{path}')(samples)" in capsys.readouterr().out
    assert ks.inference.ModelCard.read(path.with_suffix(".onnx")).license == "CC0-1.0"
    section = rng.standard_normal((1, 40, 30, 1)).astype("float32")
    received = ks.exporting.load_opendtect(path)(section.transpose(0, 3, 2, 1)[:, :, None])
    expected = np.asarray(ks.inference.load_model(denoiser)(section))
    np.testing.assert_allclose(received.transpose(0, 3, 2, 1), expected, atol=1e-5)
    with pytest.raises(SystemExit, match=r"exists already; pass --overwrite"):
        keras_seismic(*arguments)


def test_triton_and_its_service_in_kserve(denoiser, tmp_path, capsys):
    folder = tmp_path / "repository" / "clean"
    keras_seismic("export", "triton", denoiser, folder, "--version", "3", "--max-batch-size", "2")
    printed = capsys.readouterr().out
    assert f"tritonserver --model-repository={folder.parent}" in printed
    assert "largest difference" in printed
    assert "max_batch_size: 2\n" in (folder / "config.pbtxt").read_text()
    assert ks.inference.ModelCard.read(folder / "3" / "model.onnx").model == "ConvDenoiser"
    target = tmp_path / "clean.yaml"
    keras_seismic("export", "kserve", folder, target, "--storage-uri", "gs://bucket/m/clean")
    assert f"kubectl apply -f {target}" in capsys.readouterr().out
    assert 'storageUri: "gs://bucket/m"\n' in target.read_text()


def test_a_preset_is_exported_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text('{"arguments": {"section": "another run\'s"}}')
    monkeypatch.chdir(tmp_path)
    network, card = loaded(Path("blind_denoiser"), None)
    assert isinstance(network.network, ks.models.BlindDenoiser)
    assert (card.training_data, card.license) == tuple(
        ks.presets()["blind_denoiser"][key] for key in ("data", "license")
    )
    with pytest.raises(SystemExit, match=r"blind: expected a .keras file or one of .*blind_den"):
        keras_seismic("export", "onnx", "blind", "blind.onnx")


def test_litert(denoiser, tmp_path, capsys):
    if not importlib.util.find_spec("ai_edge_litert"):
        pytest.skip("ai-edge-litert is missing: pip install 'keras_seismic[litert]'")
    path = tmp_path / "model.tflite"
    keras_seismic("export", "litert", denoiser, path, "--license", "CC BY 4.0")
    assert ks.inference.ModelCard.read(path).license == "CC BY 4.0"
    printed = capsys.readouterr().out
    assert f"{path.stat().st_size / 1e6:.2f} MB" in printed
    assert "largest difference" in printed


def test_int8_measures_its_loss_on_samples_held_out(denoiser, tmp_path, capsys, rng):
    path, samples = tmp_path / "int8.onnx", rng.standard_normal((8, 20, 16, 1)).astype("float32")
    np.save(tmp_path / "samples.npy", samples)
    np.save(tmp_path / "few.npy", samples[:3])
    arguments = ["export", "onnx", denoiser, path, "--variant", "int8", "--overwrite"]
    keras_seismic(*arguments, "--representative", tmp_path / "samples.npy", "--max-loss", "0.5")
    printed = capsys.readouterr().out
    model = ks.inference.load_model(denoiser)
    loss = ks.exporting.accuracy_loss(model, path, samples[6:])  # a quarter is held out
    assert f"int8.onnx: int8 loses {loss}" in printed
    assert "in 2 examples" in printed
    assert "too few" not in printed
    assert f"{path.stat().st_size / 1e6:.2f} MB" in printed
    keras_seismic(*arguments, "--representative", tmp_path / "few.npy", "--max-loss", "0.5")
    assert "few.npy: 3 samples are too few to hold some out" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"^error: "):
        keras_seismic(
            *(*arguments, "--representative", tmp_path / "samples.npy", "--max-loss", "1e-9")
        )
    with pytest.raises(SystemExit, match=r"^error: .*int8"):
        keras_seismic(*arguments)


def test_a_programs_function_returns_the_difference(denoiser, tmp_path):
    from keras_seismic.cli.export.onnx import onnx

    assert 0 <= onnx(denoiser, tmp_path / "model.onnx") < 1e-4
