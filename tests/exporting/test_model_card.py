"""Model cards: what they say, and where they are found again."""

import importlib.util
import json

import pytest

import keras_seismic as ks


def test_a_runs_card_knows_its_training(model, tmp_path):
    run = {"arguments": {"family": "flatvel_a", "samples": 5, "out": "/home/me/run"}}
    (tmp_path / "config.json").write_text(json.dumps(run))
    (tmp_path / "metrics.json").write_text('{"velocity_mae_m_s": 140.0}')
    card = ks.exporting.ModelCard.of_run(model, tmp_path / "model.keras", "CC BY 4.0")
    assert card.training_data == {"family": "flatvel_a", "samples": 5}
    assert card.metrics == {"velocity_mae_m_s": 140.0}
    assert card.licence == "CC BY 4.0"
    assert ks.exporting.ModelCard.from_json(card.to_json()) == card
    newer = json.loads(card.to_json()) | {"a_later_field": 1}
    assert ks.exporting.ModelCard.from_json(json.dumps(newer)) == card
    for text in ("no card", "[]", "{}"):
        with pytest.raises(ValueError, match="expected a model card"):
            ks.exporting.ModelCard.from_json(text)


def test_every_format_carries_the_card(tmp_path):
    model = ks.exporting.with_physical_units(
        ks.models.ConvDenoiser(num_filters=2), ks.layers.SectionNormalization()
    )
    card = ks.exporting.ModelCard.of(model, "a line of 1988", {"snr_db": 9.0}, "CC0-1.0")
    paths = [
        ks.exporting.export_saved_model(model, tmp_path / "denoiser", card=card),
        ks.exporting.export_onnx(model, tmp_path / "denoiser.onnx", card=card),
    ]
    if importlib.util.find_spec("ai_edge_litert"):
        paths.append(ks.exporting.export_litert(model, tmp_path / "denoiser.tflite", card=card))
    for path in paths:
        assert ks.exporting.ModelCard.read(path) == card
    model.save(tmp_path / "denoiser.keras")
    assert ks.exporting.ModelCard.read(tmp_path / "denoiser.keras").task == card.task
    assert ks.exporting.ModelCard.read(tmp_path) is None


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_damaged_files_are_named(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"no model" * 20)
    if suffix == ".tflite":
        pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is missing")
    with pytest.raises(ValueError, match=f"model{suffix}: is no"):
        ks.exporting.ModelCard.read(path)
