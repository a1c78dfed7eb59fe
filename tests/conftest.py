"""What tests share: where real data lies, and a fixed state to start from."""

import importlib
import os
import shutil
from pathlib import Path

# Before TensorFlow is imported: its start-up messages bury the tests'.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.inference import gather_inverter
from tests.small_models import small_time_depth

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data_folder():
    """The folder of real data, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("KERAS_SEISMIC_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        pytest.skip(f"no real data in {folder}; set KERAS_SEISMIC_DATA to its folder")
    return folder


@pytest.fixture(autouse=True)
def fixed_state():
    """Every test starts from the same random state, in float32."""
    keras.utils.set_random_seed(0)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture
def untraced():
    """TensorFlow runs step by step: for a few steps, tracing takes longer."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def small_acquisition():
    """A fast experiment over 70 x 70 cells: 2 shots, 18 receivers, 128 samples."""
    return ks.simulation.Acquisition.surface(
        width=70,
        dx=10.0,
        dt=0.001,
        nt=128,
        peak_frequency=15.0,
        shots=2,
        receiver_step=4,
        boundary="cpml",
    )


@pytest.fixture
def tiny_preset(tmp_path, monkeypatch):
    """A small network, with its spread, in the place of the preset that inverts by default."""
    module = importlib.import_module("keras_seismic.models.presets")
    folder = tmp_path / "preset_files"
    folder.mkdir()
    for path in module.FOLDER.glob("blind_denoiser.*"):
        shutil.copy(path, folder)
    model, name = small_time_depth().model, gather_inverter.PRESET
    model = model.around(ks.models.VelocityWithSpread(model.network, filters=2))
    ks.exporting.export_preset(model, folder / f"{name}.json", {"summary": "a small one"})
    monkeypatch.setattr(module, "FOLDER", folder)
    gather_inverter._preset.cache_clear()
    yield name
    gather_inverter._preset.cache_clear()
