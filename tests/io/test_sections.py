"""Sections from SEG-Y and NumPy files, velocity models and windows."""

import numpy as np
import pytest
import scipy.io
import segyio

import keras_seismic as ks
from tests.segy_files import write_segy


@pytest.mark.parametrize(("code", "tolerance"), [(1, 1e-6), (5, 0)])
@pytest.mark.parametrize("endian", ["big", "little"])
def test_segy_ibm_and_ieee_floats(rng, tmp_path, code, tolerance, endian):
    traces = rng.standard_normal((7, 50)).astype("float32") * 1e4
    traces[2:4] = 0
    section = ks.io.read_section(write_segy(tmp_path / "a.sgy", traces, code=code, endian=endian))
    np.testing.assert_allclose(section.amplitude, traces.T, rtol=tolerance)
    assert section.dt == pytest.approx(0.004)
    assert section.dead_traces.tolist() == [False, False, True, True, False, False, False]


def test_the_field_line(data_folder):
    """Its README: 305 traces of 2001 samples at 4 ms, IBM floats, a triangle of zeros."""
    section = ks.io.read_section(data_folder / "field_line_namss_88-22-V.segy")
    assert section.amplitude.shape == (2001, 305)
    assert section.dt == pytest.approx(0.004)
    assert 0.05 < np.mean(section.amplitude == 0) < 0.2
    with segyio.open(data_folder / "field_line_namss_88-22-V.segy", ignore_geometry=True) as file:
        np.testing.assert_array_equal(section.amplitude[:, 200], file.trace[200])


def test_numpy_sections_and_cubes(rng, tmp_path):
    cube = rng.standard_normal((20, 9, 4))
    np.save(tmp_path / "cube.npy", cube)
    np.save(tmp_path / "section.npy", cube[..., 2])
    section = ks.io.read_section(tmp_path / "section.npy")
    line = ks.io.read_section(tmp_path / "cube.npy", line=2)
    np.testing.assert_array_equal(line.amplitude, section.amplitude)
    assert section.amplitude.dtype == np.float32
    assert section.dt is None
    with pytest.raises(ValueError, match="choose a line"):
        ks.io.read_section(tmp_path / "cube.npy")
    with pytest.raises(ValueError, match="0-3, received 4"):
        ks.io.read_section(tmp_path / "cube.npy", line=4)


def corrupted(path, offset, value):
    content = bytearray(path.read_bytes())
    content[offset : offset + len(value)] = value
    path.write_bytes(content)
    return path


def good(folder):
    return write_segy(folder / "bad.segy", np.ones((3, 20), "float32"))


def text(folder):
    path = folder / "text.segy"
    path.write_text("x y z\n" * 2000)
    return path


def cut(folder, size):
    path = good(folder)
    path.write_bytes(path.read_bytes()[:size])
    return path


def array(folder, content, name="bad.npy"):
    np.save(folder / name, content)
    return folder / name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: f / "absent.segy", "no such file"),
        (text, "expected a SEG-Y file"),
        (lambda f: cut(f, 100), "cannot hold its headers"),
        (lambda f: cut(f, -7), "truncated"),
        (lambda f: cut(f, 3850), "truncated"),
        (lambda f: corrupted(good(f), 3224, b"\x00\x63"), "no sample format code"),
        (lambda f: corrupted(good(f), 3220, b"\x00\x00"), "0 samples"),
        (lambda f: corrupted(good(f), 3220, b"\x00\x15"), "truncated or not a SEG-Y"),
        (lambda f: array(f, np.zeros((4, 4))), "every sample is zero"),
        (lambda f: array(f, np.full((4, 4), np.nan)), "16 of 16 values are not finite"),
        (lambda f: array(f, np.ones(4)), r"received shape \(4,\)"),
        (lambda f: array(f, np.ones((0, 4))), r"received shape \(0, 4\)"),
        (lambda f: array(f, np.ones((4, 4))).rename(f / "bad.dat"), "'.dat'"),
    ],
)
def test_bad_sections(tmp_path, make, message):
    path = make(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        ks.io.read_section(path)
    assert str(path) in str(caught.value)


def test_without_segyio_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = good(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "segyio", None)
    with pytest.raises(ImportError, match=r"pip install 'keras_seismic\[segy\]'"):
        ks.io.read_section(path)


def test_velocity_files(rng, tmp_path):
    velocity = rng.uniform(1500, 4500, (2, 30, 40))
    np.save(tmp_path / "two.npy", velocity)
    np.save(tmp_path / "one.npy", velocity[0])
    assert ks.io.read_velocity(tmp_path / "two.npy").shape == (2, 30, 40)
    np.testing.assert_allclose(ks.io.read_velocity(tmp_path / "one.npy")[0], velocity[0], 1e-6)
    with pytest.raises(ValueError, match="expected velocity"):
        ks.io.read_velocity(array(tmp_path, np.ones(4)))


def test_velocity_of_other_formats(tmp_path, rng):
    velocity = rng.uniform(1500, 4500, (30, 40)).astype(np.float32)
    np.save(tmp_path / "model.npy", velocity)
    scipy.io.savemat(tmp_path / "model.mat", {"vp": velocity})
    write_segy(tmp_path / "model.segy", velocity.T, dt_us=12_500, code=5)
    for name, step in (("model.npy", None), ("model.mat", None), ("model.segy", 12.5)):
        np.testing.assert_array_equal(ks.io.read_velocity(tmp_path / name), velocity[None])
        assert ks.io.read_depth_step(tmp_path / name) == step


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: write_segy(f / "a.segy", np.full((4, 5), 2.0)), "km/s"),
        (lambda f: f / "absent.segy", "no such file"),
        (lambda f: array(f, np.ones(4)).rename(f / "a.txt"), r"expected a \.npy, \.mat, .*'\.txt'"),
        (
            lambda f: (
                scipy.io.savemat(f / "a.mat", {"x": np.ones(3), "vp": np.ones(3)}) or f / "a.mat"
            ),
            r"expected one array, the velocity; the file holds .*'vp'",
        ),
    ],
)
def test_bad_velocity(tmp_path, make, message):
    path = make(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        ks.io.read_velocity(path)
    assert str(path) in str(caught.value)


def test_a_depth_step_in_another_unit_is_refused(tmp_path):
    path = write_segy(tmp_path / "a.segy", np.ones((4, 5)), dt_us=10)
    with pytest.raises(ValueError, match=r"interval of 10, which is 0\.01 m if .* dx in m"):
        ks.io.read_depth_step(path)


def test_velocity_windows_cover_the_model(data_folder):
    velocity = ks.io.read_velocity(data_folder / "marmousi2_vp_10m.npy")[0]
    windows = ks.io.velocity_windows(velocity, (70, 70))
    assert windows.shape == (5 * 19, 70, 70)
    np.testing.assert_array_equal(windows[19 + 2], velocity[70:140, 140:210])
    assert len(ks.io.velocity_windows(velocity, (70, 70), stride=35)) == 9 * 37
    with pytest.raises(ValueError, match="fewer than a window"):
        ks.io.velocity_windows(velocity, (400, 70))
