"""Denoising a user's sections and files."""

import keras
import numpy as np
import pytest

import keras_seismic as ks
from tests.segy_files import headers_of, write_segy, write_su


@pytest.fixture(scope="module")
def model():
    network = ks.models.ConvDenoiser(num_filters=2, num_blocks=1)
    return ks.models.with_physical_units(
        network, ks.layers.SectionNormalization("percentile", 99.0)
    )


@pytest.fixture
def section(rng):
    """A weak and a strong half, a muted triangle and a dead trace."""
    x = rng.uniform(-1, 1, (120, 90)).astype("float32")
    x[60:] *= 1e4
    for trace in range(40):
        x[: 40 - trace, trace] = 0
    x[-5:, 7] = 0
    x[:, 60] = 0
    return x


def test_a_model_in_physical_units_normalizes_the_section_as_a_whole(model, section):
    whole = keras.ops.convert_to_numpy(model(section[None, ..., None]))[0, ..., 0]
    windowed = ks.inference.denoise(section, model, 64, 32, keep_mute=False)
    difference = np.abs(windowed - whole)
    assert difference.max() < 0.02 * np.abs(whole).max()
    assert difference[:28, :28].max() <= 1e-6 * np.abs(whole).max()
    assert windowed.dtype == np.float32


def test_mute_and_dead_traces_stay(section):
    result = ks.inference.denoise(section, lambda x: x + 1, 32)
    muted = np.zeros(section.shape, bool)
    for trace in range(40):
        muted[: 40 - trace, trace] = True
    muted[-5:, 7] = muted[:, 60] = True
    assert (result[muted] == 0).all()
    np.testing.assert_allclose(result[~muted], section[~muted] + 1, rtol=1e-6, atol=1e-6)
    filled = ks.inference.denoise(section, lambda x: x + 1, 32, keep_mute=False)
    np.testing.assert_allclose(filled, section + 1, rtol=1e-6, atol=1e-6)


def test_peaks_are_clipped_or_kept(section):
    raw = keras.Input((None, None, 1), name="section")
    identity = keras.Model(raw, keras.layers.Activation("linear", name="clean_section")(raw))
    model = ks.models.with_physical_units(
        identity, ks.layers.SectionNormalization("percentile", 99.0)
    )
    clipped = ks.inference.denoise(section, model)
    kept = ks.inference.denoise(section, model, keep_peaks=True)
    peak = np.abs(section).max()
    limit = np.percentile(np.abs(section[section != 0]), 99)
    np.testing.assert_allclose(clipped, np.clip(section, -limit, limit), atol=1e-6 * peak)
    np.testing.assert_allclose(kept, section, atol=1e-6 * peak)
    with pytest.raises(ValueError, match="keep_peaks needs a Keras model in physical units"):
        ks.inference.denoise(section, lambda x: x, keep_peaks=True)


def test_models_from_gathers_to_velocity_are_refused(tmp_path):
    network = ks.models.InversionNet((64, 8, 1), (16, 16), filters=1)
    inversion = ks.models.with_physical_units(
        network, ks.layers.GatherNormalization(-27, 53), ks.layers.VelocityScaling(1500, 4500)
    )
    with pytest.raises(ValueError, match="expected a denoiser"):
        ks.inference.denoise(np.ones((9, 9)), inversion)
    inversion.save(tmp_path / "inversion.keras")
    with pytest.raises(ValueError, match=r"inversion\.keras: expected a denoiser"):
        ks.denoise(np.ones((9, 9)), tmp_path / "inversion.keras")
    ks.models.ConvDenoiser(2, 1).save(tmp_path / "best.keras")
    onnx = ks.exporting.export_onnx(ks.models.ConvDenoiser(2, 1), tmp_path / "best.onnx")
    for bare in (tmp_path / "best.keras", onnx, ks.models.ConvDenoiser(2, 1)):
        with pytest.raises(ValueError, match=r"received a ConvDenoiser, which works in \[-1, 1\]"):
            ks.denoise(np.ones((9, 9)), bare)


@pytest.mark.parametrize("suffix", [".segy", ".su", ".npy"])
def test_a_file_is_denoised_in_its_own_format(model, section, tmp_path, suffix):
    path, out = tmp_path / f"line{suffix}", tmp_path / f"clean{suffix}"
    if suffix == ".npy":
        np.save(path, section)
    else:
        (write_su if suffix == ".su" else write_segy)(path, section.T)
    read, denoised = ks.inference.denoise_file(path, out, model, window=50)
    np.testing.assert_array_equal(denoised, ks.inference.denoise(read.amplitude, model, 50))
    written = ks.io.read_section(out).amplitude
    np.testing.assert_allclose(written, denoised, rtol=2e-6)
    if suffix != ".npy":
        start, size = (0 if suffix == ".su" else 3600), 240 + 4 * 120
        before, after = path.read_bytes(), out.read_bytes()
        assert headers_of(before, start, size) == headers_of(after, start, size)


