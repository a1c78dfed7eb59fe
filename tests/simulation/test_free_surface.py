"""The free surface against image sources: a mirrored ground with a negative source above."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_seismic.simulation import Acquisition, sample_velocity, simulate
from keras_seismic.simulation.boundaries import BOUNDARIES

SHAPE = (22, 24)


@pytest.fixture(scope="module")
def velocity():
    return 2000 + 0.5 * (sample_velocity("style_b", 2, seed=4, shape=SHAPE) - 1500.0)


def experiment(boundary, **changes):
    arguments = {
        "dx": 10.0,
        "dt": 0.001,
        "nt": 250,
        "peak_frequency": 15.0,
        "sources": ((30.0, 20.0), (170.0, 60.0)),
        "receivers": tuple((10.0 * c, 30.0) for c in range(0, 24, 3)),
        "boundary": boundary,
        "boundary_width": 25,
        "free_surface": True,
    }
    return Acquisition(**arguments | changes)


def by_images(velocity, acquisition):
    """Without a free surface: the ground mirrored above row 0, and each source with its image."""
    rows = velocity.shape[1] - 1
    mirrored = np.concatenate([velocity[:, :0:-1], velocity], axis=1)

    def from_sources(sign):
        moved = {
            "sources": tuple((x, rows * 10 + sign * z) for x, z in acquisition.sources),
            "receivers": tuple((x, rows * 10 + z) for x, z in acquisition.receivers),
        }
        return simulate(mirrored, dataclasses.replace(acquisition, free_surface=False, **moved))

    return from_sources(1) - from_sources(-1)


# What differs is rounding, here of single precision over 250 steps.
@pytest.mark.parametrize("method", ["ops", "auto"])
@pytest.mark.parametrize("boundary", ["openfwi", "cpml"])
def test_it_is_an_image_source(velocity, boundary, method):
    acquisition = experiment(boundary)
    gathers = simulate(velocity, acquisition, method=method)
    expected = by_images(velocity, acquisition)
    assert np.abs(gathers - expected).max() < 2e-5 * np.abs(expected).max()
    without = simulate(velocity, dataclasses.replace(acquisition, free_surface=False))
    assert np.abs(gathers - without).max() > 0.1 * np.abs(expected).max()


def test_it_changes_the_sign_of_what_it_reflects():
    """Straight below a deep source, the ghost follows the direct wave upside down."""
    acquisition = experiment(
        "cpml", sources=((120.0, 200.0),), receivers=((120.0, 250.0),), nt=450, dt=0.001
    )
    trace = simulate(np.full((1, 30, 24), 2000.0), acquisition)[0, :, 0, 0]
    direct, ghost = trace[:180], trace[180:]  # the ghost comes 400 m = 0.2 s later
    later = np.argmin(ghost) + 180 - np.argmax(direct)
    assert later == pytest.approx(200, abs=5)
    # A line source's amplitude decays with the root of distance: 50 m against 450 m.
    assert ghost.min() / direct.max() == pytest.approx(-1 / 3, rel=0.05)


@pytest.mark.parametrize(("free_surface", "joined"), [(True, False), (False, True)])
def test_bottom_and_surface_are_not_joined(free_surface, joined):
    """The damping layer joins opposite edges, as OpenFWI does, but not across a free surface."""
    field = np.zeros((1, 1, 8, 6), np.float32)
    field[:, :, -1] = 1
    coefficients = [np.ones_like(field), np.zeros_like(field)]
    (after, _), _ = BOUNDARIES["openfwi"].step((field, 0 * field), coefficients, free_surface)
    assert np.any(keras.ops.convert_to_numpy(after)[:, :, :2]) == joined


@pytest.mark.parametrize("kind", ["sources", "receivers"])
def test_positions_on_it_are_refused(kind):
    message = f"{kind} at depth 0, where a free surface holds the pressure at zero; .* 10 m or deep"
    with pytest.raises(ValueError, match=message):
        experiment("cpml", **{kind: ((30.0, 0.0), (170.0, 60.0))})
