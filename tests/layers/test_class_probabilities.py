"""ClassProbabilities, and networks around it."""

import keras
import numpy as np
import pytest

import keras_seismic as ks


def test_mask_of_raw_amplitudes(tmp_path):
    """Nothing is restored, and saved models know their classes."""
    network = ks.models.PSPNet(2, filters=1)
    layers = ks.layers.SectionNormalization("rms"), ks.layers.ClassProbabilities(["rock", "salt"])
    model = ks.models.with_physical_units(network, *layers)
    raw = 1e3 * np.random.default_rng(0).normal(size=(1, 20, 24, 1)).astype("float32")
    normalized = layers[0](raw)
    np.testing.assert_array_equal(model(raw), network(normalized))
    np.testing.assert_allclose(np.sum(model(raw), axis=-1), 1, atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.predicts_classes
    assert not loaded.predicts_velocity
    assert ks.inference.ModelCard.of(loaded).classes == ["rock", "salt"]


def test_bad_classes_are_refused():
    for classes in ([], "salt"):
        with pytest.raises(ValueError, match="list of names"):
            ks.layers.ClassProbabilities(classes)
    network = ks.models.PSPNet(2, filters=1)
    with pytest.raises(ValueError, match=r"expected 1 channels.*received 2"):
        ks.models.with_physical_units(
            network, ks.layers.SectionNormalization(), ks.layers.ClassProbabilities(["salt"])
        )
