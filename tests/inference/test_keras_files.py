"""Keras files that would take far more memory or time than their size allows."""

import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

import keras_seismic as ks

ACQUISITION = ks.simulation.Acquisition.openfwi().get_config()


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "a.keras"
    given = keras.Input((24, 16, 1), name="shot_gather")
    network = keras.Model(given, keras.layers.Conv2D(1, 3, padding="same", name="velocity")(given))
    layers = ks.layers.GatherNormalization(-1, 1), ks.layers.VelocityScaling(1500, 4500)
    ks.models.with_physical_units(network, *layers).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def configured(entries, **change):
    config = json.loads(entries["config.json"])
    if "filters" in change:
        config["config"]["network"]["config"]["layers"][1]["config"] |= change
    else:
        config["config"] |= change
    return {"config.json": json.dumps(config)}


def weights(**options):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("layers/a/vars/0", (2**28,), "f4", **options)
    return {"model.weights.h5": content.getvalue()}


CASES = {
    "deflated": (lambda e: {"model.weights.h5": bytes(50_000_000)}, "compressed entries"),
    "not stored": (lambda e: weights(), "weights are 1,073,741,824, expected as many bytes"),
    "chunks": (lambda e: weights(chunks=True, compression="gzip"), "stored in chunks"),
    "wide": (lambda e: configured(e, filters=10**9), "parameters are 10,000,000,000, expected as"),
    "nested": (lambda e: {"config.json": "[" * 10**6}, "nested too deeply"),
    "experiment": (
        lambda e: configured(e, acquisition=ACQUISITION | {"nt": 10**12}),
        "the acquisition in it cannot be used: Acquisition: nt must be .*; pass another to",
    ),
    "no weights": (lambda e: {"model.weights.h5": None}, r"expected model\.weights\.h5 in"),
}


@pytest.mark.parametrize("case", CASES)
def test_bombs(entries, tmp_path, case):
    change, message = CASES[case]
    path = tmp_path / "a.keras"
    method = zipfile.ZIP_DEFLATED if case == "deflated" else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in (entries | change(entries)).items():
            if content is not None:
                archive.writestr(name, content)
    assert path.stat().st_size < 2_000_000
    with pytest.raises(ValueError, match=rf"{path}: .*{message}"):
        ks.inference.load_model(path)


def test_a_path_is_no_gathers_and_files_are_named(entries, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    model = ks.inference.load_model(tmp_path / "a.keras")
    with pytest.raises(ValueError, match=r"the path line\.segy; pass what ks\.gathers\.read_shot"):
        ks.invert("line.segy", model)
    whole = np.ones((1, 24, 16, 1))
    for array, message in ((np.ones((2, 3, 4)), "takes gathers"), (whole > 0, "of real numbers")):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(ValueError, match=rf"a\.npy: .*{message}"):
            ks.inference.invert_file(model, tmp_path / "a.npy", tmp_path / "b.npy")
    np.save(tmp_path / "a.npy", whole)
    with pytest.raises(ValueError, match=r"calibration needs; pass acquisition= to with_physical"):
        ks.inference.invert_file(model, tmp_path / "a.npy", tmp_path / "b.npy", calibrate=True)
