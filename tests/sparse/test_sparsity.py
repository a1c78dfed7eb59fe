"""Solvers: PyLops' iterates, closed forms, theorems, and what must be refused."""

import functools

import numpy as np
import pylops
import pytest
from pylops.optimization.sparsity import fista as pylops_fista
from pylops.optimization.sparsity import ista as pylops_ista

from keras_seismic.simulation import ricker
from keras_seismic.sparse import (
    FISTA,
    ISTA,
    DivergenceError,
    GradientDescent,
    MatrixOperator,
    WaveletConvolution,
    fista,
    gradient_descent,
    ista,
)

BOTH = [(ista, pylops_ista), (fista, pylops_fista)]


@functools.cache
def problem(rows, columns):
    random = np.random.default_rng(0)
    matrix = random.standard_normal((rows, columns))
    sparse = random.standard_normal(columns) * (random.random(columns) < 0.2)
    data = matrix @ sparse + 0.1 * random.standard_normal(rows)
    return matrix, data, 1 / np.linalg.norm(matrix, 2) ** 2


_operators: dict[int, MatrixOperator] = {}


def operator_of(matrix):
    """One operator for a cached matrix, so that its solvers are compiled once."""
    return _operators.setdefault(id(matrix), MatrixOperator(matrix))


def cost(matrix, data, model, weight):
    return 0.5 * np.sum((matrix @ model - data) ** 2) + weight * np.abs(model).sum()


@pytest.mark.parametrize(("ours", "theirs"), BOTH)
@pytest.mark.parametrize("shape", [(60, 30), (30, 60)], ids=["over", "under"])
def test_iterates_are_pylops(ours, theirs, shape):
    matrix, data, step = problem(*shape)
    for iterations in (1, 2, 7, 100):
        model = ours(operator_of(matrix), data, iterations=iterations, weight=0.7, step=step)
        options = {"niter": iterations, "eps": 1.4, "alpha": step, "tol": 0}
        reference = theirs(pylops.MatrixMult(matrix), data, **options)[0]
        assert model.dtype == np.float64
        np.testing.assert_allclose(model, reference, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("ours", "theirs"), BOTH)
