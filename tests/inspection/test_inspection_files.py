"""Which files an inspection can open, what it says of their headers, and of those it cannot use."""

import zipfile

import h5py
import keras
import numpy as np
import pytest
import scipy.io
import segyio

import keras_seismic as ks
from tests.inspection.odd_files import hdf5, write_segy, write_su


@pytest.fixture(scope="module")
def section():
    """White noise seen through a band, (200, 30): no two traces are equal."""
    rng = np.random.default_rng(0)
    return np.diff(np.cumsum(rng.standard_normal((202, 30)), axis=0)[:, :], n=2, axis=0).astype(
        "f4"
    )


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(
    ("code", "name", "tolerance"), [(1, "IBM floats", 1e-6), (5, "IEEE floats", 0)]
)
def test_segy_samples_are_segyios(section, tmp_path, code, name, tolerance, endian):
    path = write_segy(tmp_path / "a.sgy", section.T * 1e4, code=code, endian=endian)
    report = ks.inspection.inspect(path)
    (array,) = report.arrays
    assert f"{name} (format {code}), {endian}-endian" in report.format
    assert report.facts["text header"] == "MADE FOR A TEST"
    np.testing.assert_allclose(array.panels[0], section * 1e4, rtol=tolerance)
    with segyio.open(path, ignore_geometry=True, endian=endian) as file:
        np.testing.assert_array_equal(array.panels[0].T, file.trace.raw[:])
    assert (array.dt, array.dt_source) == (0.004, "by the file's header")


def test_ibm_floats_of_every_size():
    """All exponents and signs: segyio's decoding is the witness."""
    from keras_seismic.inspection.trace_files import ibm_to_float

    rng = np.random.default_rng(1)
    words = rng.integers(0, 2**32, 20_000, np.uint64).astype(">u4")
    words = np.append(words, [0, 0x80000000, 0x42640000]).astype(">u4")
    with np.errstate(over="ignore"):
        decoded = ibm_to_float(words)
    exact = np.isfinite(decoded) & (np.abs(decoded) > 1e-37)
    expected = np.empty(len(words), np.float32)
    expected.view(">u4")[:] = words
    expected = segyio.tools.native(expected.view(np.float32), format=1)
    normal = exact & ((words >> 20 & 0xF) != 0)  # segyio expects normalized fractions
    assert normal.sum() > 5_000
    np.testing.assert_allclose(decoded[normal], expected[normal], rtol=1e-6)


def test_prestack_segy(section, tmp_path):
    path = write_segy(
        tmp_path / "shots.segy",
        section.T,
        FieldRecord=np.repeat([1, 2, 3], 10),
        offset=np.tile(np.arange(100, 200, 10), 3),
    )
    report = ks.inspection.inspect(path)
    assert report.arrays[0].kind == "shot gathers"
    assert report.facts["shots"] == 3
    assert report.facts["offsets"].startswith("100 to 190")


@pytest.mark.parametrize(
    ("words", "dt", "text"),
    [
        (
            {"TRACE_SAMPLE_INTERVAL": 2000},
            4000,
            "2000 microseconds a sample, the file's header 4000",
        ),
        ({"TRACE_SAMPLE_COUNT": 100}, 4000, "30 trace headers state another number of samples"),
        ({}, 4, "4 microseconds is unusual"),
        ({"TRACE_SAMPLE_INTERVAL": np.repeat([1000, 2000], 15)}, 0, "2 different sample intervals"),
    ],
)
def test_contradicting_headers(section, tmp_path, words, dt, text):
    report = ks.inspection.inspect(write_segy(tmp_path / "a.segy", section.T, dt=dt, **words))
    assert report.readable
    assert any(text in warning for warning in report.all_warnings())


def test_interval_of_the_traces_where_the_file_has_none(section, tmp_path):
    path = write_segy(tmp_path / "a.segy", section.T, dt=0, TRACE_SAMPLE_INTERVAL=2000)
    (array,) = ks.inspection.inspect(path).arrays
    assert (array.dt, array.dt_source) == (0.002, "by the trace headers")


@pytest.mark.parametrize("endian", ["<", ">"])
def test_seismic_unix(section, tmp_path, endian):
    report = ks.inspection.inspect(write_su(tmp_path / "a.su", section.T, endian=endian))
    (array,) = report.arrays
    order = "little" if endian == "<" else "big"
    assert report.format == f"Seismic Unix, {order}-endian"
    np.testing.assert_array_equal(array.panels[0], section)
    assert array.dt == pytest.approx(0.002)


@pytest.mark.parametrize("samples", [257, 514])
@pytest.mark.parametrize("endian", ["<", ">"])
def test_seismic_unix_whose_sample_count_reads_alike_in_both_orders(tmp_path, samples, endian):
    traces = np.random.default_rng(0).standard_normal((20, samples)).astype("f4")
    path = write_su(tmp_path / "a.su", traces, endian=endian)
    (array,) = ks.inspection.inspect(path).arrays
    np.testing.assert_array_equal(array.panels[0], traces.T)
    assert array.dt == pytest.approx(0.002)
    np.testing.assert_array_equal(ks.io.read_section(path).amplitude, traces.T)


