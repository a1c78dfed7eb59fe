"""LiteRT: equal to the model, or not there at all."""

import pathlib

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.exporting import litert

interpreter = pytest.importorskip(
    "ai_edge_litert.interpreter", reason="ai-edge-litert is not installed"
)


def card_of(path):
    """The model card, by the interpreter's view of the file."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    (entry,) = (entry for entry in model.metadata if entry.name == b"model_card")
    return ks.inference.ModelCard.from_json(bytes(model.buffers[entry.buffer].data))


def signature(path):
    return interpreter.Interpreter(str(path)).get_signature_list()


@pytest.mark.parametrize(
    "network",
    [
        ks.models.ConvDenoiser(num_filters=3),
        ks.models.ConvDenoiser(num_filters=3, decoder="resize", batch_norm=True),
        ks.models.LISTA(np.array([0.0, -1.0, 2.0, -1.0, 0.0]), num_layers=3),
    ],
    ids=["transpose", "resize", "lista"],
)
def test_sections_of_any_size(network, rng, tmp_path):
    model = ks.models.with_physical_units(network, ks.layers.SectionNormalization("percentile"))
    path = ks.exporting.export_litert(model, tmp_path / "model.tflite")
    name = network.output_names[0]
    assert signature(path) == {"serving_default": {"inputs": ["section"], "outputs": [name]}}
    predict = ks.inference.load_predictor(path)
    for shape in ((1, 28, 28, 1), (3, 101, 64, 1), (2, 28, 28, 1)):
        section = 1e4 * rng.standard_normal(shape).astype("float32")
        expected = np.asarray(model(section, training=False))
        np.testing.assert_allclose(predict(section), expected, atol=1e-4 * np.abs(expected).max())


def test_an_inversion_net(varied, tmp_path):
    model, gathers = varied
    path = ks.exporting.export_litert(model, tmp_path / "model.tflite", gathers[:2])
    assert signature(path) == {
        "serving_default": {"inputs": ["shot_gather"], "outputs": ["velocity"]}
    }
    runner = interpreter.Interpreter(str(path)).get_signature_runner()
    velocity = runner(shot_gather=gathers[:3])["velocity"]
    assert velocity.std() > 50
    np.testing.assert_allclose(velocity, model(gathers[:3], training=False), atol=0.5)
    assert card_of(path).acquisition["peak_frequency"] == 15.0


def test_mixed_precision_and_gan_are_exported_in_float32(tmp_path):
    generator = ks.models.InversionNet((64, 12, 2), (32, 32), filters=1, dtype="mixed_float16")
    gan = ks.models.VelocityGAN(generator, ks.models.VelocityCritic((32, 32), filters=2))
    path = ks.exporting.export_litert(gan, tmp_path / "model.tflite")
    details = interpreter.Interpreter(str(path)).get_tensor_details()
    assert np.float16 not in {tensor["dtype"] for tensor in details}


@keras.saving.register_keras_serializable(package="tests")
class Cholesky(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.cholesky(inputs)


def test_an_operator_that_litert_lacks_is_named(tmp_path):
    section = keras.Input((None, 4, 4), name="section")
    model = keras.Model(section, Cholesky(name="root")(section), name="rooted")
    with pytest.raises(ValueError, match=r"rooted needs tf\.Cholesky, which LiteRT lacks"):
        ks.exporting.export_litert(model, tmp_path / "m.tflite", np.eye(4)[None, None])
    assert list(tmp_path.iterdir()) == []


def test_a_large_model_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(litert, "_LARGEST", 4 * 28_097)
    with pytest.raises(ValueError, match=r"28,097 parameters, 112,388 bytes"):
        ks.exporting.export_litert(ks.models.ConvDenoiser(), tmp_path / "model.tflite")
    monkeypatch.setattr(litert, "_LARGEST", 4 * 28_098)
    ks.exporting.export_litert(ks.models.ConvDenoiser(), tmp_path / "model.tflite")


def test_weights_are_written_once_on_the_way(tmp_path, monkeypatch):
    kind = type(keras.export.ExportArchive())  # the backend's
    write, sizes = kind.write_out, []

    def measured(archive, folder, **options):
        write(archive, folder, **options)
        files = pathlib.Path(folder).glob("variables/*.data*")
        sizes.append(sum(path.stat().st_size for path in files))

    monkeypatch.setattr(kind, "write_out", measured)
    ks.exporting.export_litert(ks.models.ConvDenoiser(), tmp_path / "model.tflite")
    assert 1 <= sizes[0] / (4 * 28_097) < 1.3


def test_a_different_export_leaves_what_was_there(tmp_path, monkeypatch):
    model = ks.models.ConvDenoiser(num_filters=2)
    path = ks.exporting.export_litert(model, tmp_path / "model.tflite")
    with pytest.raises(FileExistsError, match="exists already"):
        ks.exporting.export_litert(model, path)
    content = path.read_bytes()
    other = keras.models.clone_model(model)
    other.set_weights([w * 1.01 for w in model.get_weights()])
    monkeypatch.setattr(litert, "with_convertible_layers", lambda _: other)
    with pytest.raises(ks.exporting.ParityError, match="differs from the model"):
        ks.exporting.export_litert(model, path, overwrite=True)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["model.tflite"]


def test_suffix_and_interpreter_are_asked_for_first(tmp_path, monkeypatch):
    model = ks.models.ConvDenoiser(num_filters=2)
    with pytest.raises(ValueError, match=r"must end in \.tflite"):
        ks.exporting.export_litert(model, tmp_path / "model")
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ImportError, match=r"keras_seismic\[litert\]"):
        ks.exporting.export_litert(model, tmp_path / "model.tflite")
    assert list(tmp_path.iterdir()) == []
