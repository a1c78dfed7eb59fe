"""``keras-seismic predict``: gathers to velocity, sections to clean ones."""

import importlib
import json
from types import SimpleNamespace

import numpy as np
import pytest

import keras_seismic as ks
from tests.command import keras_seismic
from tests.segy_files import write_line, write_segy, write_volume
from tests.small_models import small_inversion

presets = importlib.import_module("keras_seismic.models.presets")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with inversion.keras and denoiser.keras."""
    folder = tmp_path_factory.mktemp("models")
    small_inversion().model.save(folder / "inversion.keras")
    denoiser = ks.models.with_physical_units(
        ks.models.ConvDenoiser(2, 1), ks.layers.SectionNormalization("percentile", 99.0)
    )
    denoiser.save(folder / "denoiser.keras")
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_gathers_become_velocity(models, here, capsys):
    gathers = small_inversion().gathers[:2]
    np.save("gathers.npy", gathers)
    model = models / "inversion.keras"
    arguments = ["predict", "gathers.npy", "velocity.npy", "--model", model]
    keras_seismic(*arguments, "--figure", "velocity.png")
    expected = np.asarray(small_inversion().model(gathers))[..., 0]
    written = np.load("velocity.npy", allow_pickle=False)
    np.testing.assert_allclose(written, expected, atol=0.1)
    assert json.loads((here / "velocity.json").read_text())["model"] == str(model)
    assert (here / "velocity.png").read_bytes().startswith(b"\x89PNG")
    assert "written: velocity.npy, (2, 70, 70)" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="exists already; pass --overwrite to replace it"):
        keras_seismic(*arguments)


def test_sections_become_clean(models, here, capsys, rng):
    section = rng.uniform(-1e4, 1e4, (120, 90)).astype("float32")
    section[:20] = 0
    write_segy(here / "line.segy", section.T, code=3)
    model = models / "denoiser.keras"
    arguments = ["predict", "line.segy", "clean.segy", "--model", model]
    keras_seismic(*arguments, "--figure", "clean.png", "--window", "64", "40")
    read = ks.io.read_section("line.segy")
    expected = ks.denoise(read, model, window=(64, 40))
    np.testing.assert_array_equal(ks.io.read_section("clean.segy").amplitude, np.rint(expected))
    assert (here / "clean.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "written: clean.segy" in printed
    assert "figure: clean.png" in printed
    with pytest.raises(SystemExit, match=r"clean\.segy: exists already"):
        keras_seismic(*arguments)
    keras_seismic(*arguments, "--overwrite", "--overlap", "0", "0", "--fill-mute")
    assert ks.io.read_section("clean.segy").amplitude[:20].any()
    with pytest.raises(SystemExit, match="integers"):
        keras_seismic(*arguments, "--overwrite", "--integers", "refuse")


def test_a_model_without_a_card_is_taken_for_a_denoiser(models, here, capsys):
    denoiser = ks.inference.load_model(models / "denoiser.keras")
    version = ks.exporting.export_saved_model(denoiser, here / "exported")
    np.save("section.npy", ks.simulation.sample_sections(1, 3)[0])
    arguments = ["predict", "section.npy", "clean.npy", "--overwrite", "--model"]
    keras_seismic(*arguments, version)
    clean = np.load("clean.npy", allow_pickle=False)
    assert "no model card" not in capsys.readouterr().out
    for name in ("model_card.json", "SHA256SUMS"):
        (version / "assets.extra" / name).unlink()
    keras_seismic(*arguments, version)
    assert "has no model card; it is taken for a denoiser" in capsys.readouterr().out
    np.testing.assert_array_equal(np.load("clean.npy", allow_pickle=False), clean)
    with pytest.raises(SystemExit, match="no such model"):
        keras_seismic(*arguments, "absent")
    with pytest.raises(SystemExit, match=r"folder of versions \(1\); name one of them"):
        keras_seismic(*arguments, version.parent)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--figure", "gathers.npy", "--overwrite"], "written as .png"),
        (["--figure", "there.png"], "exists already"),
        (["--figure", "nowhere/x.png"], "no such folder"),
        (["--keep-peaks"], "--keep-peaks: does nothing for a model that predicts"),
        (["--window", "9", "9"], "--window: does nothing"),
        (["--origin", "3"], "for pre-stack lines only"),
        (["--irregular", "zero"], "irregular: for pre-stack lines only"),
    ],
)
def test_what_would_fail_is_refused_before_the_work(models, here, options, message):
    np.save("gathers.npy", small_inversion().gathers[:1])
    (here / "there.png").write_text("precious")
    with pytest.raises(SystemExit, match=message):
        keras_seismic(
            *("predict", "gathers.npy", "velocity.npy", "--model", models / "inversion.keras"),
            *options,
        )
    assert not (here / "velocity.npy").exists()
    assert (here / "there.png").read_text() == "precious"


def test_a_volume_along_crosslines(models, here, capsys, rng):
    cube = rng.standard_normal((4, 6, 50)).astype("float32")
    write_volume(here / "volume.segy", cube)
    arguments = ["predict", "volume.segy", "clean.segy", "--model", models / "denoiser.keras"]
    keras_seismic(
        *arguments, "--along", "crossline", "--crossline-word", "193", "--figure", "x.png"
    )
    assert "% of the RMS amplitude, " in capsys.readouterr().out
    assert (here / "x.png").read_bytes().startswith(b"\x89PNG")
    clean = ks.io.read_section("clean.segy").amplitude.T.reshape(cube.shape)
    for crossline in range(6):
        expected = ks.denoise(cube[:, crossline].T, models / "denoiser.keras")
        np.testing.assert_array_equal(clean[:, crossline], expected.T)
    with pytest.raises(SystemExit, match="'Nowhere'"):
        keras_seismic(*arguments, "--overwrite", "--inline-word", "Nowhere")
    with pytest.raises(SystemExit, match=r"geometry|field record|FieldRecord"):
        keras_seismic(*arguments, "--overwrite", "--geometry", "gathers")


def test_gathers_without_the_preset(here, tiny_preset):
    (presets.FOLDER / f"{tiny_preset}.json").unlink()
    np.save("gathers.npy", small_inversion().gathers[:1])
    message = f"this installation has no preset {tiny_preset}; name a model, or train one with"
    for option in ((), ("--calibrate",)):
        with pytest.raises(SystemExit, match=message):
            keras_seismic("predict", "gathers.npy", "velocity.npy", *option)


def test_gathers_without_a_model(here, tiny_preset, capsys):
    """In either layout, one or many, as the preset predicts."""
    gathers = small_inversion().gathers[:2]
    expected = ks.invert(gathers)
    assert expected.std() > 100
    for given, wanted in (
        (gathers, expected),
        (np.moveaxis(gathers, -1, 1), expected[:, None]),
        (gathers[1], expected[1]),
        (np.moveaxis(gathers[1], -1, 0), expected[1]),
    ):
        np.save("gathers.npy", given)
        keras_seismic("predict", "gathers.npy", "velocity.npy", "--overwrite")
        np.testing.assert_allclose(np.load("velocity.npy", allow_pickle=False), wanted, atol=0.1)
    assert json.loads((here / "velocity.json").read_text())["model"] == tiny_preset
    keras_seismic("predict", "gathers.npy", "velocity.npy", "--overwrite", "--spread", "spread.npy")
    assert np.load("spread.npy", allow_pickle=False).min() > 0
    with pytest.raises(SystemExit, match="--window: does nothing for a model that predicts a vel"):
        keras_seismic("predict", "gathers.npy", "v.npy", "--calibrate", "--window", "64", "64")


def test_gathers_of_another_geometry_are_told_what_to_do(here, tiny_preset):
    np.save("gathers.npy", small_inversion().gathers[:1, :, :9])
    with pytest.raises(SystemExit, match=r"takes gathers .*\(128, 18, 2\).*read_shot.*fine-tune"):
        keras_seismic("predict", "gathers.npy", "velocity.npy")
    cube = np.random.default_rng(0).standard_normal((40, 3, 5)).astype("float32")
    np.save("cube.npy", cube)  # (time, inline, crossline): to be denoised, as before
    keras_seismic("predict", "cube.npy", "clean.npy")
    assert np.load("clean.npy", allow_pickle=False).shape == cube.shape


def test_lines_without_a_model(here, tiny_preset, capsys):
    """A pre-stack line becomes velocity where .npy is asked for, a section never does."""
    small = small_inversion()
    sources, receivers = (
        np.array(places)[:, 0]
        for places in (small.acquisition.sources, small.acquisition.receivers)
    )
    write_line(here / "line.segy", small.gathers[0], sources, receivers)
    keras_seismic("predict", "line.segy", "velocity.npy")
    line = ks.gathers.read_shot_gathers("line.segy")
    written = np.load("velocity.npy", allow_pickle=False)
    np.testing.assert_allclose(written, ks.invert(line).velocity, atol=0.1)
    np.testing.assert_allclose(written, ks.invert(small.gathers[0]), atol=2.0)
    keras_seismic("predict", "line.segy", "clean.segy")
    keras_seismic("predict", "line.segy", "clean.npy", "--geometry", "line")
    assert np.load("clean.npy", allow_pickle=False).shape == (128, 36)
    write_line(here / "short.segy", small.gathers[0][:, :9], sources, receivers[:9])
    with pytest.raises(SystemExit, match=r"not hold the acquisition.*for another acq.*-unet"):
        keras_seismic("predict", "short.segy", "v.npy")
    write_segy(here / "section.segy", small.gathers[0, :, :, 0].T)
    keras_seismic("predict", "section.segy", "section.npy")
    assert np.load("section.npy", allow_pickle=False).shape == (128, 18)
    assert capsys.readouterr().out.count("of the RMS amplitude") == 3


def test_the_preset_refined(here, tiny_preset, monkeypatch):
    """Waveform inversion starts from what it answers."""
    starts = []

    def quick(gathers, acquisition, start, **options):
        starts.append(start)
        return SimpleNamespace(velocity=start + 7)

    refinement = importlib.import_module("keras_seismic.inversion.refinement")
    monkeypatch.setattr(refinement, "full_waveform", quick)
    gathers = small_inversion().gathers[:2]
    np.save("gathers.npy", gathers)
    keras_seismic("predict", "gathers.npy", "velocity.npy", "--refine")
    expected = np.clip(ks.invert(gathers), 1500.0, 4500.0)
    np.testing.assert_allclose(starts, expected, atol=0.1)
    written = np.load("velocity.npy", allow_pickle=False)
    np.testing.assert_allclose(written, expected + 7, atol=0.1)
    assert json.loads((here / "velocity.json").read_text())["model"] == f"{tiny_preset}, refined"


def test_a_store_on_beam(here, rng):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("apache_beam")
    cube = rng.standard_normal((3, 20, 40)).astype("float32")
    volume = xarray.Dataset({"amplitude": (("inline", "crossline", "time"), cube)})
    volume.to_zarr("volume.zarr", zarr_format=3, consolidated=False)
    denoiser = ks.models.with_physical_units(
        ks.models.ConvDenoiser(2, 1), ks.layers.SectionNormalization("percentile", 99.0)
    )
    denoiser.save("denoiser.keras")
    arguments = ["predict", "volume.zarr", "clean.zarr", "--model", "denoiser.keras"]
    keras_seismic(*arguments, "--beam", "--direct_num_workers=1")
    clean = xarray.open_zarr("clean.zarr", chunks=None, consolidated=False).amplitude.values
    expected = [ks.denoise(line.T, denoiser).T for line in cube]
    np.testing.assert_allclose(clean, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(SystemExit, match="--figure: does nothing with --beam"):
        keras_seismic(*arguments, "--beam", "", "--figure", "x.png")
