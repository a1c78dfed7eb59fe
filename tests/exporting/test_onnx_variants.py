"""Smaller ONNX models: what they lose is told, and bounded."""

import json

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

import keras_seismic as ks
from keras_seismic.exporting.onnx.variants import DEFAULT_MAX_LOSS
from tests.exporting.conftest import Varied
from tests.small_models import small_inversion


def outputs(model, path, inputs):
    """Both outputs, the export's without any code of the package."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (name,) = (value.name for value in session.get_inputs())
    return np.asarray(model(inputs, training=False)), session.run(None, {name: inputs})[0]


def loss_of(path):
    return json.loads({p.key: p.value for p in onnx.load(path).metadata_props}["loss"])


@pytest.fixture(scope="module")
def varied(gathers):
    """A network that loses little: its batch normalization keeps activations near 1."""
    return Varied(small_inversion().model, gathers[2])


@pytest.fixture(scope="module")
def folder(varied, tmp_path_factory):
    """The variants of one model, int8 made from other gathers than it is checked on."""
    folder = tmp_path_factory.mktemp("variants")
    model, gathers = varied
    for variant in ("float32", "float16", "int8"):
        ks.exporting.export_onnx(
            model, folder / f"{variant}.onnx", gathers[8:], variant=variant,
            representative=gathers[:8] if variant == "int8" else None,
        )  # fmt: skip
    assert sorted(p.name for p in folder.iterdir()) == ["float16.onnx", "float32.onnx", "int8.onnx"]
    return folder


@pytest.mark.parametrize(("variant", "allowed"), [("float16", 1.0), ("int8", 10.0)])
def test_the_loss_is_the_difference(varied, folder, variant, allowed):
    model, gathers = varied
    path = folder / f"{variant}.onnx"
    expected, received = outputs(model, path, gathers[8:])
    difference = np.abs(received.astype(np.float64) - expected)
    loss = loss_of(path)
    assert loss["mean"] == pytest.approx(difference.mean(), rel=1e-3)
    assert loss["largest"] == pytest.approx(difference.max(), rel=1e-3)
    relative = np.sqrt((difference**2).mean() / (expected.astype(np.float64) ** 2).mean())
    assert loss["relative"] == pytest.approx(relative, rel=1e-3)
    assert loss["decibels"] == pytest.approx(-20 * np.log10(relative), rel=1e-3)
    assert (loss["unit"], loss["examples"]) == ("m/s", 4)
    assert 0 < loss["mean"] < allowed
    measured = ks.exporting.accuracy_loss(model, path, gathers[8:])
    assert measured.mean == pytest.approx(loss["mean"], rel=1e-3)
    assert "m/s on average" in str(measured)


def test_variants_are_smaller_and_named_alike(folder):
    sizes = {path.stem: path.stat().st_size for path in folder.iterdir()}
    assert sizes["float16"] < 0.6 * sizes["float32"]
    for variant in sizes:
        session = onnxruntime.InferenceSession(
            folder / f"{variant}.onnx", providers=["CPUExecutionProvider"]
        )
        (given,), (returned,) = session.get_inputs(), session.get_outputs()
        assert (given.name, given.type, given.shape[0]) == ("shot_gather", "tensor(float)", "batch")
        assert (returned.name, returned.type) == ("velocity", "tensor(float)")
        metadata = session.get_modelmeta().custom_metadata_map
        assert (metadata["variant"], metadata["model"]) == (variant, "InversionNet")
        model = onnx.load(folder / f"{variant}.onnx")
        assert {node.domain for node in model.graph.node} == {""}
        assert {entry.domain: entry.version for entry in model.opset_import} == {"": 18}


def test_int8_weights_and_activations(folder):
    """int8 weights with a scale for each channel, uint8 activations, and 8 bits in between."""
    graph = onnx.load(folder / "int8.onnx").graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    convolutions = [node for node in graph.node if node.op_type in ("Conv", "ConvTranspose")]
    assert len(convolutions) == 25
    for node in convolutions:
        weights = makers[node.input[1]]
        assert weights.op_type == "DequantizeLinear"
        assert constants[weights.input[0]].data_type == TensorProto.INT8
        channels = constants[weights.input[0]].dims[node.op_type == "ConvTranspose"]
        assert list(constants[weights.input[1]].dims) == [channels]
        activations = makers[node.input[0]]
        assert constants[activations.input[2]].data_type == TensorProto.UINT8
    # The logarithm works on the raw amplitudes, the scaling on floating-point numbers.
    (log,) = (node for node in graph.node if node.op_type == "Log")
    while log.input[0] in makers:
        log = makers[log.input[0]]
        assert not log.op_type.endswith("QuantizeLinear")
    session_options = onnxruntime.SessionOptions()
    session_options.optimized_model_filepath = str(folder / "runs.onnx")
    session_options.log_severity_level = 3
    onnxruntime.InferenceSession(
        folder / "int8.onnx", session_options, providers=["CPUExecutionProvider"]
    )
    runs = [node.op_type for node in onnx.load(folder / "runs.onnx").graph.node]
    (folder / "runs.onnx").unlink()
    assert runs.count("QLinearConv") == 20


@pytest.mark.parametrize("variant", ["float16", "int8"])
def test_raw_amplitudes_beyond_half_precision(rng, tmp_path, variant):
    """65504 is half precision's largest number; sections from the field have larger ones."""
    keras.utils.set_random_seed(1)
    model = ks.models.with_physical_units(
        ks.models.ConvDenoiser(num_filters=4), ks.layers.SectionNormalization("percentile")
    )
    sections = 1e7 * rng.standard_normal((4, 40, 36, 1)).astype("float32")
    path = ks.exporting.export_onnx(
        model, tmp_path / "model.onnx", sections, variant=variant, max_loss=0.1,
        representative=sections if variant == "int8" else None,
    )  # fmt: skip
    expected, received = outputs(model, path, sections[:, :33])
    assert np.abs(expected).max() > 1e6
    assert np.abs(received - expected).max() < 0.1 * np.abs(expected).max()
    loss = loss_of(path)
    assert loss["unit"] == ""
    if variant == "float16":
        assert loss["decibels"] > 50
        kept = [t for t in onnx.load(path).graph.initializer if t.data_type == TensorProto.FLOAT16]
        assert len(kept) == 5  # the kernels; biases are zero


