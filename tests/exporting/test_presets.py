"""Every preset through every export, each of which compares itself with the model."""

import pytest

import keras_seismic as ks

EXPORTS = {
    "onnx": (ks.exporting.export_onnx, "model.onnx"),
    "saved_model": (ks.exporting.export_saved_model, "models"),
    "litert": (ks.exporting.export_litert, "model.tflite"),
    "triton": (ks.exporting.export_triton, "triton"),
    "opendtect": (ks.exporting.export_opendtect, "opendtect"),
}


@pytest.mark.slow
@pytest.mark.parametrize("format", EXPORTS)
@pytest.mark.parametrize("name", ks.presets())
def test_every_preset_through_every_export(name, format, tmp_path, capsys):
    if format == "litert":
        pytest.importorskip("ai_edge_litert", reason="pip install 'keras_seismic[litert]'")
    export, target = EXPORTS[format]
    model = ks.load_preset(name)
    inputs = ks.exporting.example_inputs(model, 1)
    if format == "opendtect" and model.predicts_velocity:
        with pytest.raises(ValueError, match=r"expected .*section|sections"):
            export(model, tmp_path / target, inputs)
        return
    export(model, tmp_path / target, inputs)
    assert "largest difference" in capsys.readouterr().out
