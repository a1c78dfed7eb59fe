"""Velocity and spread through every export, compared with the Keras model."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from tests.spread_models import stated_model


@pytest.fixture(scope="module")
def stated():
    return stated_model()


def check(
    stated, path, tolerance=0.5, gathers=None, after=lambda x: x, signature="serving_default"
):
    """Both outputs by the runtime, against the model's."""
    model, raw = stated
    found = ks.inference.load_outputs(path, signature)(raw if gathers is None else gathers)
    assert list(found) == ["velocity", "spread"]
    for received, expected in zip(found.values(), model(raw), strict=True):
        np.testing.assert_allclose(received, after(np.asarray(expected)), atol=tolerance)
    card = ks.inference.ModelCard.read(path)
    assert (card.output["name"], card.output["units"]) == ("velocity", "m/s")
    assert (card.spread["name"], card.spread["units"]) == ("spread", "m/s")
    assert card.spread["shape"] == [None, 16, 12, 1]
    assert "90%" in card.spread["meaning"]


def test_saved_model(stated, tmp_path):
    model, raw = stated
    path = ks.exporting.export_saved_model(model, tmp_path, inputs=raw, warm_up=False)
    check(stated, path)
    check(stated, path, 0.5, np.moveaxis(raw, -1, 1), lambda x: np.moveaxis(x, -1, 1), "openfwi")
    normalized = np.asarray(model.input_normalization(raw))
    bare = ks.inference.load_outputs(path, "normalized")(normalized)
    np.testing.assert_allclose(bare["spread"], model.network(normalized)[1], atol=1e-4)
    velocity = ks.inference.load_predictor(path)(raw)
    np.testing.assert_allclose(velocity, model(raw)[0], atol=0.5)


def test_onnx_and_what_only_the_spread_gets_wrong(stated, tmp_path):
    model, raw = stated
    path = ks.exporting.export_triton(model, tmp_path / "inversion", inputs=raw) / "model.onnx"
    check(stated, path)
    configuration = (tmp_path / "inversion" / "config.pbtxt").read_text()
    for name in ("velocity", "spread"):
        assert f'output [ {{ name: "{name}" data_type: TYPE_FP32 dims: [ 16, 12, 1 ] }} ]' in (
            configuration
        )
    other = model.around(model.network.around(model.network.network))
    rows = other.network.head.get_layer("place").rows
    rows.assign(rows + 0.1)
    with pytest.raises(ks.exporting.ParityError, match=r"differs .* m/s, in spread"):
        ks.exporting.check_parity(other, path, raw)
    with pytest.raises(ks.exporting.ParityError, match=r"returns shape .*, \(3.*the model \(3"):
        ks.exporting.check_parity(ks.models.without_spread(model), path, raw)


@pytest.mark.parametrize("variant", ["float16", "int8"])
def test_lossy_variants(stated, variant, tmp_path):
    model, raw = stated
    path = tmp_path / "model.onnx"
    representative = raw if variant == "int8" else None
    ks.exporting.export_onnx(
        model, path, raw, variant=variant, representative=representative, max_loss=150
    )
    loss = ks.exporting.accuracy_loss(model, path, raw)
    assert loss.mean < 150
    assert 0 < loss.spread.mean < 150
    assert loss.bounded == max(loss.mean, loss.spread.mean)
    check(stated, path, max(loss.largest, loss.spread.largest) * 1.01)
    assert "; the spread " in str(loss)
    assert loss.as_dict()["spread"]["mean"] == loss.spread.mean


def test_litert(stated, tmp_path):
    pytest.importorskip("ai_edge_litert")
    model, raw = stated
    check(stated, ks.exporting.export_litert(model, tmp_path / "model.tflite", raw))


def test_weights_as_constants(stated):
    model, raw = stated
    constant = ks.exporting.constants.with_constants(model)
    assert constant.output_names == ["velocity", "spread"]
    assert not constant.trainable_variables
    for ours, theirs in zip(constant(raw), model(raw), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.01)


def test_other_pairs_of_outputs_are_refused(tmp_path):
    x = keras.Input((8, 6, 2), name="shot_gather")
    y = keras.layers.Conv2D(1, 3, name="velocity")(x)
    model = keras.Model(x, [y, keras.layers.ReLU(name="other")(y)])
    with pytest.raises(ValueError, match=r"one output \(or velocity and spread\), received .* 2"):
        ks.exporting.export_onnx(model, tmp_path / "model.onnx")
