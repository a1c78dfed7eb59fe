"""The second output of an inversion network."""

import sys

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.models.presets import read_preset
from tests.spread_models import known_model, stated_model


@pytest.fixture(scope="module")
def stated():
    return stated_model()


def arrays(outputs):
    return [keras.ops.convert_to_numpy(output) for output in outputs]


def test_the_velocity_is_the_networks_and_both_are_in_metres_per_second(stated):
    model, raw = stated
    velocity, spread = arrays(model(raw))
    np.testing.assert_array_equal(velocity, known_model()(raw))
    assert model.output_names == ["velocity", "spread"]
    normalized = model.network(model.input_normalization(raw))
    np.testing.assert_allclose(spread, 1500 * arrays(normalized)[1], rtol=1e-5)
    assert spread.std() > 50  # it varies, between zero and the whole range
    assert 0 < spread.min() < spread.max() < 3000
    np.testing.assert_array_equal(ks.inference.predict(model, raw), velocity)


def test_it_travels_in_the_keras_file(stated, tmp_path):
    model, raw = stated
    model.save(tmp_path / "model.keras")
    loaded = ks.inference.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.network, ks.models.VelocityWithSpread)
    for ours, theirs in zip(arrays(loaded(raw)), arrays(model(raw)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    outputs = ks.inference.load_outputs(tmp_path / "model.keras")(raw)
    assert list(outputs) == ["velocity", "spread"]


@pytest.mark.parametrize("network", ["InversionNet", "TimeDepthUNet"])
def test_any_networks_precision_and_parts(network, rng):
    narrow = {"InversionNet": {"filters": 1}, "TimeDepthUNet": {"filters": (4, 4), "groups": 2}}
    arguments = narrow[network]
    plain = getattr(ks.models, network)((64, 17, 2), (16, 16), **arguments)
    units = ks.layers.GatherNormalization(-1, 1), ks.layers.VelocityScaling(1500, 4500)
    model = ks.models.with_physical_units(ks.models.VelocityWithSpread(plain, 2), *units)
    raw = rng.uniform(-1, 1, (2, 64, 17, 2)).astype("float32")
    expected = arrays(model(raw))
    assert ks.models.in_float32(model) is model
    mixed = ks.models.in_precision(model, "mixed_bfloat16")
    assert mixed.network.policy == mixed.network.network.policy == "mixed_bfloat16"
    again = ks.models.in_float32(mixed)
    for ours, theirs in zip(arrays(again(raw)), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    alone = ks.models.without_spread(model)
    assert alone.network is plain
    assert ks.models.without_spread(alone) is alone
    np.testing.assert_array_equal(alone(raw), expected[0])


def test_a_preset_with_a_spread_has_both_networks(tmp_path, monkeypatch):
    network = ks.models.TimeDepthUNet((32, 8, 1), (16, 8), filters=(4, 4), groups=2)
    model = ks.models.with_physical_units(
        ks.models.VelocityWithSpread(network, 2),
        ks.layers.GatherNormalization(-1, 1),
        ks.layers.VelocityScaling(1500, 4500),
    )
    ks.exporting.export_preset(model, tmp_path / "own.json", {"summary": "own"})
    raw = np.random.default_rng(0).uniform(-1, 1, (1, 32, 8, 1)).astype("float32")
    for ours, theirs in zip(
        arrays(read_preset(tmp_path / "own.json")(raw)), arrays(model(raw)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=5)  # half precision
    monkeypatch.setattr(sys.modules[read_preset.__module__], "FOLDER", tmp_path)
    assert ks.models.TimeDepthUNet.from_preset("own").output_names == ["velocity"]
    assert ks.models.VelocityWithSpread.from_preset("own").output_names == ["velocity", "spread"]
    with pytest.raises(ValueError, match=r"FCNVMB\.from_preset: 'own' is a TimeDepthUNet"):
        ks.models.FCNVMB.from_preset("own")


def test_networks_without_maps_are_refused():
    gather = keras.Input((8, 6, 2), name="shot_gather")
    flat = keras.layers.Dense(48)(keras.layers.Flatten()(gather))
    dense = keras.Model(gather, keras.layers.Reshape((8, 6, 1), name="velocity")(flat))
    with pytest.raises(
        ValueError, match=r"a last convolution that keeps the size of its maps.*received velocity"
    ):
        ks.models.VelocityWithSpread(dense)
    two = keras.Model(gather, [gather, gather])
    with pytest.raises(ValueError, match="with one input and one output, received 1 and 2"):
        ks.models.VelocityWithSpread(two)
    with pytest.raises(ValueError, match=r"an output \(depth, width, 1\) of known sizes"):
        ks.models.VelocityWithSpread(ks.models.ConvDenoiser(2, 1))
    for wrong in ({"filters": 0}, {"largest": 0.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ks.models.VelocityWithSpread(known_model().network, **wrong)
