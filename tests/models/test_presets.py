"""Trained networks in the package."""

import json
import shutil

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.models import presets
from keras_seismic.models.presets import FOLDER, read_preset


@pytest.fixture
def copied(tmp_path):
    """The files of a preset, to be damaged."""
    for suffix in (".json", ".npz"):
        shutil.copy(FOLDER / f"blind_denoiser{suffix}", tmp_path)
    return tmp_path / "blind_denoiser.json"


@pytest.mark.parametrize("name", ks.presets())
def test_every_preset_says_what_it_is(name):
    card = ks.presets()[name]
    for entry in ("summary", "data", "command", "hardware", "metrics", "limits", "license"):
        assert card[entry], entry
    assert (FOLDER / f"{name}.npz").stat().st_size <= 6e6
    model = ks.load_preset(name)
    assert model.count_params() == card["parameters"]
    assert type(model.network).__name__ == card["network"]
    network = type(model.network).from_preset(name)
    for ours, theirs in zip(network.get_weights(), model.network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_all_presets_fit_into_the_wheel():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 20e6


def test_half_precision_is_precise_enough(tmp_path, rng):
    network = ks.models.BlindDenoiser((4, 6))
    model = ks.models.with_physical_units(network, ks.layers.SectionNormalization("rms"))
    ks.exporting.export_preset(model, tmp_path / "own.json", {"summary": "own"})
    section = rng.standard_normal((1, 40, 30, 1)).astype("float32")
    read = read_preset(tmp_path / "own.json")
    np.testing.assert_allclose(read(section), model(section), atol=2e-3)


def test_a_changed_byte_is_refused(copied):
    content = bytearray(copied.with_suffix(".npz").read_bytes())
    content[len(content) // 2] ^= 1
    copied.with_suffix(".npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"blind_denoiser\.npz: expected the weights of SHA-256"):
        read_preset(copied)


def test_a_newer_format_is_refused(copied):
    card = json.loads(copied.read_text())
    copied.write_text(json.dumps(card | {"format": 99}))
    with pytest.raises(ValueError, match=r"of format 1, received 99; upgrade keras_seismic"):
        read_preset(copied)
    copied.write_text("{}")
    with pytest.raises(ValueError, match="expected the card of a preset"):
        read_preset(copied)


@pytest.mark.parametrize("name", ["no_such", "../blind_denoiser", "", 3])
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError, match=r"expected one of .*blind_denoiser"):
        ks.load_preset(name)


def test_a_preset_of_another_network_is_refused():
    with pytest.raises(ValueError, match=r"ks\.models\.BlindDenoiser\.from_preset"):
        ks.models.InversionNet.from_preset("blind_denoiser")


def test_cards_cannot_be_changed():
    with pytest.raises(TypeError):
        presets()["blind_denoiser"]["license"] = "none"
