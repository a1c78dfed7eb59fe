"""Trained networks in the package."""

import json
import shutil

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.models import presets
from keras_seismic.models.presets import FOLDER, read_preset
from tests.small_models import small_time_depth


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
    for family in _families_in(card["command"]):
        assert 0 < card["metrics"][f"{family}_mae_m_s"] < 1000
    assert (FOLDER / f"{name}.npz").stat().st_size <= 6e6
    model = ks.load_preset(name)
    assert model.count_params() == card["parameters"]
    assert type(model.network).__name__ == card["network"]
    network = type(model.network).from_preset(name)
    for ours, theirs in zip(network.get_weights(), model.network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def _families_in(command):
    """Those that a network for several was trained on, which has scores for each."""
    return ks.simulation.OPENFWI_FAMILIES if "--family openfwi" in command else ()


def test_all_presets_fit_into_the_wheel():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 20e6


def test_half_precision_is_precise_enough(tmp_path, rng):
    network = ks.models.BlindDenoiser((4, 6))
    model = ks.models.with_physical_units(network, ks.layers.SectionNormalization("rms"))
    ks.exporting.export_preset(model, tmp_path / "own.json", {"summary": "own"})
    section = rng.standard_normal((1, 40, 30, 1)).astype("float32")
    read = read_preset(tmp_path / "own.json")
    np.testing.assert_allclose(read(section), model(section), atol=2e-3)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.99])
def test_a_changed_byte_is_refused(copied, place):
    """Of the weights or, but for its layout, of the card; with what to do."""
    weights = copied.with_suffix(".npz").read_bytes()
    content = bytearray(weights)
    content[int(place * len(content))] ^= 1
    copied.with_suffix(".npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"expected the weights of SHA-256 .* install keras_seis"):
        read_preset(copied)
    copied.with_suffix(".npz").write_bytes(weights)
    text = copied.read_text()
    digit = next(i for i in range(int(place * len(text)), len(text)) if text[i].isalnum())
    copied.write_text(text[:digit] + chr(ord(text[digit]) ^ 1) + text[digit + 1 :])
    with pytest.raises(ValueError, match=r"install keras_seismic again|upgrade keras_seismic"):
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


def test_a_network_of_a_preset(tiny_preset):
    network = ks.models.TimeDepthUNet.from_preset(tiny_preset)
    for ours, theirs in zip(
        network.get_weights(), small_time_depth().model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs.astype("float16"))


def test_weights_beyond_half_precision_are_refused(tmp_path):
    model = small_time_depth().model
    loud = ks.models.with_physical_units(
        ks.models.TimeDepthUNet.from_config(model.network.get_config()),
        model.input_normalization,
        model.output_scaling,
        model.acquisition,
    )
    loud.set_weights([1e6 * weight for weight in model.get_weights()])
    with pytest.raises(ValueError, match=r"own\.npz: weights .* in half precision: .* not finite"):
        ks.exporting.export_preset(loud, tmp_path / "own.json", {"summary": "own"})
    assert not list(tmp_path.iterdir())


def test_a_preset_of_another_network_is_refused():
    with pytest.raises(ValueError, match=r"ks\.models\.BlindDenoiser\.from_preset"):
        ks.models.InversionNet.from_preset("blind_denoiser")


def test_cards_cannot_be_changed():
    with pytest.raises(TypeError):
        presets()["blind_denoiser"]["license"] = "none"
