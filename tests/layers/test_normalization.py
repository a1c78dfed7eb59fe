"""Normalization layers against formulas written out in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_seismic as ks


def to_numpy(x):
    return ops.convert_to_numpy(x)


def log_transform(x, k):
    return np.sign(x) * np.log1p(k * np.abs(x))


@pytest.mark.parametrize("k", [0.1, 1.0, 10.0])
def test_gather_normalization_is_the_openfwi_transform(rng, k):
    raw = rng.uniform(-30, 60, (2, 50, 7, 3))
    low, high = log_transform(-26.95, k), log_transform(52.77, k)
    expected = 2 * (log_transform(raw, k) - low) / (high - low) - 1
    layer = ks.layers.GatherNormalization(data_min=-26.95, data_max=52.77, k=k)
    np.testing.assert_allclose(to_numpy(layer(raw.astype("float32"))), expected, atol=1e-6)


def test_gather_normalization_without_logarithm_is_linear():
    layer = ks.layers.GatherNormalization(-2.0, 6.0, k=0)
    np.testing.assert_allclose(to_numpy(layer(np.array([-2.0, 2.0, 6.0]))), [-1, 0, 1])


@pytest.mark.parametrize("k", [0.0, 1.0])
def test_gather_normalization_inverse(rng, k):
    raw = rng.uniform(-30, 60, 1000).astype("float32")
    layer = ks.layers.GatherNormalization(-27, 53, k=k)
    np.testing.assert_allclose(to_numpy(layer.inverse(layer(raw))), raw, rtol=1e-5, atol=2e-5)


def test_gather_normalization_knows_the_published_ranges():
    layer = ks.layers.GatherNormalization.openfwi("CurveFault-B")
    assert (layer.data_min, layer.data_max, layer.k) == (-24.93, 50.98, 1.0)
    assert set(ks.layers.OPENFWI_RANGES) == set(ks.simulation.OPENFWI_FAMILIES)
    with pytest.raises(ValueError, match="curvy"):
        ks.layers.GatherNormalization.openfwi("curvy")


def test_velocity_scaling_both_ways():
    layer = ks.layers.VelocityScaling(1500, 4500)
    velocity = np.array([1500.0, 3000.0, 4500.0, 2250.0], "float32")
    np.testing.assert_allclose(to_numpy(layer.inverse(velocity)), [-1, 0, 1, -0.5])
    np.testing.assert_allclose(to_numpy(layer(layer.inverse(velocity))), velocity)
    assert layer.scale == 1500


def test_velocity_scaling_without_bounds_is_the_identity(rng):
    velocity = rng.uniform(1500, 4500, 5).astype("float32")
    layer = ks.layers.VelocityScaling()
    np.testing.assert_array_equal(to_numpy(layer(velocity)), velocity)
    np.testing.assert_array_equal(to_numpy(layer.inverse(velocity)), velocity)
    assert layer.scale == 1


def section(rng, zeros=0.3):
    x = rng.standard_normal((3, 61, 40, 1)).astype("float32") * [[[[1e-3]]], [[[1]]], [[[1e6]]]]
    x[:, :, : int(40 * zeros)] = 0  # dead traces
    return x.astype("float32")


def test_section_normalization_by_maximum(rng):
    x = section(rng)
    expected = x / np.abs(x).max(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(to_numpy(ks.layers.SectionNormalization()(x)), expected, rtol=1e-6)


@pytest.mark.parametrize("percentile", [50.0, 90.0, 99.0, 100.0])
def test_section_normalization_by_percentile_of_nonzero(rng, percentile):
    x = section(rng)
    layer = ks.layers.SectionNormalization("percentile", percentile)
    for one, normalized in zip(x, to_numpy(layer(x)), strict=True):
        limit = np.percentile(np.abs(one[one != 0]), percentile)
        expected = np.clip(one / limit, -1, 1)
        np.testing.assert_allclose(normalized, expected, rtol=2e-5, atol=1e-7)


def test_section_normalization_by_range(rng):
    x = section(rng)
    low, high = (f(x, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max))
    normalized = to_numpy(ks.layers.SectionNormalization("range")(x))
    np.testing.assert_allclose(normalized, (x - low) / (high - low), atol=1e-6)


@pytest.mark.parametrize("mode", ["maximum", "percentile", "range"])
def test_section_normalization_of_nothing_is_nothing(mode):
    layer = ks.layers.SectionNormalization(mode)
    zeros = np.zeros((2, 8, 9, 1), "float32")
    normalized = to_numpy(layer(zeros))
    np.testing.assert_array_equal(normalized, zeros)
    np.testing.assert_array_equal(to_numpy(layer.restore(normalized, zeros)), zeros)


@pytest.mark.parametrize(
    ("mode", "percentile"), [("maximum", 99), ("percentile", 100), ("range", 99)]
)
def test_restoring_gives_the_raw_amplitude_back(rng, mode, percentile):
    x = section(rng)
    layer = ks.layers.SectionNormalization(mode, percentile)
    restored = to_numpy(ks.layers.SectionRestoration(layer)(layer(x), x))
    np.testing.assert_allclose(
        restored / np.abs(x).max((1, 2, 3), keepdims=True),
        x / np.abs(x).max((1, 2, 3), keepdims=True),
        atol=3e-7,
    )


@pytest.mark.parametrize(
    "layer",
    [
        ks.layers.GatherNormalization(-27, 53, k=2),
        ks.layers.VelocityScaling(1500, 4500),
        ks.layers.VelocityScaling(),
        ks.layers.SectionNormalization("percentile", 97),
        ks.layers.SectionRestoration(ks.layers.SectionNormalization("range")),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_survive_serialization(layer):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()


def test_normalization_stays_float32_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    raw = np.array([[1e6, -1e6, 1e-3]], "float32")  # beyond what float16 can hold
    normalized = ks.layers.GatherNormalization(-1e6, 1e6)(raw)
    assert keras.backend.standardize_dtype(normalized.dtype) == "float32"
    np.testing.assert_allclose(to_numpy(normalized)[0, :2], [1, -1], rtol=1e-6)
    velocity = ks.layers.VelocityScaling(1500, 4500)(np.array([1 / 3], "float32"))
    assert abs(float(to_numpy(velocity)[0]) - 3500) < 1e-3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ks.layers.GatherNormalization(5, 5), "data_min=5, data_max=5"),
        (lambda: ks.layers.GatherNormalization(0, float("nan")), "nan"),
        (lambda: ks.layers.GatherNormalization(-1, 1, k=-1), "received -1"),
        (lambda: ks.layers.VelocityScaling(1500), "maximum=None"),
        (lambda: ks.layers.VelocityScaling(4500, 1500), "minimum=4500"),
        (lambda: ks.layers.VelocityScaling(1.5, 4.5), "km/s"),
        (lambda: ks.layers.SectionNormalization("mean"), "'mean'"),
        (lambda: ks.layers.SectionNormalization("percentile", 0), "received 0"),
        (lambda: ks.layers.SectionRestoration("x"), "received str"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("unit", [1.0, 1e-6])
def test_centered_keeps_zero_and_brings_out_weak_arrivals_in_any_unit(unit):
    published = ks.layers.GatherNormalization(-27 * unit, 57 * unit)
    found = to_numpy(published.centered()(unit * np.array([-57.0, -0.25, 0.0, 0.25, 57.0])))
    np.testing.assert_allclose(found, [-1, -0.1276, 0, 0.1276, 1], atol=1e-4)
