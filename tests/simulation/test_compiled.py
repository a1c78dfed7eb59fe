"""The compiled loops: the scheme of ``keras.ops``, whatever window, threads and memory."""

import dataclasses
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from keras_seismic.simulation import Acquisition, compiled, sample_velocity, simulate
from keras_seismic.simulation import experiment as experiment_module
from keras_seismic.simulation.shot import shots_over

CASES = [(b, f) for b in ("openfwi", "cpml") for f in (False, True)]


def experiment(boundary, free_surface=False, **changes):
    arguments = {"width": 31, "dx": 10.0, "dt": 0.001, "nt": 400, "peak_frequency": 15.0}
    arguments |= {"shots": 3, "row": 2, "boundary_width": 11, "free_surface": free_surface}
    return Acquisition.surface(boundary=boundary, **arguments | changes)


@pytest.fixture(scope="module")
def velocity():
    return sample_velocity("curvefault_a", 2, seed=3, shape=(26, 31)).astype(np.float64)


def relative_rms(values, expected):
    return np.sqrt(np.mean((values - expected) ** 2) / np.mean(np.square(expected)))


@pytest.mark.parametrize(("boundary", "free_surface"), CASES)
def test_equals_the_scheme_in_keras_ops(velocity, boundary, free_surface):
    acquisition = experiment(boundary, free_surface)
    expected = simulate(velocity, acquisition, method="ops")
    assert relative_rms(simulate(velocity, acquisition, method="compiled"), expected) < 1e-5


@pytest.mark.parametrize(
    ("boundary", "width"), [("openfwi", 12), ("openfwi", 20), ("cpml", 3), ("cpml", 20)]
)
def test_any_width_of_the_boundary(velocity, boundary, width):
    acquisition = experiment(boundary, boundary_width=width, nt=200)
    expected = simulate(velocity, acquisition, method="ops")
    assert relative_rms(simulate(velocity, acquisition, method="compiled"), expected) < 1e-5


@pytest.mark.parametrize(("boundary", "free_surface"), CASES)
def test_cells_left_out_do_not_matter(boundary, free_surface, monkeypatch):
    """The window leaves out most of a wide model; gathers and gradient do not tell."""
    velocity = np.full((1, 60, 150), 1800.0)
    velocity[:, 40:], velocity[:, 20:30, 90:] = 3200.0, 2600.0
    acquisition = Acquisition.surface(
        width=60, dx=10.0, dt=0.001, nt=350, peak_frequency=15.0, shots=2, row=2,
        boundary=boundary, boundary_width=20, free_surface=free_surface,
    )  # fmt: skip
    made = experiment_module.Experiment.of((60, 150), acquisition, None, None)
    shot = next(shots_over(made, velocity))
    steps = np.minimum(shot.window.last, 349) - np.maximum(shot.window.first, 0)
    assert steps.clip(0).mean() < 0.6 * 350
    found = compiled.linearize(velocity, acquisition)
    gradient = found.pullback(found.gathers).velocity
    monkeypatch.setattr(experiment_module, "_MARGIN", 10_000)
    everywhere = compiled.linearize(velocity, acquisition)
    assert relative_rms(found.gathers, everywhere.gathers) < 5e-6
    expected = everywhere.pullback(everywhere.gathers).velocity
    assert relative_rms(gradient, expected) < 2e-5


@pytest.mark.parametrize("boundary", ["openfwi", "cpml"])
def test_same_bits_whatever_the_threads(velocity, boundary):
    acquisition = experiment(boundary)
    one = compiled.linearize(velocity, acquisition, threads=1)
    for threads in (2, 5):
        many = compiled.linearize(velocity, acquisition, threads=threads)
        np.testing.assert_array_equal(many.gathers, one.gathers)
        np.testing.assert_array_equal(simulate(velocity, acquisition, threads=threads), one.gathers)
        gradient, expected = many.pullback(one.gathers), one.pullback(one.gathers)
        for values, others in zip(gradient, expected, strict=True):
            np.testing.assert_array_equal(values, others)


def test_pullback_can_be_asked_twice(velocity):
    linearization = compiled.linearize(velocity, experiment("cpml"))
    first = linearization.pullback(linearization.gathers)
    second = linearization.pullback(linearization.gathers)
    np.testing.assert_array_equal(first.velocity, second.velocity)


