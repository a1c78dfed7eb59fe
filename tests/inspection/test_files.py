"""Which files an inspection can open, what it says of their headers, and of those it cannot use."""

import h5py
import keras
import numpy as np
import pytest
import scipy.io
import segyio

import keras_seismic as ks
from tests.inspection.odd_files import hdf5
from tests.segy_files import write_segy, write_su


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(
    ("code", "name", "tolerance"), [(1, "IBM floats", 1e-6), (5, "IEEE floats", 0)]
)
def test_segy_samples_are_segyios(small_section, tmp_path, code, name, tolerance, endian):
    path = write_segy(tmp_path / "a.sgy", small_section.T * 1e4, code=code, endian=endian)
    report = ks.inspection.inspect(path)
    (array,) = report.arrays
    assert f"{name} (format {code}), {endian}-endian" in report.format
    assert report.facts["text header"] == "A LINE TO TEST WITH"
    np.testing.assert_allclose(array.panels[0], small_section * 1e4, rtol=tolerance)
    with segyio.open(path, ignore_geometry=True, endian=endian) as file:
        np.testing.assert_array_equal(array.panels[0].T, file.trace.raw[:])
    assert (array.dt, array.dt_source) == (pytest.approx(0.004), "by the headers")


def test_prestack_segy(small_section, tmp_path):
    words = [{9: 1 + i // 10, 37: 100 + 10 * (i % 10)} for i in range(30)]
    report = ks.inspection.inspect(
        write_segy(tmp_path / "shots.segy", small_section.T, headers=words)
    )
    assert report.arrays[0].kind == "shot gathers"
    assert report.facts["shots"] == "3"
    assert report.facts["offsets"].startswith("100 to 190")


def test_a_sample_of_the_trace_headers_of_a_long_file(small_section, tmp_path, monkeypatch):
    monkeypatch.setattr(ks.inspection.trace_files, "_HEADERS_READ", 10)
    words = [{9: i, 37: i} for i in range(30)]
    report = ks.inspection.inspect(write_segy(tmp_path / "a.segy", small_section.T, headers=words))
    assert report.facts["traces"] == 30
    assert (report.facts["shots"], report.facts["offsets"][:8]) == ("10 or more", "0 to 27,")
    assert "one in 3 was read" in report.arrays[0].notes[0]


def test_intervals_that_contradict_each_other(small_section, tmp_path):
    words = [{117: 2000}] * 30
    report = ks.inspection.inspect(write_segy(tmp_path / "a.segy", small_section.T, headers=words))
    assert report.arrays[0].dt is None
    assert "different sample intervals, 2000, 4000 us" in report.warnings[0]
    report = ks.inspection.inspect(write_segy(tmp_path / "b.segy", small_section.T, dt_us=4))
    assert any("4 microseconds is unusual" in warning for warning in report.all_warnings())


@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize("samples", [200, 257])  # 257 reads the same in both byte orders
def test_seismic_unix(tmp_path, endian, samples):
    traces = np.random.default_rng(0).standard_normal((20, samples)).astype("f4")
    path = write_su(tmp_path / "a.su", traces, endian=endian, dt_us=2000)
    report = ks.inspection.inspect(path)
    (array,) = report.arrays
    assert report.format == f"Seismic Unix, IEEE floats (format 5), {endian}-endian"
    np.testing.assert_array_equal(array.panels[0], traces.T)
    assert array.dt == pytest.approx(0.002)


def test_npz(small_section, tmp_path):
    np.savez(tmp_path / "a.npz", line=small_section, vp=np.full((9, 9), 2000.0), name="text")
    report = ks.inspection.inspect(tmp_path / "a.npz")
    assert [(a.name, a.kind) for a in report.arrays] == [("line", "section"), ("vp", "velocity")]
    assert "name.npy holds <U4" in report.warnings[0]


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_matlab(small_section, tmp_path, version):
    arrays = {
        "Rec": np.repeat(small_section[:, :, None], 3, axis=2),
        "vmodel": np.full((20, 30), 2500.0),
    }
    path = tmp_path / "georec1.mat"
    if version == "7.3":
        hdf5(path, arrays)
    else:
        scipy.io.savemat(path, arrays | {"words": "not numbers"}, format=version)
    report = ks.inspection.inspect(path)
    found = {array.name: array for array in report.arrays}
    assert set(found) == set(arrays)
    assert ("words" in " ".join(report.warnings)) == (version == "5")
    assert (found["vmodel"].kind, found["vmodel"].shape) == ("velocity", (20, 30))
    assert found["Rec"].axes == ("time", "receiver", "shot")
    np.testing.assert_array_equal(found["Rec"].panels[0], small_section)


def test_hdf5(small_section, tmp_path):
    report = ks.inspection.inspect(hdf5(tmp_path / "a.h5", {"line": small_section}, matlab=False))
    assert report.format == "HDF5 file"
    np.testing.assert_array_equal(report.arrays[0].panels[0], small_section)


def test_links_to_other_files_are_not_followed(small_section, tmp_path):
    hdf5(tmp_path / "secret.h5", {"x": small_section}, matlab=False)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["own"] = small_section
        file["linked"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "x")
        layout = h5py.VirtualLayout((200, 30), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (200, 30))
        file.create_virtual_dataset("virtual", layout)
    report = ks.inspection.inspect(tmp_path / "a.h5")
    assert [array.name for array in report.arrays] == ["own"]
    assert len([w for w in report.warnings if "not followed" in w or "not opened" in w]) == 2


def test_models_are_named(tmp_path):
    network = ks.models.ConvDenoiser(2, 1)
    model = ks.models.with_physical_units(network, ks.layers.SectionNormalization())
    model.save(tmp_path / "model.keras")
    report = ks.inspection.inspect(tmp_path / "model.keras")
    assert report.facts["network"] == "ConvDenoiser"
    assert keras.__version__ in report.facts["saved by"]
    assert report.kind == "model"
    (tmp_path / "model.onnx").write_bytes(b"\x08\x08\x12\x00")
    assert ks.inspection.inspect(tmp_path / "model.onnx").kind == "model"


def test_annotation_lists(tmp_path):
    for name in ("data1.npy", "model1.npy"):
        np.save(tmp_path / name, np.ones(3))
    text = "data1.npy\tmodel1.npy\r\n/gone/data2.npy\t/gone/model2.npy\n"
    (tmp_path / "train.txt").write_text(text)
    report = ks.inspection.inspect(tmp_path / "train.txt")
    assert report.facts == {"pairs": 2, "files found": "2 of 4"}
    assert "2 files are missing, the first is /gone/data2.npy" in report.warnings[0]
    assert report.kind == "list"
    (tmp_path / "train.txt").write_text("data1.npy\tmodel1.npy\n")
    report = ks.inspection.inspect(tmp_path / "train.txt")
    assert (report.kind, report.folders) == ("pairs", [str(tmp_path / "train.txt")])
    (tmp_path / "train.txt").write_text(text + "a.npy\tb.npy\tc.npy\n")
    assert "line 3: expected" in ks.inspection.inspect(tmp_path / "train.txt").problem


@pytest.mark.parametrize(
    ("name", "make", "text"),
    [
        ("a.dat", lambda p, s: np.save(p.open("wb"), s), "readers expect .npy"),
        ("a.h4", lambda p, s: hdf5(p, {"x": s}), "readers expect .mat"),
    ],
)
def test_files_under_a_wrong_name_are_read(small_section, tmp_path, name, make, text):
    make(tmp_path / name, small_section)
    report = ks.inspection.inspect(tmp_path / name)
    assert report.readable
    assert report.arrays[0].kind == "section"
    assert text in report.warnings[0]


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.npy: no such file or folder"):
        ks.inspection.inspect(tmp_path / "gone.npy")


def test_missing_packages_are_named(small_section, tmp_path, monkeypatch):
    hdf5(tmp_path / "b.mat", {"x": small_section})
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    report = ks.inspection.inspect(tmp_path / "b.mat")
    assert "pip install 'keras_seismic[mat]'" in report.problem


def test_trace_files_need_no_segyio(small_section, tmp_path, monkeypatch):
    path = write_segy(tmp_path / "a.segy", small_section.T)
    monkeypatch.setitem(__import__("sys").modules, "segyio", None)
    assert ks.inspection.inspect(path).arrays[0].kind == "section"
