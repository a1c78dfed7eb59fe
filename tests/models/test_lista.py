"""LISTA: FISTA when it is made, better than FISTA when it is trained, itself when exported."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_seismic as ks
from keras_seismic.models import LISTA
from keras_seismic.simulation import ricker
from keras_seismic.sparse import (
    ReflectivityPairs,
    WaveletConvolution,
    best_weight,
    compare_methods,
    fista,
)
from keras_seismic.training import adamw
from tests.models.base import ModelTests

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


class TestLISTA(ModelTests):
    model_class = LISTA
    arguments = {
        "wavelet": WAVELET.tolist(),
        "num_layers": 4,
        "weight": 0.05,
        "learn_wavelet": True,
    }
    published = {"wavelet": [-0.5, 1.0, -0.5], "num_layers": 3}
    # By hand: three filters of 2 * 3 + 1, three thresholds, one momentum.
    parameters = 3 * 7 + 3 + 1
    odd = [{}, {"shared": True, "zero_time": 3}, {"num_layers": 1, "learn_wavelet": False}]
    any_shape = (64, 5, 1)
    units = (ks.layers.SectionNormalization("maximum"),)
    refused = [
        ({"wavelet": [0.0, 0.0]}, "not all zero"),
        ({"wavelet": [1.0, np.nan]}, "finite numbers"),
        ({"wavelet": WAVELET, "num_layers": 0}, "num_layers"),
        ({"wavelet": WAVELET, "zero_time": 23}, "zero_time must be an index"),
        ({"wavelet": WAVELET, "filter_length": 24}, "must be odd"),
        ({"wavelet": WAVELET, "filter_length": 21}, "hold the wavelet"),
        ({"wavelet": WAVELET, "weight": -1}, "weight must not be negative"),
    ]

    def example(self, model, batch=2):
        return ReflectivityPairs(WaveletConvolution(WAVELET, 64), batch, 5)[:]

    def compiled(self, model, eagerly=True):
        optimizer = keras.optimizers.Adam(0.02)
        model.compile(optimizer, "mean_squared_error", run_eagerly=eagerly, jit_compile=False)
        return model


@pytest.mark.slow
def test_ten_layers_come_near_fistas_error_at_100_iterations():
    # So short a training ends within 1 % of it, on this side or that by the processor;
    # `python -m benchmarks.sparsity` trains longer.
    operator = WaveletConvolution(WAVELET, 128)
    keras.utils.set_random_seed(0)
    training, validation, held_out = (
        ReflectivityPairs(operator, 16 * batches, seed=seed)
        for batches, seed in ((40, 0), (2, 10), (4, 20))
    )
    weight = best_weight(operator, *validation[:])  # FISTA at its best
    model = LISTA(WAVELET, 10, weight=weight)
    batches = training.dataset(16)
    optimizer = adamw(2e-2, 8 * len(batches))
    optimizer.clipnorm = 0.01
    model.compile(optimizer, "mean_squared_error")
    model.fit(batches, epochs=8, verbose=0)
    rows = compare_methods(operator, *held_out[:], weight, lista=model)
    errors = {row["method"]: row["relative_error"] for row in rows}
    assert errors["LISTA"] < 1.1 * errors["FISTA"] < 0.6 * errors["ISTA"] < 1
