"""Operators: against NumPy, PyLops and their own adjoints."""

import numpy as np
import pylops
import pytest

from keras_seismic.sparse import (
    FunctionOperator,
    MatrixOperator,
    Restriction,
    WaveletConvolution,
    dot_product_test,
    largest_singular_value,
)

RANDOM = np.random.default_rng(0)
WAVELET = RANDOM.standard_normal(21)
TRACES_KEPT = np.arange(12) % 3 > 0

OPERATORS = {
    "matrix": (MatrixOperator(RANDOM.standard_normal((7, 11))), (3, 11)),
    "wavelet": (WaveletConvolution(WAVELET, 50), (2, 4, 50)),
    "causal wavelet": (WaveletConvolution(WAVELET, 50, zero_time=0), (50,)),
    "restriction": (Restriction(TRACES_KEPT, axis=-2), (2, 12, 5)),
    "composition": (
        Restriction(TRACES_KEPT, axis=-2) @ WaveletConvolution(WAVELET, 50),
        (2, 12, 50),
    ),
    "wavelet of kept samples": (
        WaveletConvolution(WAVELET, 30) @ Restriction(np.arange(45) % 3 > 0),
        (3, 45),
    ),
    "scaling": (-2.5 * MatrixOperator(RANDOM.standard_normal((7, 11))), (11,)),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("name", OPERATORS)
def test_adjoint(name, dtype, tolerance):
    operator, shape = OPERATORS[name]
    assert dot_product_test(operator, shape, dtype) <= tolerance
    result = operator.adjoint(operator.forward(np.ones(shape, dtype)))
    assert tuple(result.shape) == shape
    assert str(np.asarray(result).dtype) == dtype


def test_dot_product_test_finds_a_wrong_adjoint():
    wrong = FunctionOperator(lambda x: 2.0 * x, lambda y: 2.001 * y, (9,), (9,))
    with pytest.raises(ValueError, match="not the adjoint"):
        dot_product_test(wrong)


# One sample, an even number, around the block of 64 samples, and as long as the trace.
@pytest.mark.parametrize("length", [1, 2, 21, 64, 65, 66, 150, 200])
def test_wavelet_convolution_is_numpys_and_pylops(length):
    wavelet = RANDOM.standard_normal(length)
    traces = RANDOM.standard_normal((3, 200))
    for zero in {0, length // 2, length - 1}:
        result = np.asarray(WaveletConvolution(wavelet, zero_time=zero).forward(traces))
        expected = [np.convolve(t, wavelet)[zero : zero + 200] for t in traces]
        np.testing.assert_allclose(result, expected, atol=1e-12)
    theirs = pylops.signalprocessing.Convolve1D((3, 200), wavelet, length // 2, axis=1)
    operator = WaveletConvolution(wavelet)
    ours = operator.forward(traces), operator.adjoint(traces)
    np.testing.assert_allclose(ours[0], theirs @ traces, atol=1e-12)
    np.testing.assert_allclose(ours[1], theirs.H @ traces, atol=1e-12)


def test_a_spike_becomes_the_wavelet_at_its_time():
    spike = np.zeros(60)
    spike[30] = 2.0
    result = np.asarray(WaveletConvolution(WAVELET, zero_time=4).forward(spike))
    np.testing.assert_allclose(result[26:47], 2 * WAVELET, atol=1e-14)


def test_composition_and_scaling_are_products_of_matrices():
    a, b = RANDOM.standard_normal((4, 5)), RANDOM.standard_normal((5, 6))
    x = RANDOM.standard_normal((2, 6))
    operator = 3.0 * (MatrixOperator(a) @ MatrixOperator(b))
    np.testing.assert_allclose(operator.forward(x), 3 * x @ (a @ b).T, atol=1e-12)
    assert (operator.model_shape, operator.data_shape) == ((6,), (4,))


def test_largest_singular_value():
    matrix = RANDOM.standard_normal((30, 20))
    exact = np.linalg.norm(matrix, 2)
    assert largest_singular_value(MatrixOperator(matrix)) == pytest.approx(exact, rel=1e-4)
    operator = WaveletConvolution(np.hanning(33), 400)
    exact = np.linalg.norm(np.asarray(operator.forward(np.eye(400))), 2)
    estimate = largest_singular_value(operator)
    assert 0.99 * exact < estimate < 1.0001 * exact  # singular values crowd here
    assert largest_singular_value(MatrixOperator(np.zeros((2, 3)))) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: WaveletConvolution(np.ones(9), 8), "9 samples, more than the trace with 8"),
        (lambda: WaveletConvolution(np.ones(9)).forward(np.ones(8)), "more than the trace"),
        (lambda: WaveletConvolution(np.ones(9), 20).forward(np.ones(21)), r"must be \(20,\)"),
        (lambda: WaveletConvolution([1.0, np.nan]), "not finite"),
        (lambda: WaveletConvolution(np.zeros(3)), "not all zero"),
        (lambda: WaveletConvolution(np.ones(3), zero_time=3), "zero_time must be in 0-2"),
        (lambda: MatrixOperator([[np.inf]]), "not finite"),
        (lambda: MatrixOperator([1.0]), "expected a matrix"),
        (lambda: MatrixOperator(np.eye(3)).adjoint(np.ones((3, 2))), "last axes of the data"),
        (lambda: MatrixOperator(np.eye(3)).forward(np.ones(3) * 1j), "real numbers"),
        (lambda: Restriction([0, 1, 2]), "boolean mask"),
        (lambda: Restriction([True], axis=0), "count from the end"),
        (lambda: MatrixOperator(np.eye(3)) @ MatrixOperator(np.eye(4)), "Composition"),
        (lambda: np.inf * MatrixOperator(np.eye(3)), "finite number"),
        (lambda: largest_singular_value(WaveletConvolution([1.0])), "say which with shape="),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