def test_a_cube_is_denoised_line_by_line(model, section, tmp_path):
    cube = np.stack([section, 2 * section[::-1], section[:, ::-1]], axis=2)
    np.save(tmp_path / "cube.npy", cube)
    middle, _ = ks.inference.denoise_file(tmp_path / "cube.npy", tmp_path / "clean.npy", model)
    np.testing.assert_array_equal(middle.amplitude, cube[..., 1])
    clean = np.load(tmp_path / "clean.npy", allow_pickle=False)
    for line in range(3):
        expected = ks.inference.denoise(cube[..., line], model)
        np.testing.assert_array_equal(clean[..., line], expected)
    ks.inference.denoise_file(tmp_path / "cube.npy", tmp_path / "one.npy", model, line=2)
    one = np.load(tmp_path / "one.npy", allow_pickle=False)
    np.testing.assert_array_equal(one, clean[..., 2])
    with pytest.raises(ValueError, match=r"is a cube \(120, 90, 3\) without headers"):
        ks.inference.denoise_file(tmp_path / "cube.npy", tmp_path / "clean.segy", model)


def test_a_cube_is_checked_before_any_work(section, tmp_path):
    def never(windows):
        raise AssertionError("work was begun")

    cube = np.stack([section, section, section], axis=2)
    cube[100, 5, 2] = np.nan
    np.save(tmp_path / "cube.npy", cube)
    with pytest.raises(ValueError, match=r"cube\.npy: line 2: 1 of 10800 .* index \(100, 5\)"):
        ks.inference.denoise_file(tmp_path / "cube.npy", tmp_path / "clean.npy", never)
    np.save(tmp_path / "cube.npy", np.zeros((9, 8, 2)))
    with pytest.raises(ValueError, match=r"cube\.npy: every sample is zero"):
        ks.inference.denoise_file(tmp_path / "cube.npy", tmp_path / "clean.npy", never)
    assert not (tmp_path / "clean.npy").exists()


def test_dead_lines_of_a_cube_stay(section, tmp_path):
    dead = np.zeros_like(section)
    np.save(tmp_path / "cube.npy", np.stack([dead, section, dead, dead], axis=2, dtype="f8"))
    read, denoised = ks.inference.denoise_file(
        tmp_path / "cube.npy", tmp_path / "clean.npy", lambda x: x + 1, keep_mute=False
    )
    clean = np.load(tmp_path / "clean.npy", allow_pickle=False)
    assert not clean[..., [0, 2, 3]].any()
    np.testing.assert_allclose(clean[..., 1], section + 1, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(denoised, clean[..., 1])
    np.testing.assert_array_equal(read.amplitude, section)


def test_nothing_is_overwritten_or_half_done(section, tmp_path):
    line = write_segy(tmp_path / "line.segy", section.T)
    before = line.read_bytes()
    (tmp_path / "there.segy").write_bytes(b"precious")
    (tmp_path / "link.segy").symlink_to(line)

    def never(windows):
        raise AssertionError("work was begun")

    for target, overwrite, error, message in (
        ("there.segy", False, FileExistsError, "exists already"),
        ("line.segy", True, FileExistsError, "is the input file"),
        ("link.segy", True, FileExistsError, "is the input file"),
        ("nowhere/out.segy", False, FileNotFoundError, "no such folder"),
        ("out.txt", False, ValueError, r"expected a \.segy"),
        ("out.su", False, ValueError, "SU needs the headers"),
    ):
        with pytest.raises(error, match=message):
            ks.inference.denoise_file(line, tmp_path / target, never, overwrite=overwrite)
    with pytest.raises(FileNotFoundError, match=r"absent\.segy: no such file"):
        ks.inference.denoise_file(tmp_path / "absent.segy", tmp_path / "out.segy", never)
    assert (tmp_path / "there.segy").read_bytes() == b"precious"
    assert line.read_bytes() == before
    ks.inference.denoise_file(line, tmp_path / "there.segy", lambda x: x, overwrite=True)
    assert len((tmp_path / "there.segy").read_bytes()) == len(before)


def test_field_sections_are_denoised_and_written_back(model, tmp_path, data_folder):
    """The line keeps its headers; the section of six orders of magnitude stays finite."""
    line = data_folder / "field_line_namss_88-22-V.segy"
    ks.inference.denoise_file(line, tmp_path / "line.segy", model, progress=False)
    before, after = line.read_bytes(), (tmp_path / "line.segy").read_bytes()
    size = 240 + 4 * 2001
    assert headers_of(before, 3600, size) == headers_of(after, 3600, size)
    assert before != after
    for name, shape in (("field_stack_salt", (800, 1000)), ("field_stack_3d", (300, 100, 10))):
        out = tmp_path / f"{name}.npy"
        ks.inference.denoise_file(data_folder / f"{name}.npy", out, model, progress=False)
        written = np.load(out, allow_pickle=False)
        assert written.shape == shape
        assert np.isfinite(written).all()
