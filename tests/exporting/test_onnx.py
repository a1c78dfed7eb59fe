"""ONNX: what the file says, what its graph holds, and that it computes the same."""

import collections
import json

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf

import keras_seismic as ks
from keras_seismic.exporting.convertible_layers import with_convertible_layers
from keras_seismic.exporting.onnx import export as onnx_module


def counted(path):
    return collections.Counter(node.op_type for node in onnx.load(path).graph.node)


def shapes(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.get_inputs()[0].shape, session.get_outputs()[0].shape


@pytest.fixture(scope="module")
def exported(varied, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    card = ks.inference.ModelCard.of(varied.model, license="CC BY 4.0")
    return ks.exporting.export_onnx(varied.model, path, varied.gathers, card=card)


def test_the_file_tells_what_it_is(varied, exported):
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    (given,), (returned,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("shot_gather", ["batch", 128, 18, 2])
    assert (returned.name, returned.shape) == ("velocity", ["batch", 70, 70, 1])
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["model"] == "InversionNet"
    assert metadata["output"] == "velocity, m/s"
    assert metadata["variant"] == "float32"
    assert json.loads(metadata["units"])["velocity"] == "m/s"
    assert json.loads(metadata["acquisition"]) == json.loads(
        json.dumps(varied.model.acquisition.get_config())
    )
    card = ks.inference.ModelCard.from_json(metadata["model_card"])
    assert (card.model, card.license) == ("InversionNet", "CC BY 4.0")
    assert card.experiment().gather_shape == (128, 18, 2)
    assert ks.exporting.check_parity(varied.model, exported, varied.gathers) <= 0.5


def test_the_graph_is_small_and_of_the_standard(varied, exported, tmp_path):
    """Counted against what Keras writes of the same model, which has batch normalizations."""
    varied.model.export(tmp_path / "plain.onnx", format="onnx", opset_version=18, verbose=False)
    before, after = counted(tmp_path / "plain.onnx"), counted(exported)
    assert sum(after.values()) < sum(before.values())
    for operator in ("Pad", "BatchNormalization", "Identity"):
        assert after[operator] == 0
    assert after["Transpose"] == 1
    assert (after["Conv"], after["ConvTranspose"], after["LeakyRelu"]) == (20, 5, 24)
    model = onnx.load(exported)
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": 18}
    assert {node.domain for node in model.graph.node} == {""}
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)


@pytest.mark.parametrize("opset", [15, 17])
def test_the_operator_set_is_the_one_asked_for(opset, tmp_path):
    model = ks.models.ConvDenoiser(num_filters=2)
    path = ks.exporting.export_onnx(model, tmp_path / "model.onnx", opset=opset)
    assert onnx.load(path).opset_import[0].version == opset


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
    model = ks.models.with_physical_units(network, ks.layers.SectionNormalization())
    path = ks.exporting.export_onnx(model, tmp_path / "model.onnx")
    free = ["batch", "time", "traces", 1]
    assert shapes(path) == (free, free)
    for shape in ((1, 28, 28, 1), (3, 101, 64, 1)):
        section = 1e4 * rng.standard_normal(shape).astype("float32")
        ks.exporting.check_parity(model, path, section)
    # Cells are repeated by one operator, and sizes known without computing them.
    after = counted(path)
    assert after["Tile"] == after["ConvTranspose"] == after["Transpose"] == 0


def test_a_resizing_inversion_net_resizes(tmp_path):
    network = ks.models.InversionNet((64, 18, 2), (20, 24), filters=1, decoder="resize")
    path = ks.exporting.export_onnx(network, tmp_path / "model.onnx")
    after = counted(path)
    assert (after["Resize"], after["Tile"], after["Transpose"]) == (5, 0, 1)


def test_a_conversion_of_another_shape_is_made_anew(tiny, tmp_path, monkeypatch):
    calls = []

    def sometimes_wrong(*arguments, folded=onnx_module._folded):
        graph, shape = folded(*arguments)
        calls.append(shape)
        return (graph, shape) if len(calls) > 1 else (graph, (1, *shape))

    monkeypatch.setattr(onnx_module, "_folded", sometimes_wrong)
    ks.exporting.export_onnx(tiny.model, tmp_path / "model.onnx", tiny.gathers)
    assert len(calls) == 2


@pytest.mark.parametrize("opset", [13, 19])
def test_unknown_operator_sets_are_refused(tiny, tmp_path, opset):
    with pytest.raises(ValueError, match=f"opset must be 14-18, received {opset}"):
        ks.exporting.export_onnx(tiny.model, tmp_path / "model.onnx", opset=opset)
    assert list(tmp_path.iterdir()) == []


def test_other_layers_compute_the_same(rng):
    section = keras.Input((None, None, 3), name="section")
    x = keras.layers.Conv2DTranspose(4, (3, 5), padding="same", activation="relu")(section)
    x = keras.layers.Conv2DTranspose(2, 1, use_bias=False)(x)
    x = keras.layers.UpSampling2D((2, 3))(x)
    strided = keras.layers.Conv2DTranspose(2, 4, 2, padding="same", name="strided")(x)
    model = keras.Model(section, strided)
    for weight in model.weights:
        weight.assign(rng.standard_normal(weight.shape))
    other = with_convertible_layers(model)
    kinds = collections.Counter(type(layer).__name__ for layer in other.layers)
    assert kinds == {"InputLayer": 1, "Conv2D": 2, "Repetition": 1, "Conv2DTranspose": 1}
    x = rng.standard_normal((2, 7, 6, 3)).astype("float32")
    np.testing.assert_allclose(other(x), model(x), atol=2e-4)
    assert with_convertible_layers(other) is other


def test_layers_with_channels_first_stay(rng, tmp_path):
    section = keras.Input((4, 6, 8), name="section")
    x = keras.layers.UpSampling2D(2, data_format="channels_first")(section)
    x = keras.layers.Conv2DTranspose(3, 3, padding="same", data_format="channels_first")(x)
    model = keras.Model(section, x)
    assert with_convertible_layers(model) is model
    try:
        model(np.zeros((1, 4, 6, 8), "float32"))
    except tf.errors.InvalidArgumentError:
        pytest.skip("TensorFlow has channels-first convolutions on processors with oneDNN only")
    path = ks.exporting.export_onnx(model, tmp_path / "model.onnx")
    assert shapes(path)[1] == ["batch", 3, 12, 16]


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2D(4, 3, groups=2),
        keras.layers.Conv2DTranspose(4, 2, strides=3),
        lambda x: x * keras.ops.arange(4, dtype="float32"),
    ],
    ids=["groups", "a kernel below its stride", "a constant of keras.ops"],
)
def test_what_the_converter_cannot_is_refused_in_words(layer, tmp_path):
    section = keras.Input((8, 8, 4), name="section")
    model = keras.Model(section, layer(section), name="peculiar")
    with pytest.raises(ValueError, match=r"peculiar cannot be written as ONNX; .*as SavedModel"):
        ks.exporting.export_onnx(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