def test_a_loss_above_the_bound_leaves_what_was_there(varied, tmp_path):
    model, gathers = varied
    path = tmp_path / "model.onnx"
    arguments = {"variant": "int8", "representative": gathers[:2], "max_loss": 1e-3}
    with pytest.raises(ks.exporting.ParityError, match=r"int8 loses .* m/s on average.*max_loss"):
        ks.exporting.export_onnx(model, path, gathers[:2], **arguments)
    assert list(tmp_path.iterdir()) == []
    path.write_text("precious")
    with pytest.raises(ks.exporting.ParityError):
        ks.exporting.export_onnx(model, path, gathers[:2], overwrite=True, **arguments)
    assert path.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


def test_the_default_bound_is_what_is_documented(varied, tmp_path, monkeypatch):
    assert DEFAULT_MAX_LOSS == {"m/s": 10.0, "": 0.03}
    monkeypatch.setitem(DEFAULT_MAX_LOSS, "m/s", 1e-3)
    with pytest.raises(ks.exporting.ParityError, match=r"allowed is 0\.001 m/s on average"):
        ks.exporting.export_onnx(
            varied.model, tmp_path / "m.onnx", varied.gathers[:1], variant="float16"
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "int4"}, "variant must be one of float32, float16, int8, received 'int4'"),
        ({"variant": "int8"}, "variant 'int8' needs representative"),
        ({"variant": "float16", "representative": 0}, "variant 'float16' takes no representative"),
        ({"max_loss": 1.0}, "float32 must equal"),
        ({"variant": "float16", "max_loss": -1.0}, "max_loss must not be negative"),
        ({"variant": "float16", "max_loss": np.nan}, "max_loss must not be negative"),
        ({"variant": "int8", "representative": (2, 128, 18)}, r"\(samples, 128, 18, 2\)"),
        ({"variant": "int8", "representative": (0, 128, 18, 2)}, "at least one"),
        ({"variant": "int8", "representative": (2, 70, 18, 2)}, r"received shape \(2, 70, 18, 2\)"),
        ({"variant": "int8", "representative": np.nan}, "must be finite"),
    ],
)
def test_arguments_that_do_not_go_together(varied, tmp_path, arguments, message):
    given = arguments.get("representative")
    if isinstance(given, tuple):
        arguments = arguments | {"representative": np.ones(given, "float32")}
    elif given is not None:
        arguments = arguments | {"representative": np.full_like(varied.gathers[:2], given)}
    with pytest.raises(ValueError, match=message):
        ks.exporting.export_onnx(varied.model, tmp_path / "model.onnx", **arguments)
    assert list(tmp_path.iterdir()) == []


def scaled(model, change, **scales):
    """The same network with another scaling of its output."""
    minimum, maximum = (scales.get(k, getattr(model.output_scaling, k)) for k in change)
    return ks.models.with_physical_units(
        model.network, model.input_normalization, ks.layers.VelocityScaling(minimum, maximum)
    )


def test_the_loss_of_a_known_difference(varied, tmp_path):
    """All velocities 3 m/s higher: that is the mean and the largest loss."""
    model, gathers = varied
    other = scaled(model, ("minimum", "maximum"), minimum=1503, maximum=4503)
    other.save(tmp_path / "other.keras")
    loss = ks.exporting.accuracy_loss(model, tmp_path / "other.keras", gathers[:3])
    assert loss.mean == pytest.approx(3, abs=1e-3)
    assert loss.largest == pytest.approx(3, abs=2e-3)
    rms = np.sqrt(np.mean(np.asarray(model(gathers[:3]), np.float64) ** 2))
    assert loss.relative == pytest.approx(3 / rms, rel=1e-3)
    assert loss.bounded == loss.mean
    model.save(tmp_path / "same.keras")
    same = ks.exporting.accuracy_loss(model, tmp_path / "same.keras", gathers[:1])
    assert (same.mean, same.relative, same.decibels) == (0.0, 0.0, np.inf)
    assert json.loads(json.dumps(same.as_dict(), allow_nan=False))["decibels"] is None


def test_what_cannot_be_measured(varied, tmp_path):
    model, gathers = varied
    with pytest.raises(ValueError, match="at least one example, all of it finite"):
        ks.exporting.accuracy_loss(model, tmp_path / "m.keras", gathers[:0])
    broken = keras.models.clone_model(model)
    broken.set_weights([w * np.nan for w in model.get_weights()])
    broken.save(tmp_path / "nan.keras")
    with pytest.raises(ks.exporting.ParityError, match="not finite"):
        ks.exporting.accuracy_loss(model, tmp_path / "nan.keras", gathers[:1])
    other = ks.models.InversionNet((128, 18, 2), (35, 35), filters=1)
    other.save(tmp_path / "small.keras")
    with pytest.raises(ks.exporting.ParityError, match="returns shape"):
        ks.exporting.accuracy_loss(model, tmp_path / "small.keras", gathers[:1])
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ks.exporting.ParityError, match="cannot be run"):
        ks.exporting.accuracy_loss(model, tmp_path / "broken.onnx", gathers[:1])
