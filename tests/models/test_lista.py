"""LISTA: FISTA when it is made, better than FISTA when it is trained, itself when exported."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_seismic.exporting import check_parity, export_onnx, export_saved_model
from keras_seismic.inversion import (
    ReflectivityPairs,
    WaveletConvolution,
    best_weight,
    compare_methods,
    fista,
)
from keras_seismic.models import LISTA
from keras_seismic.simulation import ricker
from keras_seismic.training import adamw

WAVELET = np.trim_zeros(ricker(25.0, 0.004, 100))


def sections(shape=(2, 60, 3, 1), seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("zero_time", [None, 0, 4])
@pytest.mark.parametrize("shared", [False, True])
def test_untrained_it_is_fista(zero_time, shared):
    model = LISTA(WAVELET, 7, zero_time, weight=0.3, shared=shared)
    section = sections()
    step = 1 / np.abs(np.fft.rfft(WAVELET, 16 * WAVELET.size)).max() ** 2
    operator = WaveletConvolution(WAVELET, zero_time=zero_time)
    traces = np.moveaxis(section[..., 0], 1, 2)
    expected = np.moveaxis(fista(operator, traces, 7, weight=0.3, step=step), 1, 2)
    received = ops.convert_to_numpy(model(section))[..., 0]
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(received, expected, atol=2e-6)


def test_weights_are_shared_and_learned_as_asked():
    def trained(**arguments):
        return {w.path for w in LISTA(WAVELET, 4, **arguments).trainable_weights}

    own, shared, learned = trained(), trained(shared=True), trained(learn_wavelet=True)
    assert len(own) == 4 + 4 + 2  # filters, weights of l1, momenta
    assert len(shared) == 1 + 4 + 2
    assert learned - own == {"wavelet/kernel"}


def test_every_weight_receives_a_gradient_and_one_batch_can_be_overfitted():
    model = LISTA(WAVELET, 4, weight=0.05, learn_wavelet=True)
    section, reflectivity = ReflectivityPairs(WaveletConvolution(WAVELET, 64), 1, 4, 4)[0]
    before = [w.copy() for w in model.get_weights()]
    model.compile(keras.optimizers.Adam(0.02), "mean_squared_error")
    losses = [model.train_on_batch(section, reflectivity) for _ in range(60)]
    assert losses[-1] < 0.3 * losses[0]
    for weight, old in zip(model.weights, before, strict=True):
        assert not np.array_equal(weight, old), weight.path


@pytest.mark.parametrize("arguments", [{}, {"shared": True, "learn_wavelet": True, "zero_time": 3}])
def test_config_and_file_round_trip(arguments, tmp_path):
    model = LISTA(WAVELET, 3, **arguments)
    section = sections()
    model.compile("adam", "mean_squared_error")
    model.train_on_batch(section, section)
    model.save(tmp_path / "lista.keras")
    loaded = keras.models.load_model(tmp_path / "lista.keras")
    assert loaded.get_config() == model.get_config()
    assert [w.path for w in loaded.trainable_weights] == [w.path for w in model.trainable_weights]
    np.testing.assert_array_equal(loaded(section), model(section))
    assert loaded.train_on_batch(section, section) == model.train_on_batch(section, section)


def test_mixed_precision_stays_and_returns_float32():
    model = LISTA(WAVELET, 3, dtype="mixed_bfloat16")
    assert LISTA.from_config(model.get_config()).get_layer("filter_1").compute_dtype == "bfloat16"
    assert str(ops.convert_to_numpy(model(sections((1, 31, 1, 1)))).dtype) == "float32"


def test_exports_are_the_model(tmp_path):
    model = LISTA(WAVELET, 3)
    section = sections((3, 61, 5, 1))
    for path in (
        export_saved_model(model, tmp_path / "1", section),
        export_onnx(model, tmp_path / "lista.onnx", section),
    ):
        assert check_parity(model, path, sections((1, 90, 7, 1), seed=1)) < 1e-5


@pytest.mark.slow
def test_ten_layers_reach_fistas_error_at_100_iterations():
    operator = WaveletConvolution(WAVELET, 128)
    keras.utils.set_random_seed(0)
    training, validation, held_out = (
        ReflectivityPairs(operator, batches, seed=seed)
        for batches, seed in ((40, 0), (2, 10), (4, 20))
    )
    weight = best_weight(operator, *validation.arrays())  # FISTA at its best
    model = LISTA(WAVELET, 10, weight=weight)
    optimizer = adamw(2e-2, 8 * len(training))
    optimizer.clipnorm = 0.01
    model.compile(optimizer, "mean_squared_error")
    model.fit(training, epochs=8, verbose=0)
    rows = compare_methods(operator, *held_out.arrays(), weight, lista=model)
    errors = {row["method"]: row["relative_error"] for row in rows}
    assert errors["LISTA"] <= errors["FISTA"] < errors["ISTA"] < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"wavelet": [0.0, 0.0]}, "not all zero"),
        ({"wavelet": [1.0, np.nan]}, "finite numbers"),
        ({"wavelet": WAVELET, "num_layers": 0}, "num_layers"),
        ({"wavelet": WAVELET, "zero_time": 23}, "zero_time must be an index"),
        ({"wavelet": WAVELET, "filter_length": 24}, "must be odd"),
        ({"wavelet": WAVELET, "filter_length": 21}, "hold the wavelet"),
        ({"wavelet": WAVELET, "weight": -1}, "weight must not be negative"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        LISTA(**arguments)