def test_npz(section, tmp_path):
    np.savez(tmp_path / "a.npz", line=section, vp=np.full((9, 9), 2000.0), name="text")
    report = ks.inspection.inspect(tmp_path / "a.npz")
    assert [(a.name, a.kind) for a in report.arrays] == [("line", "section"), ("vp", "velocity")]
    assert "name holds <U4" in report.warnings[0]


@pytest.mark.parametrize("version", ["5", "4", "7.3"])
def test_matlab(section, tmp_path, version):
    arrays = {"Rec": np.repeat(section[:, :, None], 3, axis=2), "vmodel": np.full((20, 30), 2500.0)}
    if version == "4":
        arrays.pop("Rec")  # two axes at most
    path = tmp_path / "georec1.mat"
    if version == "7.3":
        hdf5(path, arrays)
    else:
        scipy.io.savemat(path, arrays, format=version)
    report = ks.inspection.inspect(path)
    found = {array.name: array for array in report.arrays}
    assert set(found) == set(arrays)
    assert (found["vmodel"].kind, found["vmodel"].shape) == ("velocity", (20, 30))
    if "Rec" in found:
        assert found["Rec"].axes == ("time", "receiver", "shot")
        np.testing.assert_array_equal(found["Rec"].panels[0], section)


def test_hdf5(section, tmp_path):
    report = ks.inspection.inspect(hdf5(tmp_path / "a.h5", {"line": section}, matlab=False))
    assert report.format == "HDF5 file"
    np.testing.assert_array_equal(report.arrays[0].panels[0], section)


def test_links_to_other_files_are_not_followed(section, tmp_path):
    hdf5(tmp_path / "secret.h5", {"x": section}, matlab=False)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["own"] = section
        file["linked"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "x")
        layout = h5py.VirtualLayout((200, 30), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (200, 30))
        file.create_virtual_dataset("virtual", layout)
    report = ks.inspection.inspect(tmp_path / "a.h5")
    assert [array.name for array in report.arrays] == ["own"]
    assert len([w for w in report.warnings if "not followed" in w]) == 2


def test_models_are_named(tmp_path):
    network = ks.models.ConvDenoiser(2, 1)
    model = ks.models.with_physical_units(network, ks.layers.SectionNormalization())
    model.save(tmp_path / "model.keras")
    report = ks.inspection.inspect(tmp_path / "model.keras")
    assert report.facts["network"] == "ConvDenoiser"
    assert keras.__version__ in report.facts["saved by"]
    assert report.next_steps[1].startswith("python -m export.onnx")
    (tmp_path / "model.onnx").write_bytes(b"\x08\x08\x12\x00")
    assert ks.inspection.inspect(tmp_path / "model.onnx").format == "ONNX model"
    with zipfile.ZipFile(tmp_path / "checkpoint.pth", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    assert "never loaded" in ks.inspection.inspect(tmp_path / "checkpoint.pth").format


def test_annotation_lists(tmp_path):
    for name in ("data1.npy", "model1.npy"):
        np.save(tmp_path / name, np.ones(3))
    text = "data1.npy\tmodel1.npy\r\n/gone/data2.npy\t/gone/model1.npy\n../x.npy\ndata1.npy\ta\tb\n"
    (tmp_path / "train.txt").write_bytes(text.encode())
    report = ks.inspection.inspect(tmp_path / "train.txt")
    assert (report.facts["pairs"], report.facts["gathers only"]) == (2, 1)
    assert report.facts["files found"] == "3 of 8"
    said = " ".join(report.warnings)
    for part in ("more than one tab: 1, the first is 4", "(CRLF): 1", "listed more than once: 1",
                 "climb out", "first is /gone/data2.npy", "1 lie beside"):  # fmt: skip
        assert part in said


@pytest.mark.parametrize(
    ("name", "make", "text"),
    [
        ("a.dat", lambda p, s: write_segy(p, s.T), "rename it to .segy"),
        ("a.dat", lambda p, s: np.save(p.open("wb"), s), "readers expect .npy"),
        ("a.h4", lambda p, s: hdf5(p, {"x": s}), "readers expect .mat"),
    ],
)
def test_files_under_a_wrong_name_are_read(section, tmp_path, name, make, text):
    make(tmp_path / name, section)
    report = ks.inspection.inspect(tmp_path / name)
    assert report.readable
    assert report.arrays[0].kind == "section"
    assert text in report.warnings[0]


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.npy: no such file or folder"):
        ks.inspection.inspect(tmp_path / "gone.npy")


@pytest.mark.parametrize(
    ("module", "name", "extra"), [("scipy.io", "a.mat", "mat"), ("h5py", "b.mat", "mat")]
)
def test_missing_packages_are_named(section, tmp_path, monkeypatch, module, name, extra):
    scipy.io.savemat(tmp_path / "a.mat", {"x": section})
    hdf5(tmp_path / "b.mat", {"x": section})
    monkeypatch.setitem(__import__("sys").modules, module, None)
    report = ks.inspection.inspect(tmp_path / name)
    assert f"pip install 'keras_seismic[{extra}]'" in report.problem


def test_trace_files_need_no_segyio(section, tmp_path, monkeypatch):
    path = write_segy(tmp_path / "a.segy", section.T)
    monkeypatch.setitem(__import__("sys").modules, "segyio", None)
    assert ks.inspection.inspect(path).arrays[0].kind == "section"
