"""Small pairs on disk, which every training program can learn from in seconds."""

import numpy as np
import pytest

import keras_seismic as ks

#: 70 x 70 cells, 2 shots, 70 receivers, 128 samples.
ACQUISITION = ks.simulation.Acquisition.surface(
    width=70, dx=10.0, dt=0.001, nt=128, peak_frequency=15.0, shots=2, boundary="cpml"
)


@pytest.fixture(scope="module", autouse=True)
def float32():
    """By default, whatever the processor is quick in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_seismic.training.precision._processor_flags", set)
        yield


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    """A folder of OpenFWI's layout with 20 pairs, of which two are held out."""
    parent = tmp_path_factory.mktemp("small")
    pairs = ks.datasets.SimulatedPairs("flatvel_a", 20, ACQUISITION, 0, parent / "cache")
    folder = parent / "FlatVel_A"
    ks.datasets.write_openfwi(folder, pairs.prepare(progress=False), progress=False)
    return folder


@pytest.fixture(scope="session")
def mat_data(tmp_path_factory):
    """A folder of FCNVMB's .mat files with 12 pairs of random numbers."""
    reason = "needs scipy: pip install 'keras_seismic[mat]'"
    savemat = pytest.importorskip("scipy.io", reason=reason).savemat
    folder = tmp_path_factory.mktemp("mat")
    random = np.random.default_rng(0)
    velocity = np.sort(random.uniform(2000, 4500, (12, 40, 40)), axis=1)
    for i, model in enumerate(velocity, start=1):
        savemat(folder / f"georec{i}.mat", {"Rec": random.standard_normal((200, 40, 2))})
        savemat(folder / f"vmodel{i}.mat", {"vmodel": model})
    return folder


@pytest.fixture(scope="module")
def eagerly(small_data):
    """Without tracing, which takes longer than all these trainings (but not the simulation)."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def files():
    def paths(folder):
        return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}

    return paths
