"""Waves in a homogeneous medium against the analytical solution, and the order of convergence.

The scheme injects ``(v dt)^2 w`` into one cell, which is the source ``v^2 dx^2 w(t)
delta(x) delta(z)`` of ``p_tt = v^2 laplace(p) + source``. With the Green's function of two
dimensions, ``H(t - r/v) / (2 pi sqrt(t^2 - r^2/v^2))``, the pressure at distance r is

    p(t) = dx^2 / (2 pi)  integral over u from 0 to arccosh(t v / r) of w(t - r/v cosh u)

(after substituting ``r/v cosh u`` for the time, which takes the singularity away). Amplitude
and time are fixed by this: nothing is fitted.
"""

import numpy as np
import pytest

from keras_seismic.simulation import Acquisition, simulate

MARGIN = 200.0  # m from source and receiver to the absorbing boundary, and its width


def analytical(velocity, distance, dx, dt, nt, peak_frequency):
    # A source sample at time k dt acts on the pressure at (k + 1) dt, which is record k.
    time = (np.arange(nt) + 1) * dt
    center = int(np.floor(round(2.2 / peak_frequency / dt, 9))) // 2 * dt
    nodes, weights = np.polynomial.legendre.leggauss(200)
    longest = np.arccosh(np.maximum(time * velocity / distance, 1))
    u = (nodes + 1) / 2 * longest[:, None]
    delayed = time[:, None] - distance / velocity * np.cosh(u)
    phase = (np.pi * peak_frequency * (delayed - center)) ** 2
    wavelet = np.where((delayed >= 0) & (delayed <= 2 * center), (1 - 2 * phase), 0)
    return dx**2 / (2 * np.pi) * (wavelet * np.exp(-phase)) @ weights * longest / 2


def simulated(velocity, distance, dx, dt, nt, peak_frequency, along=(1, 0)):
    """The trace at ``distance`` from the source, along x or along depth."""
    margin = round(MARGIN / dx)
    apart = round(distance / dx)
    columns, rows = (2 * margin + 1 + apart * step for step in along)
    source = (margin * dx, margin * dx)
    receiver = tuple((margin + apart * step) * dx for step in along)
    acquisition = Acquisition(
        dx=dx,
        dt=dt,
        nt=nt,
        peak_frequency=peak_frequency,
        sources=(source,),
        receivers=(receiver,),
        boundary="cpml",
        boundary_width=max(20, round(MARGIN / dx)),  # as wide in meters on every grid
    )
    model = np.full((1, rows, columns), float(velocity))
    return simulate(model, acquisition)[0, :, 0, 0]


def relative_error(velocity, distance, dx, dt, duration, peak_frequency, **options):
    arguments = (velocity, distance, dx, dt, round(duration / dt), peak_frequency)
    expected = analytical(*arguments)
    error = simulated(*arguments, **options) - expected
    return np.sqrt(np.mean(error**2) / np.mean(expected**2))


# Dispersion sets the tolerance. The scheme's phase velocity is off by +(omega dt)^2 / 24
# (time) and -(k dx)^4 / 180 (space): at 15 Hz, 2000 m/s and the grid below +0.037 % and
# -0.027 %, which over 300 m, 14 rad, is a phase error of about half a percent each; the
# higher frequencies of the wavelet have more. One sample too early or too late would be an
# error of 9 %, a wrong source factor one of the factor's size.
@pytest.mark.parametrize(
    ("velocity", "distance", "along"),
    [(2000, 300, (1, 0)), (2000, 300, (0, 1)), (3000, 400, (1, 0))],
)
def test_trace_equals_the_analytical_one(velocity, distance, along):
    error = relative_error(velocity, distance, 10.0, 0.001, 0.42, 15.0, along=along)
    assert error < 0.015


def test_amplitude_is_that_of_one_cell():
    """Half the spacing, a quarter of the source's area: a quarter of the amplitude."""
    coarse, fine = (simulated(3000, 200, dx, 0.0005, 500, 10.0) for dx in (10.0, 5.0))
    assert np.abs(coarse).max() / np.abs(fine).max() == pytest.approx(4, rel=0.005)


def test_order_four_in_space():
    # The time step is so small that its share of the error, 1e-4, does not matter.
    coarse, fine = (relative_error(2000, 300, dx, 0.00025, 0.42, 10.0) for dx in (20.0, 10.0))
    assert np.log2(coarse / fine) == pytest.approx(4, abs=0.3)


def test_order_two_in_time():
    # The spacing is so small that its share of the error, 1e-4, does not matter.
    coarse, fine = (relative_error(2000, 300, 5.0, dt, 0.42, 10.0) for dt in (0.0015, 0.00075))
    assert np.log2(coarse / fine) == pytest.approx(2, abs=0.3)


def test_error_vanishes_with_both():
    """Halving spacing and time step together: at last the second order of time rules."""
    errors = [
        relative_error(2000, 300, 10.0 / factor, 0.002 / factor, 0.42, 10.0) for factor in (1, 2, 4)
    ]
    assert errors[-1] < 0.001
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.3)
