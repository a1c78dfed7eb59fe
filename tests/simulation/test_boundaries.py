"""The absorbing boundaries against a grid so large that nothing comes back from its edge."""

import dataclasses
import warnings

import numpy as np
import pytest

from keras_seismic.simulation import Acquisition, DispersionWarning, sample_velocity, simulate

LATE = 0.4  # s; by then most of the direct wave has left


def blocks(cells):
    """7 x 7 blocks of 1500-4500 m/s: the strongest contrasts, and they run into the boundary."""
    blocky = np.random.default_rng(0).uniform(1500, 4500, (7, 7))
    return np.kron(blocky, np.ones((cells, cells)))


def layers(cells):
    return np.repeat([1500.0, 2200.0, 3000.0, 3800.0, 4400.0], cells)[:, None] * np.ones(5 * cells)


def in_open_medium(velocity, acquisition):
    """The same experiment with edge values extended beyond the reach of the record."""
    reach = velocity.max() * acquisition.nt * acquisition.dt / 2
    cells = int(np.ceil(reach / acquisition.dx)) + 1
    moved = {
        name: tuple(
            (x + cells * acquisition.dx, depth + cells * acquisition.dx)
            for x, depth in getattr(acquisition, name)
        )
        for name in ("sources", "receivers")
    }
    padded = np.pad(velocity, ((0, 0), (cells, cells), (cells, cells)), mode="edge")
    return simulate(padded, dataclasses.replace(acquisition, boundary="cpml", **moved))


def errors(velocity, acquisition):
    """RMS difference from the open medium over RMS: overall, and after 0.4 s."""
    with warnings.catch_warnings():
        # At 1500 m/s the coarse grid sits exactly on the limit.
        warnings.simplefilter("ignore", DispersionWarning)
        reference = in_open_medium(velocity, acquisition)
        gathers = simulate(velocity, acquisition)
    late = round(LATE / acquisition.dt)
    return [
        np.sqrt(np.mean((gathers - reference)[:, k:] ** 2) / np.mean(reference[:, k:] ** 2))
        for k in (0, late)
    ]


# The same experiment as OpenFWI's at half the frequency: 20 m and 2 ms instead of 10 m and
# 1 ms, so that the boundary is as wide in wavelengths, and 0.8 s of record.
COARSE = {"width": 35, "dx": 20.0, "dt": 0.002, "nt": 400, "peak_frequency": 7.5}


@pytest.mark.parametrize(
    "velocity",
    [
        pytest.param(np.full((35, 35), 1500.0), id="homogeneous"),
        pytest.param(layers(7), id="layered"),
        pytest.param(blocks(5), id="blocky"),
    ],
)
def test_cpml_lets_waves_leave(velocity):
    acquisition = Acquisition.surface(boundary="cpml", source_columns=(0, 17), **COARSE)
    overall, late = errors(velocity[None], acquisition)
    assert overall < 0.005
    assert late < 0.01


def test_cpml_without_absorption_fails_this_test():
    """What the bounds above are worth: the narrowest layer does not meet them."""
    acquisition = Acquisition.surface(
        boundary="cpml", boundary_width=3, source_columns=(17,), **COARSE
    )
    overall, late = errors(layers(7)[None], acquisition)
    assert overall > 0.005
    assert late > 0.01


# After 0.4 s nothing is left at 3000 m/s but the tail of a line source, 0.2 % of the gather:
# for a late arrival to compare with, the homogeneous medium has to be slow.
@pytest.mark.parametrize(
    "velocity",
    [
        pytest.param(blocks(10), id="blocky"),
        pytest.param(sample_velocity("curvefault_b", 1)[0].astype(float), id="curvefault"),
    ],
)
def test_cpml_lets_waves_leave_the_openfwi_experiment(velocity):
    acquisition = dataclasses.replace(Acquisition.openfwi("cpml"), sources=((0.0, 10.0),))
    overall, late = errors(velocity[None], acquisition)
    assert overall < 0.005
    assert late < 0.01


def test_damping_layer_stops_waves_where_it_is_made_for():
    """The layer's own bound, 1e-7 in energy over a round trip, holds for slow rock."""
    acquisition = Acquisition.surface(source_columns=(17,), **(COARSE | {"nt": 450}))
    overall, late = errors(np.full((1, 35, 35), 2000.0), acquisition)
    assert overall < 0.005
    assert late < 0.03
