"""What several tests of the inspection look at."""

import numpy as np
import pytest

import keras_seismic as ks


@pytest.fixture(scope="session")
def section():
    """Reflections of random geology with some gain, (256, 140)."""
    clean = 1e4 * ks.simulation.sample_sections(1, 3, "curvefault_b")[0]
    return ks.noise.add_white_noise(clean, 40.0)  # no two traces are equal


@pytest.fixture(scope="session")
def small_section():
    """White noise differentiated twice, (200, 30): no two traces are equal."""
    return np.diff(np.random.default_rng(0).standard_normal((202, 30)), n=2, axis=0).astype("f4")


@pytest.fixture
def inspected(tmp_path):
    """Save an array under a name and inspect it."""

    def inspect(array, name="unknown.npy", **options):
        np.save(tmp_path / name, array)
        report = ks.inspection.inspect(tmp_path / name, **options)
        assert report.readable, report.problem
        (only,) = report.arrays
        return only

    return inspect
