"""``simulate_section`` against closed forms of one and two interfaces."""

import numpy as np
import pytest

from keras_seismic.simulation import sample_velocity, simulate_section


def pulse(time, frequency):
    """Zero-phase Ricker wavelet."""
    return (1 - 2 * (np.pi * frequency * time) ** 2) * np.exp(-((np.pi * frequency * time) ** 2))


def layered(*layers, width=3):
    """A model of ``(velocity, cells)`` from the top down."""
    column = np.concatenate([np.full(cells, float(velocity)) for velocity, cells in layers])
    return np.repeat(column[None, :, None], width, axis=2)


@pytest.mark.parametrize(
    ("above", "below", "coefficient"), [(2000, 3000, 0.2), (3000, 2000, -0.2), (2000, 2100, 1 / 41)]
)
def test_one_interface(above, below, coefficient):
    """A single pulse at twice the depth over the velocity; its sign says faster or slower."""
    cells, dx, dt, nt, frequency = 33, 7.0, 0.002, 200, 30.0
    section = simulate_section(layered((above, cells), (below, 20)), dx, dt, nt, frequency)
    assert section.shape == (1, nt, 3)
    assert section.dtype == np.float32
    arrival = 2 * cells * dx / above  # between two samples: the pulse is not moved onto one
    expected = coefficient * pulse(np.arange(nt) * dt - arrival, frequency)
    for trace in section[0].T:
        np.testing.assert_allclose(trace, expected, atol=1e-6)


def test_two_interfaces():
    """The second pulse is later by the second layer's own time and has lost nothing."""
    dx, dt, nt, frequency = 10.0, 0.004, 256, 25.0
    section = simulate_section(layered((1500, 20), (2500, 30), (4500, 10)), dx, dt, nt, frequency)
    time = np.arange(nt) * dt
    first, second = 2 * 200 / 1500, 2 * 200 / 1500 + 2 * 300 / 2500
    expected = 0.25 * pulse(time - first, frequency) + 2000 / 7000 * pulse(time - second, frequency)
    np.testing.assert_allclose(section[0, :, 1], expected, atol=1e-6)


def test_thin_layer_interferes():
    """Two interfaces of opposite sign, a quarter period apart: the difference of two pulses."""
    dx, dt, nt, frequency = 5.0, 0.001, 400, 25.0
    section = simulate_section(layered((2000, 40), (2500, 5), (2000, 40)), dx, dt, nt, frequency)
    time = np.arange(nt) * dt - 0.2
    expected = (pulse(time, frequency) - pulse(time - 50 / 2500, frequency)) / 9
    np.testing.assert_allclose(section[0, :, 0], expected, atol=1e-6)


def test_nothing_without_an_interface_or_before_the_end():
    assert not simulate_section(layered((2000, 50))).any()
    # An interface at 2 s is beyond a record of 0.256 s.
    late = layered((1500, 150), (3000, 10))
    assert np.abs(simulate_section(late, nt=64)).max() < 1e-6


def test_columns_and_models_are_independent():
    velocity = sample_velocity("curvefault_b", 3, seed=4)
    together = simulate_section(velocity)
    assert np.abs(together).max() > 0.1
    for model, column in ((0, 0), (2, 41)):
        alone = simulate_section(velocity[model : model + 1, :, column : column + 1])
        np.testing.assert_allclose(together[model, :, column], alone[0, :, 0], atol=1e-6)


def test_defaults_are_those_documented():
    velocity = layered((2000, 40), (3000, 30))
    np.testing.assert_array_equal(
        simulate_section(velocity),
        simulate_section(velocity, dx=10.0, dt=0.004, nt=256, peak_frequency=25.0),
    )
    assert simulate_section(np.empty((0, 10, 4))).shape == (0, 256, 4)


def test_input_is_left_alone():
    velocity = sample_velocity("flatvel_a", 1)
    before = velocity.copy()
    simulate_section(velocity)
    np.testing.assert_array_equal(velocity, before)


GOOD = layered((2000, 40), (3000, 30))


@pytest.mark.parametrize(
    ("velocity", "options", "message"),
    [
        (GOOD[0], {}, r"\(models, depth, width\), received \(70, 3\)"),
        (GOOD[..., None], {}, r"\(models, depth, width\), received \(1, 70, 3, 1\)"),
        (GOOD * np.nan, {}, r"simulate_section: .*210 values that are not finite"),
        (-GOOD, {}, r"simulate_section: .*must be positive, received a minimum of -3000"),
        (GOOD / 1000, {}, r"simulate_section: .*in m/s, received 2 to 3.*multiply by 1000"),
        (GOOD, {"dx": 0.0}, r"must be positive.*received dx=0\.0"),
        (GOOD, {"dt": -0.004}, r"must be positive.*dt=-0\.004"),
        (GOOD, {"nt": 0}, r"must be positive.*nt=0"),
        (GOOD, {"nt": 10.5}, r"nt=10\.5"),
        (GOOD, {"dx": np.nan}, r"dx=nan"),
        (GOOD, {"dx": np.inf}, r"dx=inf"),
        (GOOD, {"peak_frequency": 0}, r"peak_frequency=0"),
        (GOOD, {"peak_frequency": 90.0}, r"below a third of the sampling rate.*peak_frequency=90"),
        (GOOD.astype("U8"), {"nt": 64}, r"must hold numbers, received dtype <U8"),
        (np.full(GOOD.shape, "fast"), {}, r"must hold numbers, received dtype <U4"),
    ],
)
def test_refused(velocity, options, message):
    with pytest.raises(ValueError, match=message):
        simulate_section(velocity, **options)
