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


def test_strength_and_noise_level(section):
    """Halfway is the mean of both ends; the level is that of what is removed."""
    clean, level = ks.denoise(section, lambda x: 0.5 * x, return_noise=True)
    np.testing.assert_allclose(clean, 0.5 * section, rtol=1e-6)
    live = section[section != 0]
    assert level == pytest.approx(np.sqrt(np.mean((0.5 * live.astype(float)) ** 2)), rel=1e-5)
    half = ks.denoise(section, lambda x: 0.5 * x, strength=0.5)
    np.testing.assert_allclose(half, 0.75 * section, rtol=1e-6)
    np.testing.assert_array_equal(ks.denoise(section, lambda x: 0 * x, strength=0), section)
    for strength in (-0.1, 1.5, np.nan):
        with pytest.raises(ValueError, match=r"strength must be in \[0, 1\]"):
            ks.denoise(section, lambda x: x, strength=strength)


@pytest.mark.parametrize("shape", [(3, 5), (40, 700), (1100, 30), (16, 512)])
def test_windows_that_fit_cover_the_section(shape, rng):
    section = rng.standard_normal(shape).astype("float32")
    seen = []

    def network(windows):
        seen.append(windows.shape)
        return windows

    np.testing.assert_allclose(ks.denoise(section, network), section, atol=1e-6)
    size = np.prod(seen[0][1:])
    assert max(seen[0][1:3]) <= 512
    assert sum(shape[0] for shape in seen) * size < 1.6 * section.size + 16**2


class TestPreset:
    """What denoises where no model is named."""

    @pytest.fixture(scope="class")
    def clean(self):
        return ks.datasets.normalize_section(ks.simulation.sample_sections(1, 1234)[0])

    @pytest.mark.parametrize("snr", [0, 6])
    def test_it_removes_noise_that_a_filter_tuned_on_the_answer_leaves(self, clean, snr):
        from scipy.ndimage import gaussian_filter

        noisy = ks.noise.add_white_noise(clean, snr, seed=5)

        def after(estimate):
            return 10 * np.log10((clean**2).sum() / ((clean - estimate) ** 2).sum())

        filtered = [
            after(gaussian_filter(noisy, (t, x)))
            for t in (0, 0.5, 0.8, 1.1, 1.5) for x in (0, 0.7, 1.5, 3, 5)
        ]  # fmt: skip
        denoised, level = ks.denoise(noisy, return_noise=True)
        assert after(denoised) > max(filtered) + 1
        assert level == pytest.approx(np.std(noisy - clean), rel=0.1)

    @pytest.mark.parametrize("factor", [1e-6, 1e6, -1])
    def test_units_and_polarity_do_not_matter(self, clean, factor):
        noisy = ks.noise.add_white_noise(clean, 3, seed=5)
        expected = ks.denoise(noisy)
        scaled = ks.denoise(np.float32(factor) * noisy) / factor
        np.testing.assert_allclose(scaled, expected, atol=1e-4 * np.abs(expected).max())

    def test_clean_sections_come_back(self, clean):
        error = ks.denoise(clean) - clean
        assert 10 * np.log10((clean**2).sum() / (error**2).sum()) > 25
