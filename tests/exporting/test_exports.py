"""SavedModel and ONNX: equal to the model, or not there at all."""

import zipfile

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

import keras_seismic as ks
from keras_seismic.exporting import parity, saved_model
from keras_seismic.exporting.onnx import export as onnx_module


def test_onnx_names_metadata_and_values(model, gathers, tmp_path):
    path = ks.exporting.export_onnx(model, tmp_path / "model.onnx")
    assert ks.exporting.check_parity(model, path, gathers[2]) <= 0.5
    session = onnxruntime.InferenceSession(path)
    (given,), (returned,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape[1:]) == ("shot_gather", [128, 18, 2])
    assert (returned.name, returned.shape[1:]) == ("velocity", [70, 70, 1])
    assert given.shape[0] == returned.shape[0] == "batch"
    loaded = onnx.load(path)
    assert loaded.opset_import[0].version == 18
    metadata = {p.key: p.value for p in loaded.metadata_props}
    assert metadata["model"] == "InversionNet"
    assert '"peak_frequency": 15.0' in metadata["acquisition"]
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


def test_a_denoiser_takes_any_size(rng, tmp_path):
    model = ks.models.with_physical_units(
        ks.models.ConvDenoiser(num_filters=4), ks.layers.SectionNormalization("percentile")
    )
    paths = (
        ks.exporting.export_saved_model(model, tmp_path),
        ks.exporting.export_onnx(model, tmp_path / "model.onnx"),
    )
    for shape in ((1, 28, 28, 1), (3, 101, 64, 1)):
        section = 1e4 * rng.standard_normal(shape).astype("float32")
        for path in paths:
            ks.exporting.check_parity(model, path, section)


def test_mixed_precision_is_exported_in_float32(tmp_path, rng):
    network = ks.models.ConvDenoiser(num_filters=2, dtype="mixed_float16")
    model = ks.models.with_physical_units(network, ks.layers.SectionNormalization())
    path = ks.exporting.export_onnx(model, tmp_path / "model.onnx")
    types = {t.data_type for t in onnx.load(path).graph.initializer}
    assert onnx.TensorProto.FLOAT16 not in types


class Broken(Exception):
    pass


def fail(*args, **kwargs):
    raise Broken


def test_a_different_export_raises_and_leaves_nothing(model, gathers, tmp_path, monkeypatch):
    """The exported graph is really another one: its weights differ from the model's."""
    other = keras.models.clone_model(model)
    other.set_weights([w * 1.01 for w in model.get_weights()])
    # What is written is the other model, what it is compared with the model that was given.
    for module in (saved_model, onnx_module):
        monkeypatch.setattr(module, "in_float32", lambda _: other)
        monkeypatch.setattr(
            module, "check_parity", lambda _, *rest, **kw: parity.check_parity(model, *rest, **kw)
        )
    with pytest.raises(ks.exporting.ParityError, match="differs from the model"):
        ks.exporting.export_saved_model(model, tmp_path, inputs=gathers[2])
    with pytest.raises(ks.exporting.ParityError, match="differs from the model"):
        ks.exporting.export_onnx(model, tmp_path / "model.onnx", gathers[2])
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_export_leaves_what_was_there(model, gathers, tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    ks.exporting.export_onnx(model, path, gathers[2][:1])
    with pytest.raises(FileExistsError, match="exists already"):
        ks.exporting.export_onnx(model, path, gathers[2][:1])
    monkeypatch.setattr(onnx_module, "check_parity", fail)
    with pytest.raises(Broken):
        ks.exporting.export_onnx(model, path, gathers[2][:1], overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    ks.exporting.check_parity(model, path, gathers[2][:1])
    monkeypatch.undo()
    ks.exporting.export_onnx(model, path, gathers[2][:1], overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


def test_a_broken_file_is_no_equal_model(model, gathers, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ks.exporting.ParityError, match="cannot be run"):
        ks.exporting.check_parity(model, tmp_path / "model.onnx", gathers[2])
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(ks.exporting.ParityError, match="cannot be run"):
        ks.exporting.check_parity(model, tmp_path / "1", gathers[2])


def test_parity_needs_telling_inputs(model, gathers, tmp_path):
    model.save(tmp_path / "model.keras")
    path = tmp_path / "model.keras"
    with pytest.raises(ValueError, match="at least one example"):
        ks.exporting.check_parity(model, path, gathers[2][:0])
    with pytest.raises(ValueError, match="finite"):
        ks.exporting.check_parity(model, path, np.full_like(gathers[2], np.nan))
    blank = ks.models.with_physical_units(
        ks.models.InversionNet((128, 18, 2), filters=1),
        model.input_normalization,
        model.output_scaling,
    )
    blank.save(tmp_path / "blank.keras")
    with pytest.warns(UserWarning, match="proves little"):
        ks.exporting.check_parity(blank, tmp_path / "blank.keras", gathers[2])


def test_shapes_and_nan_are_differences(model, gathers, tmp_path):
    small = ks.models.with_physical_units(
        ks.models.InversionNet((128, 18, 2), (35, 35), filters=1),
        model.input_normalization,
        model.output_scaling,
    )
    small.save(tmp_path / "small.keras")
    with pytest.raises(ks.exporting.ParityError, match="returns shape"):
        ks.exporting.check_parity(model, tmp_path / "small.keras", gathers[2])
    broken = keras.models.clone_model(model)
    broken.set_weights([w * np.nan for w in model.get_weights()])
    broken.save(tmp_path / "nan.keras")
    with pytest.raises(ks.exporting.ParityError, match="nan"):
        ks.exporting.check_parity(model, tmp_path / "nan.keras", gathers[2])


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
    for name in ("empty.keras", "damaged.onnx", "1"):
        with pytest.raises(ValueError, match=f"{name}: cannot be loaded; is it damaged"):
            ks.inference.load_predictor(tmp_path / name)


def test_onnx_wants_its_suffix_and_its_runtime(model, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"must end in \.onnx"):
        ks.exporting.export_onnx(model, tmp_path / "model")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"keras_seismic\[onnx\]"):
        ks.exporting.export_onnx(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_other_backends_are_told_the_way(model, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="KERAS_BACKEND=tensorflow"):
        ks.exporting.export_saved_model(model, tmp_path)


def test_example_inputs_suit_the_model(model):
    inputs = ks.exporting.example_inputs(model, 3)
    assert inputs.shape == (3, 128, 18, 2)
    assert 10 < np.abs(inputs).max() < 100  # raw amplitudes of gathers
    section = ks.exporting.example_inputs(ks.models.ConvDenoiser())
    assert section.shape == (2, 61, 65, 1)
    assert np.abs(section).max() == pytest.approx(1)
