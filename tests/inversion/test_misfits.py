"""Misfits: values in closed form, adjoint sources by automatic and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from keras_seismic.inversion.misfits import (
    L2,
    MISFITS,
    Envelope,
    Huber,
    NormalizedCorrelation,
    as_misfit,
    hilbert,
)


@pytest.fixture
def pair():
    random = np.random.default_rng(3)
    return random.normal(size=(2, 40, 3, 2))


@pytest.mark.parametrize("name", MISFITS)
def test_the_adjoint_source_is_the_derivative(name, pair):
    predicted, observed = pair
    misfit = MISFITS[name]
    value, adjoint = misfit(predicted, observed)
    direction = np.random.default_rng(4).normal(size=predicted.shape)
    errors = []
    for step in (1e-3, 5e-4):
        change = misfit(predicted + step * direction, observed)[0] - value
        errors.append(abs(change - step * np.sum(adjoint * direction)))
    # What a derivative leaves shrinks with the square of the step. The L1 norm's kinks are
    # narrower than these steps.
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1) or name == "l1"
    step = 1e-7
    above, below = (misfit(predicted + s * direction, observed)[0] for s in (step, -step))
    assert (above - below) / (2 * step) == pytest.approx(np.sum(adjoint * direction), rel=1e-4)


def jax_hilbert(traces):
    spectrum = jnp.fft.fft(traces, axis=0)
    sign = np.sign(np.fft.fftfreq(len(traces)))
    sign[len(traces) // 2] = 0
    return jnp.real(jnp.fft.ifft(-1j * sign[:, None, None] * spectrum, axis=0))


def jax_envelope(p, d):
    small = 1e-3 * jnp.sqrt(jnp.mean(d**2))
    e, target = (jnp.sqrt(x**2 + jax_hilbert(x) ** 2 + small**2) for x in (p, d))
    return jnp.sum((e - target) ** 2) / jnp.sum(target**2)


def jax_correlation(p, d):
    cosine = jnp.sum(p * d, 0) / jnp.linalg.norm(p, axis=0) / jnp.linalg.norm(d, axis=0)
    return jnp.mean(1 - cosine)


def jax_huber(p, d):
    scale = 0.1 * jnp.sqrt(jnp.mean(d**2))
    value, of_zeros = (jnp.sum(jnp.sqrt(1 + (r / scale) ** 2) - 1) for r in (p - d, d))
    return value / of_zeros


@pytest.mark.parametrize(
    ("misfit", "witness"),
    [
        (L2(), lambda p, d: jnp.sum((p - d) ** 2) / jnp.sum(d**2)),
        (Huber(0.1), jax_huber),
        (Envelope(), jax_envelope),
        (NormalizedCorrelation(), jax_correlation),
    ],
    ids=["l2", "huber", "envelope", "correlation"],
)
def test_value_and_adjoint_source_equal_automatic_differentiation(misfit, witness, pair):
    value, adjoint = misfit(*pair)
    expected, gradient = jax.value_and_grad(witness)(*(jnp.asarray(x) for x in pair))
    assert value == pytest.approx(float(expected), rel=1e-4)
    np.testing.assert_allclose(adjoint, gradient, atol=1e-4 * np.abs(adjoint).max())


@pytest.mark.parametrize("name", MISFITS)
def test_a_perfect_fit_costs_nothing_and_zeros_cost_about_one(name, pair):
    observed = pair[1]
    assert MISFITS[name](observed, observed)[0] == pytest.approx(0, abs=1e-12)
    assert MISFITS[name](np.zeros_like(observed), observed)[0] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", MISFITS)
def test_the_unit_of_the_amplitudes_does_not_matter(name, pair):
    predicted, observed = pair
    assert MISFITS[name](1e6 * predicted, 1e6 * observed)[0] == pytest.approx(
        MISFITS[name](predicted, observed)[0]
    )


def test_correlation_sees_no_amplitudes_and_ignores_dead_traces(pair):
    predicted, observed = pair
    misfit = NormalizedCorrelation()
    gains = np.array([[0.1, 3.0], [1.0, 7.0], [0.5, 2.0]])
    assert misfit(gains * observed, observed)[0] == pytest.approx(0, abs=1e-12)
    observed[:, 0, 0] = 0
    value, adjoint = misfit(predicted, observed)
    assert not adjoint[:, 0, 0].any()
    assert np.isfinite(value)
    assert np.isfinite(adjoint).all()


def test_huber_is_l1_for_spikes_and_l2_for_small_residuals(pair):
    observed = pair[1]
    spiked = observed.copy()
    spiked[5, 0, 0] += 1e4
    larger = observed.copy()
    larger[5, 0, 0] += 2e4
    one, two = (Huber(0.1)(p, observed)[0] for p in (spiked, larger))
    assert two / one == pytest.approx(2, rel=1e-3)
    small = 1e-4 * pair[0]
    one, two = (Huber(0.1)(observed + p, observed)[0] for p in (small, 2 * small))
    assert two / one == pytest.approx(4, rel=1e-3)


def test_hilbert_transform_is_minus_its_adjoint(pair):
    for traces in (pair, pair[:, :-1]):
        x, y = traces
        assert np.sum(hilbert(x) * y) == pytest.approx(-np.sum(x * hilbert(y)))


def test_names():
    assert as_misfit("l2") == L2()
    assert as_misfit(jax_huber) is jax_huber
    with pytest.raises(ValueError, match=r"misfit must be 'l2', .* received 'l3'"):
        as_misfit("l3")
    with pytest.raises(ValueError, match="threshold must be positive, received 0"):
        Huber(0)