@pytest.mark.parametrize(("boundary", "free_surface"), CASES)
def test_gradient_is_the_derivative(velocity, boundary, free_surface):
    """What is left beyond the first order falls with the square of the step, over three decades.

    The slowest and fastest cells stay, since the boundary holds them constant.
    """
    acquisition = experiment(boundary, free_surface, nt=250)
    low, high = velocity.argmin(), velocity.argmax()
    rng = np.random.default_rng(0)
    shots = len(acquisition.sources)
    point = {"velocity": velocity, "wavelet": acquisition.wavelet, "amplitudes": np.ones(shots)}
    step = {name: rng.standard_normal(x.shape) for name, x in point.items()}
    step["velocity"] *= 60
    step["velocity"].ravel()[[low, high]] = 0
    # Interior steps could hide a wrong edge, whose gradient is that of the boundary too.
    step["velocity"][:, 2:-2, 2:-2] *= 0.3
    for model, change in zip(velocity, step["velocity"], strict=True):
        change[(model == model.min()) | (model == model.max())] = 0
    target = compiled.propagate(1.02 * velocity, acquisition).astype(np.float64)

    def misfit(gathers):
        return 0.5 * np.sum((gathers - target) ** 2)

    here = compiled.linearize(velocity, acquisition)
    gradient = here.pullback(here.gathers - target)._asdict()
    for name in point:
        slope = np.sum(gradient[name] * step[name])
        sizes, left = np.array([1, 0.1, 0.01, 0.001]), []
        for size in sizes:
            moved = {n: x + size * step[n] if n == name else x for n, x in point.items()}
            gathers = compiled.propagate(moved.pop("velocity"), acquisition, **moved).astype(
                np.float64
            )
            left.append(abs(misfit(gathers) - misfit(here.gathers) - size * slope))
        # float32 gathers: a misfit is known to about 1e-5 of itself.
        bound = 3 * left[0] * sizes**2 + 1e-5 * misfit(here.gathers)
        assert (np.array(left) < bound).all(), (name, left)
        assert left[0] > 30 * left[1] > 0


def test_every_shot_its_own_wavelet(velocity):
    acquisition = experiment("cpml")
    wavelets = np.stack([acquisition.wavelet, 2 * acquisition.wavelet, 0 * acquisition.wavelet])
    gathers = compiled.propagate(velocity, acquisition, wavelet=wavelets)
    expected = compiled.propagate(velocity, acquisition)
    np.testing.assert_allclose(gathers[..., 0], expected[..., 0])
    assert relative_rms(gathers[..., 1], 2 * expected[..., 1]) < 1e-5
    assert not gathers[..., 2].any()
    linearization = compiled.linearize(velocity, acquisition, wavelet=wavelets)
    assert linearization.pullback(gathers).wavelet.shape == wavelets.shape


def test_shapes_are_checked(velocity):
    acquisition = experiment("cpml")
    with pytest.raises(ValueError, match=r"wavelet must have the shape \(400,\) or \(3, 400\)"):
        compiled.propagate(velocity, acquisition, wavelet=np.ones(399))
    with pytest.raises(ValueError, match=r"amplitudes must have the shape \(3,\)"):
        compiled.propagate(velocity, acquisition, amplitudes=np.ones(2))
    with pytest.raises(ValueError, match="threads must be at least 1, received 0"):
        simulate(velocity, acquisition, threads=0)
    linearization = compiled.linearize(velocity, acquisition)
    with pytest.raises(ValueError, match=r"the shape of the gathers, \(2, 400, 31, 3\)"):
        linearization.pullback(np.ones((2, 400, 31, 1)))


def test_a_boundary_that_damps_too_much_is_refused(velocity):
    """With 3 cells the gathers were NaN."""
    with pytest.raises(ValueError, match='3 cells are too few for the boundary "openfwi"'):
        simulate(velocity, experiment("openfwi", boundary_width=3))


def test_memory_is_bounded_by_name(velocity):
    acquisition = experiment("openfwi")
    with pytest.raises(ValueError, match=re.escape("more than memory=1000000 bytes")):
        compiled.linearize(velocity, acquisition, memory=1_000_000)


@pytest.mark.slow
def test_same_bits_from_fresh_and_from_stored_code(tmp_path):
    """A process that compiles, one that reads the code from disk, one that does half of each."""
    program = """
import hashlib, sys
import numpy as np
import keras_seismic as ks
velocity = ks.simulation.sample_velocity("flatvel_a", 8, seed=0, shape=(32, 32))
acquisition = ks.simulation.Acquisition.surface(
    32, 10.0, 0.001, 64, 15.0, shots=2, receiver_step=4, boundary="cpml")
gathers = ks.simulation.simulate(velocity, acquisition, progress=False)
print(hashlib.sha256(gathers.tobytes()).hexdigest())
"""

    def printed():
        return subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        ).stdout  # fmt: skip

    compiling, reading = printed(), printed()
    assert [*tmp_path.rglob("forward.forward-*.nbc")]
    for path in tmp_path.rglob("forward.forward-*"):
        path.unlink()
    assert compiling == reading == printed()


def test_numba_is_loaded_when_it_is_used():
    program = """
import sys
import keras_seismic as ks
assert "numba" not in sys.modules
import numpy as np
ks.simulation.simulate(np.full((1, 30, 30), 2000.0), ks.simulation.Acquisition.surface(
    30, 10.0, 0.001, 50, 15.0, boundary="cpml"))
assert "numba" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_numba_the_ops_form_computes(velocity, monkeypatch):
    import importlib.util

    acquisition = dataclasses.replace(experiment("cpml"), nt=60)
    expected = simulate(velocity, acquisition)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *_: None if name == "numba" else found(name)
    )
    gathers = simulate(velocity, acquisition)
    np.testing.assert_array_equal(gathers, simulate(velocity, acquisition, method="ops"))
    assert relative_rms(gathers, expected) < 1e-5
