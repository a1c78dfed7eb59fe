"""Models in physical units."""

import keras
import numpy as np
import pytest

import keras_seismic as ks


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    network = ks.models.InversionNet((128, 18, 2), (70, 70), filters=1)
    # As after training: batch normalization that does something.
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(keras.ops.full(layer.moving_variance.shape, 0.05))
    return network


NORMALIZATION = ks.layers.GatherNormalization.openfwi("flatvel_a")
SCALING = ks.layers.VelocityScaling(1500, 4500)


def test_it_is_the_network_between_its_layers(network, rng):
    raw = rng.uniform(-25, 50, (2, 128, 18, 2)).astype("float32")
    model = ks.models.with_physical_units(network, NORMALIZATION, SCALING)
    expected = 3000 + 1500 * network(NORMALIZATION(raw)).numpy()
    np.testing.assert_allclose(model(raw), expected, rtol=1e-6)
    assert (model.inputs[0].name, model.output_names) == ("shot_gather", ["velocity"])
    assert model.predicts_velocity


def test_everything_travels_in_the_keras_file(network, small_acquisition, rng, tmp_path):
    model = ks.models.with_physical_units(network, NORMALIZATION, SCALING, small_acquisition)
    model.save(tmp_path / "model.keras")
    loaded = ks.inference.load_model(tmp_path / "model.keras")
    assert loaded.acquisition == small_acquisition
    assert loaded.input_normalization.get_config() == NORMALIZATION.get_config()
    assert loaded.output_scaling.get_config() == SCALING.get_config()
    assert type(loaded.network) is ks.models.InversionNet
    raw = rng.uniform(-25, 50, (2, 128, 18, 2)).astype("float32")
    np.testing.assert_array_equal(loaded(raw), model(raw))


def test_identity_scaling_for_networks_on_metres_per_second(network, rng):
    model = ks.models.with_physical_units(network, NORMALIZATION, ks.layers.VelocityScaling())
    raw = rng.uniform(-25, 50, (1, 128, 18, 2)).astype("float32")
    np.testing.assert_allclose(model(raw), network(NORMALIZATION(raw)), rtol=1e-6)


@pytest.mark.parametrize("mode", ["maximum", "percentile"])
def test_a_denoiser_restores_each_section_to_its_own_amplitude(rng, mode):
    normalization = ks.layers.SectionNormalization(mode)
    denoiser = ks.models.ConvDenoiser(num_filters=2)
    model = ks.models.with_physical_units(denoiser, normalization)
    repeated = ks.models.with_physical_units(denoiser, normalization, normalization)
    section = rng.standard_normal((2, 40, 30, 1)).astype("float32")
    section[1] *= 1e6
    out = model(section).numpy()
    np.testing.assert_array_equal(out, repeated(section))
    assert not model.predicts_velocity
    # The same section a million times stronger comes out a million times stronger.
    stronger = 1e6 * out[:1]
    rounding = 1e-6 * np.abs(stronger).max()
    np.testing.assert_allclose(model(1e6 * section[:1]), stronger, rtol=1e-4, atol=rounding)
    expected = normalization.restore(denoiser(normalization(section)), section)
    np.testing.assert_allclose(out, expected, rtol=1e-6)


def test_mixed_precision_inside_and_float32_outside(small_acquisition, rng):
    network = ks.models.InversionNet((128, 18, 2), (70, 70), filters=1, dtype="mixed_bfloat16")
    model = ks.models.with_physical_units(network, NORMALIZATION, SCALING, small_acquisition)
    raw = rng.uniform(-25, 50, (1, 128, 18, 2)).astype("float32")
    assert model(raw).dtype == "float32"
    exact = ks.models.in_float32(model)
    assert exact.acquisition == small_acquisition
    assert exact.network.policy == "float32"
    np.testing.assert_allclose(exact(raw), model(raw), atol=30)


def test_bad_combinations(network, small_acquisition):
    make = ks.models.with_physical_units
    with pytest.raises(ValueError, match="output_scaling is missing"):
        make(network, NORMALIZATION)
    with pytest.raises(ValueError, match="restores the amplitude itself"):
        make(ks.models.ConvDenoiser(), ks.layers.SectionNormalization(), SCALING)
    with pytest.raises(ValueError, match=r"\(128, 18, 2\), but the acquisition records \(1000"):
        make(network, NORMALIZATION, SCALING, ks.simulation.Acquisition.openfwi())
    x = keras.Input((4,))
    with pytest.raises(ValueError, match="one input and one output"):
        make(keras.Model(x, [x + 1, x + 2]), NORMALIZATION, SCALING)
