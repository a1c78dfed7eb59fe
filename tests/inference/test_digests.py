"""Exports changed in any bit are refused, and the runtimes' errors name the file."""

import shutil
import subprocess

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.inference.digests import UNSEALED, check_digest

INPUT = np.random.default_rng(0).uniform(-1, 1, (1, 24, 16, 2)).astype("f4")


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """One tiny model in every format; 24 cells are too few for a model of curved layers."""
    keras.utils.set_random_seed(0)
    given = keras.Input((24, 16, 2), name="shot_gather")
    network = keras.Model(given, keras.layers.Conv2D(1, 3, padding="same", name="velocity")(given))
    acquisition = ks.simulation.Acquisition.surface(
        width=16, dx=10.0, dt=0.001, nt=24, peak_frequency=15.0, shots=2, boundary="cpml"
    )
    model = ks.models.with_physical_units(
        network,
        ks.layers.GatherNormalization(-1, 1),
        ks.layers.VelocityScaling(1500, 9500),
        acquisition,
    )
    assert ks.exporting.example_inputs(model).shape == (2, 24, 16, 2)
    folder = tmp_path_factory.mktemp("exports")
    model.save(folder / "a.keras")
    ks.exporting.export_onnx(model, folder / "a.onnx", INPUT)
    ks.exporting.export_litert(model, folder / "a.tflite", INPUT)
    ks.exporting.export_saved_model(model, folder / "saved", inputs=INPUT)
    return folder


FILES = {
    "a.onnx": "a.onnx",
    "a.tflite": "a.tflite",
    "a.keras": "a.keras",
    "saved/1/saved_model.pb": "saved/1",
    "saved/1/variables/variables.data-00000-of-00001": "saved/1",
    "saved/1/assets.extra/model_card.json": "saved/1",
    "saved/1/assets.extra/SHA256SUMS": "saved/1",
}


@pytest.fixture
def copy(exports, tmp_path):
    return shutil.copytree(exports, tmp_path / "copy")


@pytest.mark.parametrize("file", FILES)
def test_a_changed_bit_is_refused(copy, file):
    path, model = copy / file, copy / FILES[file]
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    if path.suffix == ".keras":  # not in the archive's own words, which say when it was made
        start = whole.index(b"\x89HDF")
        places = rng.integers(start, start + 20_000, 20)
    else:
        places = rng.integers(0, len(whole), 60)
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=rf"{copy}.*(SHA-256|checksum)"):
            ks.inference.load_predictor(model)
        if path.suffix != ".keras":
            with pytest.raises(ValueError, match=str(copy)):
                ks.inference.ModelCard.read(model)
    path.write_bytes(whole)
    assert ks.invert(INPUT, model).shape == (1, 24, 16)


def test_what_is_missing_is_named(copy):
    (copy / "saved/1/variables/variables.index").unlink()
    with pytest.raises(ValueError, match=r"variables\.index: expected SHA-256 .* no such file"):
        check_digest(copy / "saved/1")
    (copy / "saved/1/assets.extra/SHA256SUMS").unlink()
    with pytest.raises(ValueError, match="SHA256SUMS: expected the digests"):
        check_digest(copy / "saved/1")
    (copy / "saved/1/assets.extra/model_card.json").unlink()
    check_digest(copy / "saved/1")  # as a SavedModel from elsewhere
    content = (copy / "a.onnx").read_bytes()
    (copy / "a.onnx").write_bytes(content.replace(b'"sha256"', b'"sha255"'))
    with pytest.raises(ValueError, match=r"a\.onnx: expected a SHA-256 in its card, received none"):
        check_digest(copy / "a.onnx")


def test_the_documented_commands_check_it_elsewhere(exports):
    """Those of docs/trust_loading.md."""
    command = r"""
    digest=$(LC_ALL=C grep -aoPm1 '^  "sha256": "\K[0-9a-f]{64}' "$1")
    LC_ALL=C sed "s/$digest/$(printf '%064d' 0)/" "$1" | sha256sum -c <(echo "$digest  -")
    """
    for name in ("a.onnx", "a.tflite"):
        subprocess.run(["bash", "-c", command, "bash", exports / name], check=True)
        assert ks.inference.ModelCard.read(exports / name).sha256 != UNSEALED
    command = ["sha256sum", "-c", "assets.extra/SHA256SUMS"]
    subprocess.run(command, cwd=exports / "saved/1", check=True)


@pytest.mark.parametrize("name", ["a.onnx", "a.tflite", "saved/1"])
def test_errors_of_the_runtime_name_the_file(exports, name):
    predict = ks.inference.load_predictor(exports / name)
    with pytest.raises(ValueError, match=rf"{exports / name}: cannot be run on an input of shape"):
        predict(np.zeros((1, 5, 5, 5, 5), np.float32))