def test_spike_test_is_pylops_and_finds_the_spikes(ours, theirs):
    # 61 samples at 4 ms, 20 Hz Ricker, three spikes, noise of 0.1, 400 iterations.
    samples, truth = 61, np.zeros(61)
    truth[[10, 30, 45]] = -0.4, 1.0, 0.5
    wavelet = np.trim_zeros(ricker(20.0, 0.004, samples))
    operator = WaveletConvolution(wavelet, samples)
    theirs_operator = pylops.signalprocessing.Convolve1D(samples, wavelet, wavelet.size // 2)
    data = theirs_operator @ truth + 0.1 * np.random.default_rng(0).standard_normal(samples)
    step = 0.98 / np.linalg.norm(theirs_operator.todense(), 2) ** 2
    model = ours(operator, data, iterations=400, weight=0.25, step=step)
    options = {"niter": 400, "eps": 0.5, "alpha": step, "tol": 0}
    reference = theirs(theirs_operator, data, **options)[0]
    np.testing.assert_allclose(model, reference, rtol=0, atol=1e-6)
    for position, strength in ((30, 1.0), (45, 0.5), (10, -0.4)):
        near = model[position - 1 : position + 2].sum()
        assert near == pytest.approx(strength, abs=0.25)


def test_orthogonal_operator_has_a_closed_form():
    random = np.random.default_rng(1)
    orthogonal = np.linalg.qr(random.standard_normal((40, 40)))[0]
    data, weight = random.standard_normal(40), 0.3
    projected = orthogonal.T @ data
    expected = np.sign(projected) * np.maximum(np.abs(projected) - weight, 0)
    operator = MatrixOperator(orthogonal)
    one_step = ista(operator, data, iterations=1, weight=weight, step=1.0)
    np.testing.assert_allclose(one_step, expected, atol=1e-12)
    for method in (ista, fista):
        model = method(operator, data, iterations=60, weight=weight)
        np.testing.assert_allclose(model, expected, atol=1e-6)


def test_gradient_descent_reaches_least_squares_by_the_closed_form():
    matrix, data, step = problem(40, 10)
    model = gradient_descent(operator_of(matrix), data, iterations=25, step=step)
    # x_k = (I - (I - t A^T A)^k) x_ls, starting from zero.
    normal = np.eye(10) - step * matrix.T @ matrix
    least_squares = np.linalg.lstsq(matrix, data, rcond=None)[0]
    expected = (np.eye(10) - np.linalg.matrix_power(normal, 25)) @ least_squares
    np.testing.assert_allclose(model, expected, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ista_never_raises_the_cost_which_is_the_function_minimized(dtype):
    matrix, data, _ = problem(30, 60)
    solution = ISTA(operator_of(matrix), 0.7).solve(data.astype(dtype), 300)
    rounding = 1e-6 if dtype == "float32" else 1e-13
    assert np.all(np.diff(solution.cost) <= rounding * solution.cost[0])
    assert solution.cost.shape == (301,)
    exact = cost(matrix, data, solution.model, 0.7)
    assert solution.cost[-1] == pytest.approx(exact, rel=1e-4 if dtype == "float32" else 1e-12)
    assert solution.cost[0] == pytest.approx(0.5 * data @ data, rel=1e-6)


def test_the_minimum_fulfils_the_optimality_conditions():
    matrix, data, _ = problem(30, 60)
    model = fista(operator_of(matrix), data, iterations=3000, weight=0.7, restart=True)
    gradient = matrix.T @ (matrix @ model - data)
    active = model != 0
    np.testing.assert_allclose(gradient[active], -0.7 * np.sign(model[active]), atol=1e-6)
    assert np.all(np.abs(gradient[~active]) <= 0.7 + 1e-6)


def test_fista_bound_and_its_lead_over_ista():
    matrix, data, step = problem(30, 60)
    operator = operator_of(matrix)
    best = FISTA(operator, 0.7, step, restart=True).solve(data, 5000)
    distance = np.sum(best.model**2)
    k = np.arange(1, 101)
    slow = ISTA(operator, 0.7, step).solve(data).cost[1:] - best.cost[-1]
    fast = FISTA(operator, 0.7, step).solve(data).cost[1:] - best.cost[-1]
    assert np.all(slow <= distance / (2 * step * k))  # Beck and Teboulle, theorem 3.1
    assert np.all(fast <= 2 * distance / (step * (k + 1) ** 2))  # theorem 4.4
    assert fast[-1] < 0.1 * slow[-1]


def test_traces_are_solved_together_as_they_are_alone():
    random = np.random.default_rng(2)
    operator = WaveletConvolution(np.hanning(9) - 0.3, 50)
    data = random.standard_normal((2, 3, 50))
    weight = random.random((2, 3, 1))
    together = fista(operator, data, 50, weight=weight, step=0.05)
    for i in np.ndindex(2, 3):
        alone = fista(operator, data[i], 50, weight=weight[i], step=0.05)
        np.testing.assert_allclose(together[i], alone, atol=1e-12)
    single = fista(operator, data.astype("float32"), 50, weight=weight, step=0.05)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, together, atol=1e-5)


def test_backtracking_finds_a_step_and_the_minimum():
    matrix, data, step = problem(60, 30)
    operator = operator_of(matrix)
    expected = fista(operator, data, 2000, weight=0.7, step=step)
    for method in (ISTA, FISTA):
        solution = method(operator, 0.7, "backtracking").solve(data, 2000)
        np.testing.assert_allclose(solution.model, expected, atol=1e-6)
        assert 0.25 * step < solution.step  # at most two halvings below 1/L


def test_positive_weighted_and_warm_start():
    matrix, data, step = problem(60, 30)
    operator = operator_of(matrix)
    positive = fista(operator, data, 500, weight=0.7, positive=True)
    assert positive.min() == 0
    assert positive.max() > 0.1
    weight = np.where(np.arange(30) < 15, 1e6, 0.1)
    weighted = fista(operator, data, 500, weight=weight)
    assert not weighted[:15].any()
    assert weighted[15:].any()
    half = ISTA(operator, 0.7, step).solve(data, 20).model
    rest = ISTA(operator, 0.7, step).solve(data, 30, initial=half).model
    whole = ISTA(operator, 0.7, step).solve(data, 50).model
    np.testing.assert_allclose(rest, whole, atol=1e-12)


def test_stopping_by_change_residual_and_callback():
    matrix, data, _ = problem(30, 60)
    operator = operator_of(matrix)
    changed = FISTA(operator, 0.7, restart=True, tolerance=1e-6).solve(data, 5000)
    assert changed.converged
    assert changed.stopped_by == "change"
    assert len(changed.cost) == changed.iterations + 1 < 5001
    fitted = FISTA(operator, 1e-3, residual_tolerance=1.0).solve(data, 5000)
    assert fitted.stopped_by == "residual"
    assert np.linalg.norm(matrix @ fitted.model - data) <= 1.0
    seen = []
    stopped = FISTA(operator, 0.7, callback=lambda k, x, c: seen.append((k, x, c)) or k == 3).solve(
        data
    )
    assert (stopped.stopped_by, stopped.iterations, stopped.converged) == ("callback", 3, False)
    assert [k for k, _, _ in seen] == [1, 2, 3]
    assert seen[1][2] == pytest.approx(cost(matrix, data, seen[1][1], 0.7))
    assert not FISTA(operator, 0.7).solve(data, 5).converged


def test_steps_by_hand_are_the_run():
    matrix, data, step = problem(30, 60)
    solver = FISTA(operator_of(matrix), 0.7, step)
    solver.setup(data, iterations=5)
    for _ in range(5):
        solver.step()
    by_hand = solver.finalize()
    np.testing.assert_array_equal(by_hand.model, solver.solve(data, 5).model)
    with pytest.raises(ValueError, match="set up for 5 iterations"):
        solver.step()
    # Model and point, before and after, gradient; their predictions, residual and data.
    assert solver.memory_use == 8 * (5 * 60 + 6 * 30)


@pytest.mark.parametrize("method", [GradientDescent, ISTA, FISTA])
@pytest.mark.parametrize("factor", [2.5, 100.0, 1e30])
def test_a_step_that_is_too_large_is_refused(method, factor):
    matrix, data, step = problem(60, 30)
    arguments = () if method is GradientDescent else (0.7,)
    solver = method(operator_of(matrix), *arguments, step=factor * step)
    solver.setup(data.astype("float32"))
    with pytest.raises(DivergenceError, match="diverges: step="):
        solver.run()
    with pytest.raises(DivergenceError):
        solver.finalize()


def test_a_step_near_the_limit_is_no_divergence():
    matrix, data, step = problem(60, 30)
    operator = operator_of(matrix)
    minimum = fista(operator, data, 3000, weight=0.7, step=step)
    long = ista(operator, data, 300, weight=0.7, step=1.9 * step)
    np.testing.assert_allclose(long, minimum, atol=1e-6)
    for dtype, tolerance in (("float32", 1e-4), ("float64", 1e-6)):
        longer = fista(operator, data.astype(dtype), 1000, weight=0.7, step=1.0001 * step)
        np.testing.assert_allclose(longer, minimum, atol=tolerance)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: fista(a, np.full(4, np.nan), weight=1.0), "not finite"),
        (lambda a: fista(a, np.ones(5), weight=1.0), r"last axes of the data must be \(4,\)"),
        (lambda a: fista(a, np.ones(4), weight=np.ones(4)), "broadcasts to the model's shape"),
        (lambda a: fista(a, np.ones(4), weight=-1.0), "not negative"),
        (lambda a: fista(a, np.ones(4), weight=1.0, step=0.0), "step must be"),
        (lambda a: fista(a, np.ones(4), weight=1.0, step="longest"), "step must be"),
        (lambda a: fista(a, np.ones(4), 0, weight=1.0), "iterations must be"),
        (lambda a: fista(np.eye(4), np.ones(4), weight=1.0), "must be an Operator"),
        (lambda a: fista(a, np.ones(4), weight=1.0, tolerance=-1), "tolerance must not"),
        (lambda a: gradient_descent(a, np.ones(4), weight=1.0), "weight must be 0"),
        (lambda a: FISTA(a, 1.0).solve(np.ones(4), initial=np.ones(4)), "initial must have"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(MatrixOperator(np.ones((4, 3))))
