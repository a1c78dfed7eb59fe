"""Model cards: what they say, and where they are found again."""

import dataclasses
import importlib.util
import json

import pytest

import keras_seismic as ks


def test_a_runs_card_knows_its_training(model, tmp_path):
    run = {"arguments": {"family": "flatvel_a", "samples": 5, "out": "/home/me/run"}}
    (tmp_path / "config.json").write_text(json.dumps(run))
    (tmp_path / "metrics.json").write_text('{"velocity_mae_m_s": 140.0}')
    card = ks.inference.ModelCard.of_run(model, tmp_path / "model.keras", "CC BY 4.0")
    assert card.training_data == {"family": "flatvel_a", "samples": 5}
    assert card.metrics == {"velocity_mae_m_s": 140.0}
    assert card.license == "CC BY 4.0"
    assert ks.inference.ModelCard.from_json(card.to_json()) == card
    newer = json.loads(card.to_json()) | {"a_later_field": 1}
    assert ks.inference.ModelCard.from_json(json.dumps(newer)) == card
    for text in ("no card", "[]", "{}"):
        with pytest.raises(ValueError, match="expected a model card"):
            ks.inference.ModelCard.from_json(text)


def test_every_format_carries_the_card(tmp_path):
    model = ks.models.with_physical_units(
        ks.models.ConvDenoiser(num_filters=2), ks.layers.SectionNormalization()
    )
    card = ks.inference.ModelCard.of(model, "a line of 1988", {"snr_db": 9.0}, "CC0-1.0")
    paths = [
        ks.exporting.export_saved_model(model, tmp_path / "denoiser", card=card),
        ks.exporting.export_onnx(model, tmp_path / "denoiser.onnx", card=card),
    ]
    if importlib.util.find_spec("ai_edge_litert"):
        paths.append(ks.exporting.export_litert(model, tmp_path / "denoiser.tflite", card=card))
    for path in paths:
        read = ks.inference.ModelCard.read(path)
        assert dataclasses.replace(read, sha256=card.sha256) == card
    model.save(tmp_path / "denoiser.keras")
    assert ks.inference.ModelCard.read(tmp_path / "denoiser.keras").task == card.task
    assert ks.inference.ModelCard.read(tmp_path) is None


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_damaged_files_are_named(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"no model" * 20)
    if suffix == ".tflite":
        pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is missing")
    with pytest.raises(ValueError, match=f"model{suffix}: is no"):
        ks.inference.ModelCard.read(path)


def test_damaged_cards_are_named(model, tmp_path):
    whole = json.loads(ks.inference.ModelCard.of(model).to_json())
    for change in (
        {"input": "foo"},
        {"input": {}},
        {"acquisition": {"dx": -1}},
        {"normalization": []},
        {"output": whole["output"] | {"shape": 3}},
    ):
        with pytest.raises(ValueError, match=r"a\.json: expected a model card"):
            ks.inference.ModelCard.from_json(json.dumps(whole | change), "a.json")
    for text in ("{bad", "[1]", '{"arguments": [1]}'):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ValueError, match=r"config\.json: is not what a run writes"):
            ks.inference.ModelCard.of_run(model, tmp_path / "model.keras")
    with pytest.raises(FileNotFoundError, match="no such model"):
        ks.inference.ModelCard.read(tmp_path / "absent.onnx")


def test_cards_are_json_and_name_no_folders(model, tmp_path):
    config = {"arguments": {"data": "/home/me/CurveVel_A", "section": ["/a/b.segy"]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "metrics.json").write_text('{"snr_db": NaN, "mae": 3.0}')
    card = ks.inference.ModelCard.of_run(model, tmp_path / "model.keras")
    assert card.training_data == {"data": "CurveVel_A", "section": ["b.segy"]}
    assert card.metrics == {"snr_db": None, "mae": 3.0}
    assert "NaN" not in card.to_json()
