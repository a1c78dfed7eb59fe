"""Every preset through every export, compared on inputs that the exporter has not seen."""

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.exporting.web import export as web

EXPORTS = {
    "onnx": (ks.exporting.export_onnx, "model.onnx"),
    "saved_model": (ks.exporting.export_saved_model, "models"),
    "litert": (ks.exporting.export_litert, "model.tflite"),
    "triton": (ks.exporting.export_triton, "triton"),
    "web": (ks.exporting.export_web, "site"),
}


@pytest.fixture(scope="module", params=ks.presets())
def preset(request):
    """A preset, and two inputs for it."""
    model = ks.load_preset(request.param)
    return model, ks.exporting.example_inputs(model, 2)


@pytest.mark.slow
@pytest.mark.parametrize("format", EXPORTS)
def test_every_preset_through_every_export(preset, format, tmp_path, monkeypatch):
    if format == "litert":
        pytest.importorskip("ai_edge_litert", reason="pip install 'keras_seismic[litert]'")
    monkeypatch.setattr(web, "runtime_files", lambda path: {})  # the page's, not the model's
    (export, target), (model, inputs) = EXPORTS[format], preset
    exported = export(model, tmp_path / target, inputs=inputs[:1])
    graph = next(exported.rglob("model.onnx"), exported) if exported.is_dir() else exported
    ks.exporting.check_parity(model, graph, inputs[1:], verbose=False)


@pytest.mark.slow
def test_every_preset_of_sections_in_opendtect(preset, tmp_path):
    model, inputs = preset
    if model.predicts_velocity:
        with pytest.raises(ValueError, match="expected a model of sections"):
            ks.exporting.export_opendtect(model, tmp_path / "preset", inputs[:1])
        return
    path = ks.exporting.export_opendtect(model, tmp_path / "preset", inputs[:1])
    line = inputs[1:].transpose(0, 3, 2, 1)[:, :, None]
    received = ks.exporting.load_opendtect(path)(line)
    expected = np.asarray(model(inputs[1:]))
    np.testing.assert_allclose(
        received.reshape(line.shape)[:, 0, 0].transpose(0, 2, 1),
        expected[..., 0],
        atol=1e-4 * np.abs(expected).max(),
    )
