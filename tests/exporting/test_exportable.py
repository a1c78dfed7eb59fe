"""Models and examples are checked before work starts, in the same way for all formats."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_seismic as ks
from keras_seismic.exporting import litert, parity, saved_model
from keras_seismic.exporting.onnx import export as onnx
from tests.command import keras_seismic

EXPORTERS = {
    "onnx": (ks.exporting.export_onnx, "models/model.onnx"),
    "litert": (ks.exporting.export_litert, "models/model.tflite"),
    "saved_model": (ks.exporting.export_saved_model, "models/model"),
}
every_exporter = pytest.mark.parametrize(
    ("function", "name"), EXPORTERS.values(), ids=EXPORTERS.keys()
)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.layer = layers.Dense(3)

    def call(self, inputs):
        return self.layer(inputs)


def functional(layer, shape=(9, 5), name="model", **options):
    section = keras.Input(shape, name="section", **options)
    return keras.Model(section, layer(section), name=name)


def subclassed():
    model = Subclassed()
    model(np.ones((2, 9, 5), "float32"))
    return model


BAD_MODELS = {
    "subclassed": (subclassed, r"received Subclassed .* no inputs of its own"),
    "unbuilt": (lambda: keras.Sequential([layers.Dense(3)]), "Sequential .* no inputs of its own"),
    "two outputs": (lambda: functional(lambda x: [x + 1, x]), "one input .* with 1 and 2"),
    "integers": (
        lambda: functional(layers.Embedding(10, 4), (16,), dtype="int32"),
        "floating-point amplitudes, .* input 'section' is int32",
    ),
}


@every_exporter
@pytest.mark.parametrize("kind", BAD_MODELS)
def test_models_that_cannot_be_exported(function, name, kind, tmp_path):
    make, message = BAD_MODELS[kind]
    with pytest.raises(ValueError, match=f"{function.__name__}: expected a .*{message}"):
        function(make(), tmp_path / name)
    with pytest.raises(ValueError, match=f"example_inputs: expected a .*{message}"):
        ks.exporting.example_inputs(make())
    assert list(tmp_path.iterdir()) == []


@every_exporter
@pytest.mark.parametrize("built_by", ["input", "call"])
def test_sequential_models(function, name, built_by, tmp_path, rng):
    parts = [layers.Dense(4, activation="relu"), layers.Dense(3)]
    first = [keras.Input((9, 5))] if built_by == "input" else []
    model = keras.Sequential([*first, *parts])
    x = rng.standard_normal((2, 9, 5)).astype("float32")
    expected = np.asarray(model(x))
    predict = ks.inference.load_predictor(function(model, tmp_path / name))
    np.testing.assert_allclose(predict(x), expected, atol=1e-5)
    assert predict(np.repeat(x, 2, 0)).shape == (4, 9, 3)  # the batch stays free


def test_structures_of_one_tensor(tmp_path, rng):
    x = keras.Input((9, 5), name="section")
    model = keras.Model({"section": x}, {"made": layers.Dense(3)(x)})
    given = rng.standard_normal((2, 9, 5)).astype("float32")
    predict = ks.inference.load_predictor(ks.exporting.export_onnx(model, tmp_path / "m.onnx"))
    np.testing.assert_allclose(predict(given), model({"section": given})["made"], atol=1e-5)


BAD_INPUTS = {
    "nan": (np.full((2, 9, 5), np.nan), "finite"),
    "too large": (np.full((2, 9, 5), 1e39), "finite in float32"),
    "complex": (np.ones((2, 9, 5), complex), "real numbers, received complex128"),
    "words": (np.full((2, 9, 5), "a"), "real numbers, received <U1"),
    "empty": (np.ones((0, 9, 5)), "at least one"),
    "another shape": (np.ones((2, 9, 4)), r"\(samples, 9, 5\).* received shape \(2, 9, 4\)"),
    "no batch": (np.ones((9, 5)), r"received shape \(9, 5\)"),
}


@every_exporter
@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_inputs_are_looked_at_first(function, name, kind, tmp_path, monkeypatch):
    inputs, message = BAD_INPUTS[kind]
    for module in (onnx, litert, saved_model):
        monkeypatch.setattr(module, "placed", None, raising=False)
        monkeypatch.setattr(module, "place_version", None, raising=False)
    with pytest.raises(ValueError, match=f"{function.__name__}: inputs must be .*{message}"):
        function(functional(layers.Dense(3)), tmp_path / name, inputs=inputs)
    assert list(tmp_path.iterdir()) == []


@every_exporter
def test_parity_errors_name_what_was_asked_for(function, name, tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "RELATIVE_TOLERANCE", -1.0)
    with pytest.raises(ks.exporting.ParityError) as caught:
        function(functional(layers.Dense(3)), tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: differs from the model")
    assert "partial" not in str(caught.value)


@pytest.mark.parametrize("time", [1, 4, 8, 9, 10])
def test_examples_of_few_samples(time):
    assert ks.exporting.example_inputs(functional(layers.Dense(3), (time, 4))).shape == (2, time, 4)


@pytest.mark.parametrize("kind", EXPORTERS)
def test_programs_take_the_generator_of_a_gan(kind, tmp_path, capsys):
    generator = ks.models.InversionNet((64, 12, 2), (32, 32), filters=1)
    gan = ks.models.VelocityGAN(generator, ks.models.VelocityCritic((32, 32), filters=2))
    gan.save(tmp_path / "gan.keras")
    path = tmp_path / EXPORTERS[kind][1]
    keras_seismic("export", kind.replace("_", "-"), tmp_path / "gan.keras", path)
    printed = capsys.readouterr().out
    assert "largest difference" in printed
    if kind == "onnx":
        assert f"float32 weights: {4e-6 * generator.count_params():.2f} MB" in printed
        gathers = ks.exporting.example_inputs(gan)
        assert ks.exporting.accuracy_loss(gan, path, gathers).relative < 1e-4


POLICY = "mixed_float16"


def in_half_precision():
    section = keras.Input((9, 5), name="section", dtype="float16")
    x = layers.Dense(4, dtype=POLICY)(section)
    x = keras.Sequential([keras.Input((9, 4)), layers.Dense(4, dtype=POLICY)])(x)
    inner = keras.Input((9, 4))
    x = keras.Model(inner, layers.Dense(3, dtype=POLICY)(inner))(x) * 2
    x = layers.TimeDistributed(layers.Dense(3, dtype=POLICY), dtype=POLICY)(x)
    return keras.Model(section, x)


def test_functional_models_in_half_precision_are_rebuilt(rng):
    model = in_half_precision()
    exact = ks.models.in_float32(model)
    assert exact.output.dtype == exact.input.dtype == "float32"
    assert exact.inputs[0].name == "section"
    for ours, theirs in zip(exact.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    x = rng.standard_normal((2, 9, 5)).astype("float32")
    np.testing.assert_allclose(exact(x), model(x), atol=0.02)
    assert np.abs(np.asarray(exact(x)) - np.asarray(model(x), "float32")).max() > 1e-6
    assert ks.models.in_float32(exact) is exact


@every_exporter
def test_functional_models_in_half_precision_are_exported_in_float32(function, name, tmp_path, rng):
    model = in_half_precision()
    predict = ks.inference.load_predictor(function(model, tmp_path / name))
    x = rng.standard_normal((2, 9, 5)).astype("float32")
    exact = np.asarray(ks.models.in_float32(model)(x))
    assert predict(x).dtype == np.float32
    np.testing.assert_allclose(predict(x), exact, atol=1e-5)


class Stubborn(layers.Layer):
    def __init__(self, **options):
        super().__init__(**{**options, "dtype": POLICY})

    def call(self, inputs):
        return inputs * 2


def test_what_cannot_be_rebuilt_is_refused(tmp_path):
    model = functional(Stubborn(name="stubborn"), name="mine")
    with pytest.raises(ValueError, match=r"mine .*cannot be rebuilt.*stubborn \(float16\).*dtype="):
        ks.exporting.export_saved_model(model, tmp_path / "models")
    assert list(tmp_path.iterdir()) == []
