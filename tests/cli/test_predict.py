"""``keras-seismic predict``: gathers to velocity, sections to clean ones."""

import json

import numpy as np
import pytest

import keras_seismic as ks
from tests.command import keras_seismic
from tests.segy_files import write_segy, write_volume
from tests.small_models import small_inversion


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


def test_gathers_need_a_model(here):
    np.save("gathers.npy", small_inversion().gathers[:1])
    with pytest.raises(SystemExit, match=r"gathers\.npy: holds gathers.*no velocity preset ships"):
        keras_seismic("predict", "gathers.npy", "velocity.npy")
    with pytest.raises(SystemExit, match="--calibrate: is for gathers, and no velocity preset"):
        keras_seismic("predict", "line.segy", "velocity.npy", "--calibrate")


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
