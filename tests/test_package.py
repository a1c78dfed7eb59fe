"""The package as a whole: what importing it costs, and other backends."""

import configparser
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import numpy as np
import pytest

import keras_seismic as ks

OPTIONAL = (
    *("matplotlib", "tensorflow_datasets", "tf2onnx", "scipy", "segyio", "onnx", "torch"),
    *("h5py", "apache_beam", "grpc", "tensorflow_serving", "ai_edge_litert", "typer", "jax"),
)


def run(code, **environment):
    """Run code in a fresh interpreter; returns what it printed."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def public_packages():
    """``keras_seismic`` and every package in it that a user can name."""
    found = pkgutil.walk_packages(ks.__path__, "keras_seismic.")
    names = [module.name for module in found if module.ispkg and "._" not in module.name]
    return ["keras_seismic", *(n for n in names if not n.startswith("keras_seismic.cli"))]


@pytest.mark.parametrize("name", public_packages())
def test_a_package_shows_what_it_promises_and_nothing_else(name):
    """No ``ks.metrics.np``: what is public stands in ``__all__``; the rest are its own modules."""
    package = importlib.import_module(name)
    promised = getattr(package, "__all__", [])
    assert len(set(promised)) == len(promised)
    assert [n for n in promised if not hasattr(package, n)] == []
    own = {module.name for module in pkgutil.iter_modules(package.__path__)}
    public = {n for n in vars(package) if not n.startswith("_")} - {"TYPE_CHECKING"}
    assert public - own - set(promised) == set()


def test_every_room_is_a_package():
    rooms = [n for n in ks.__all__ if isinstance(getattr(ks, n), types.ModuleType)]
    assert [n for n in rooms if not hasattr(getattr(ks, n), "__path__")] == []
    assert [n for n in rooms if not hasattr(getattr(ks, n), "__all__")] == []


def test_every_extra_that_is_named_exists():
    repository = Path(__file__).parent.parent
    setup = configparser.ConfigParser()
    setup.read(repository / "setup.cfg")
    named = set()
    for folder, suffix in (("keras_seismic", "py"), ("tests", "py"), ("docs", "md"), (".", "md")):
        pattern = f"*.{suffix}" if folder == "." else f"**/*.{suffix}"
        for path in (repository / folder).glob(pattern):
            found = re.findall(r"(?:keras_seismic|'\.)\[([a-z,]+)\]", path.read_text())
            named |= {extra for extras in found for extra in extras.split(",")}
    assert {"onnx", "serving"} <= named <= set(setup["options.extras_require"])


def test_importing_pulls_in_nothing_optional():
    loaded = run(
        f"""
        import sys, keras
        before = set(sys.modules)
        import keras_seismic
        print([m for m in {OPTIONAL} if m in sys.modules and m not in before])
        """
    )
    assert loaded.strip() == "[]"


JAX_WITHOUT_TENSORFLOW = """
    import dataclasses
    import sys

    class Blocked:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == "tensorflow":
                raise ImportError("tensorflow is blocked in this test")

    sys.meta_path.insert(0, Blocked())
    import numpy as np
    import keras
    import keras_seismic as ks

    acquisition = ks.simulation.Acquisition.surface(
        width=70, dx=10.0, dt=0.001, nt=64, peak_frequency=15.0, shots=1, receiver_step=8,
        boundary="cpml")
    velocity = ks.simulation.sample_velocity("flatvel_a", 4)
    exact = dataclasses.replace(acquisition, boundary="openfwi", boundary_width=0)
    np.save(FOLDER + "/openfwi.npy", ks.simulation.simulate(velocity, exact, batch_size=3))
    gathers = ks.simulation.simulate(velocity, acquisition)
    np.save(FOLDER + "/cpml.npy", gathers)
    normalization = ks.layers.GatherNormalization.openfwi("flatvel_a")
    scaling = ks.layers.VelocityScaling(1500, 4500)
    network = ks.models.InversionNet(acquisition.gather_shape, filters=1)
    network.compile(ks.training.adamw(1e-3, 4), "mae", metrics=[
        ks.metrics.MeanAbsoluteVelocityError(1500), ks.metrics.SSIM(-1, 1),
        ks.metrics.RootMeanSquaredVelocityError(1500)])
    x = keras.ops.convert_to_numpy(normalization(gathers))
    y = keras.ops.convert_to_numpy(scaling.inverse(velocity[..., None]))
    history = network.fit(x, y, batch_size=2, epochs=2, verbose=0).history
    assert np.isfinite(list(history.values())).all(), history
    model = ks.models.with_physical_units(network, normalization, scaling, acquisition)
    model.save(FOLDER + "/model.keras")
    loaded = ks.inference.load_model(FOLDER + "/model.keras")
    np.testing.assert_allclose(loaded(gathers), model(gathers), rtol=1e-5)
    denoiser = ks.models.ConvDenoiser(num_filters=2)
    denoiser.compile("adam", "mse", metrics=[ks.metrics.SignalToNoiseRatio()])
    section = ks.simulation.simulate_section(velocity)[0]
    patches = ks.datasets.NoisyPatches([section], count=8)
    denoiser.fit(*patches[:8], verbose=0)
    identity = ks.sparse.MatrixOperator(np.eye(3))
    data = np.array([3.0, -0.5, -2.0], "float32")
    sparse = ks.sparse.fista(identity, data, 5, weight=1.0, step=1.0)
    np.testing.assert_allclose(sparse, [2, 0, -1])
    assert "tensorflow" not in sys.modules
    print(keras.backend.backend())
"""


def test_jax_does_without_tensorflow_and_simulates_the_same(tmp_path):
    pytest.importorskip("jax", reason="the JAX backend needs jax: pip install 'keras_seismic[jax]'")
    code = f"FOLDER = {str(tmp_path)!r}\n" + textwrap.dedent(JAX_WITHOUT_TENSORFLOW)
    assert run(code, KERAS_BACKEND="jax").split()[-1] == "jax"
    velocity = ks.simulation.sample_velocity("flatvel_a", 4)
    for boundary in ("openfwi", "cpml"):
        acquisition = ks.simulation.Acquisition.surface(
            width=70, dx=10.0, dt=0.001, nt=64, peak_frequency=15.0, shots=1, receiver_step=8,
            boundary=boundary,
        )  # fmt: skip
        expected = ks.simulation.simulate(velocity, acquisition)
        received = np.load(tmp_path / f"{boundary}.npy")
        np.testing.assert_allclose(received, expected, atol=1e-5 * np.abs(expected).max())
