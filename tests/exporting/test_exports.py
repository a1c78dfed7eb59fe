"""SavedModel and ONNX: equal to the model, or not there at all."""

import zipfile

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.exporting import parity, saved_model
from keras_seismic.exporting.onnx import export as onnx_module


class Broken(Exception):
    pass


def fail(*args, **kwargs):
    raise Broken


def test_a_different_export_raises_and_leaves_nothing(tiny, tmp_path, monkeypatch):
    """The exported graph is really another one: its weights differ from the model's."""
    model, raw = tiny
    other = keras.models.clone_model(model)
    other.set_weights([w * 1.01 for w in model.get_weights()])
    # What is written is the other model, what it is compared with the model that was given.
    for module in (saved_model, onnx_module):
        monkeypatch.setattr(module, "in_float32", lambda _: other)
        monkeypatch.setattr(
            module, "check_parity", lambda _, *rest, **kw: parity.check_parity(model, *rest, **kw)
        )
    with pytest.raises(ks.exporting.ParityError, match="differs from the model"):
        ks.exporting.export_saved_model(model, tmp_path, inputs=raw)
    with pytest.raises(ks.exporting.ParityError, match="differs from the model"):
        ks.exporting.export_onnx(model, tmp_path / "model.onnx", raw)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_export_leaves_what_was_there(tiny, tmp_path, monkeypatch):
    model, raw = tiny
    path = tmp_path / "model.onnx"
    ks.exporting.export_onnx(model, path, raw)
    with pytest.raises(FileExistsError, match="exists already"):
        ks.exporting.export_onnx(model, path, raw)
    monkeypatch.setattr(onnx_module, "check_parity", fail)
    with pytest.raises(Broken):
        ks.exporting.export_onnx(model, path, raw, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    ks.exporting.check_parity(model, path, raw)
    monkeypatch.undo()
    ks.exporting.export_onnx(model, path, raw, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


def test_a_broken_file_is_no_equal_model(tiny, tmp_path):
    model, raw = tiny
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ks.exporting.ParityError, match="cannot be run"):
        ks.exporting.check_parity(model, tmp_path / "model.onnx", raw)
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(ks.exporting.ParityError, match="cannot be run"):
        ks.exporting.check_parity(model, tmp_path / "1", raw)


def test_parity_needs_telling_inputs(tiny, tmp_path):
    model, raw = tiny
    model.save(tmp_path / "model.keras")
    path = tmp_path / "model.keras"
    with pytest.raises(ValueError, match="at least one example"):
        ks.exporting.check_parity(model, path, raw[:0])
    with pytest.raises(ValueError, match="finite"):
        ks.exporting.check_parity(model, path, np.full_like(raw, np.nan))
    blank = ks.models.with_physical_units(
        keras.models.clone_model(model.network), model.input_normalization, model.output_scaling
    )
    blank.set_weights([0 * w for w in model.get_weights()])
    blank.save(tmp_path / "blank.keras")
    with pytest.warns(UserWarning, match="proves little"):
        ks.exporting.check_parity(blank, tmp_path / "blank.keras", raw)


def test_shapes_and_nan_are_differences(tiny, tmp_path):
    model, raw = tiny
    small = keras.Model(model.input, keras.layers.Cropping2D(1)(model.output))
    small.save(tmp_path / "small.keras")
    with pytest.raises(ks.exporting.ParityError, match="returns shape"):
        ks.exporting.check_parity(model, tmp_path / "small.keras", raw)
    broken = keras.models.clone_model(model)
    broken.set_weights([w * np.nan for w in model.get_weights()])
    broken.save(tmp_path / "nan.keras")
    with pytest.raises(ks.exporting.ParityError, match="nan"):
        ks.exporting.check_parity(model, tmp_path / "nan.keras", raw)


def test_predictors_refuse_what_they_do_not_know(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such model"):
        ks.inference.load_predictor(tmp_path / "absent.onnx")
    with pytest.raises(ValueError, match=r"saved_model\.pb"):
        ks.inference.load_predictor(tmp_path)
    (tmp_path / "legacy.keras").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ValueError, match=r"legacy \.h5"):
        ks.inference.load_model(tmp_path / "legacy.keras")
    with pytest.raises(FileNotFoundError):
        ks.inference.load_model(tmp_path / "absent.keras")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("nothing", "")
    (tmp_path / "1").mkdir()
    for name in ("damaged.onnx", "1/saved_model.pb"):
        (tmp_path / name).write_bytes(b"no model" * 9)
    with pytest.raises(ValueError, match=r"empty\.keras: expected config\.json in a \.keras file"):
        ks.inference.load_model(tmp_path / "empty.keras")
    for name in ("damaged.onnx", "1"):
        with pytest.raises(ValueError, match=f"{name}: cannot be loaded; is it damaged"):
            ks.inference.load_predictor(tmp_path / name)


def test_onnx_wants_its_suffix_and_its_runtime(tiny, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"must end in \.onnx"):
        ks.exporting.export_onnx(tiny.model, tmp_path / "model")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"keras_seismic\[onnx\]"):
        ks.exporting.export_onnx(tiny.model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_other_backends_are_told_the_way(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="KERAS_BACKEND=tensorflow"):
        ks.exporting.export_saved_model(tiny.model, tmp_path)


def test_example_inputs_suit_the_model(model):
    inputs = ks.exporting.example_inputs(model, 3)
    assert inputs.shape == (3, 128, 18, 2)
    assert 10 < np.abs(inputs).max() < 100  # raw amplitudes of gathers
    section = ks.exporting.example_inputs(ks.models.ConvDenoiser())
    assert section.shape == (2, 61, 65, 1)
    assert np.abs(section).max() == pytest.approx(1)
