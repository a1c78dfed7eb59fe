"""Files made to hurt: damaged in any place, or far larger unpacked than packed."""

import json
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest
import scipy.io

import keras_seismic as ks
from tests.inspection.odd_files import hdf5
from tests.segy_files import write_segy, write_su

SECTION = np.diff(np.random.default_rng(0).standard_normal((201, 30)), axis=0).astype("f4")


def zipped(path, method=zipfile.ZIP_DEFLATED, **members):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_json", ".json"), content)


def with_bad_stream(path):
    np.savez_compressed(path, line=SECTION)
    content = bytearray(path.read_bytes())
    content[60:90] = b"\xff" * 30
    path.write_bytes(content)


def with_bad_checksum(path):
    np.savez(path, line=SECTION.repeat(4, axis=1))
    content = bytearray(path.read_bytes())
    content[-5000] ^= 1  # in the numbers, behind what is read with the header
    path.write_bytes(content)


def with_null(path):
    with h5py.File(path, "w") as file:
        file["line"] = h5py.Empty("f4")


BAD = [
    ("a.npz", with_bad_stream, "line.npy is damaged"),
    ("a.npz", with_bad_checksum, "line.npy is damaged: Bad CRC-32"),
    ("a.npz", lambda p: zipped(p, **{"x.npy": "\x93NUMPY\x01"}), "x.npy is not an array"),
    ("a.keras", lambda p: zipped(p, config_json="[1]", metadata_json="{}"), "json, received list"),
    ("a.keras", lambda p: zipped(p, config_json="{}", metadata_json="3"), "json, received int"),
    ("a.keras", lambda p: zipped(p, config_json="{", metadata_json="{}"), "it is damaged"),
    ("a.keras", lambda p: zipped(p, config_json="[" * 10**6, metadata_json="{}"), "it is damaged"),
    ("a.keras", lambda p: zipped(p, config_json=b"\xff\xfa", metadata_json=""), "it is damaged"),
    ("a.mat", with_null, "'line' is an empty (null) data set"),
    ("a.h5", with_null, "'line' is an empty (null) data set"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "make", "text"), BAD, ids=lambda x: x if isinstance(x, str) else ""
)
def test_damaged_content_is_reported(tmp_path, name, make, text):
    make(tmp_path / name)
    report = ks.inspection.inspect(tmp_path / name)
    assert not report.readable
    assert text in report.problem
    assert report.arrays == []


def model_file(path):
    members = {"config.json": {"class_name": "X", "config": {}}, "metadata.json": {"a": 1}}
    zipped(path, **{name: json.dumps(content) for name, content in members.items()})


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.npz", lambda p: np.savez_compressed(p, line=SECTION[:40], vp=SECTION[:9])),
        ("a.npz", lambda p: np.savez(p, line=SECTION[:40], vp=SECTION[:9])),
        ("a.keras", model_file),
        ("a.h5", lambda p: hdf5(p, {"line": SECTION[:9]}, matlab=False)),
        ("a.mat", lambda p: hdf5(p, {"line": SECTION[:9]})),
        ("a.npy", lambda p: np.save(p, SECTION[:2])),
    ],
)
def test_whatever_bytes_change_nothing_is_raised(tmp_path, name, make, seed):
    make(tmp_path / name)
    whole, unreadable = (tmp_path / name).read_bytes(), 0
    rng = np.random.default_rng(seed)
    for _ in range(30):
        content = bytearray(whole)
        for place in rng.integers(8, len(whole), 12):
            content[place] = rng.integers(256)
        (tmp_path / name).write_bytes(content)
        report = ks.inspection.inspect(tmp_path / name, samples=1000)
        unreadable += not report.readable
        str(report)
    assert unreadable > 0


@pytest.mark.parametrize(
    ("write", "headers"), [(write_segy, range(3200, 3840)), (write_su, range(240))]
)
def test_whatever_trace_file_headers_say_nothing_is_raised(tmp_path, write, headers):
    path = write(tmp_path / f"a.{write.__name__[6:]}", SECTION.T[:5])
    whole, rng, readable = path.read_bytes(), np.random.default_rng(0), []
    for i in range(80):
        content = bytearray(whole)
        for place in rng.choice(headers, 6):
            content[place] = rng.integers(256)
        if i % 2 and write is write_segy:  # samples, format, extended headers
            content[rng.choice([3220, 3221, 3225, 3504, 3505])] = rng.integers(256)
        path.write_bytes(content)
        report = ks.inspection.inspect(path, samples=1000)
        readable.append(report.readable)
        str(report)
    assert 0 < sum(readable) < 80


def test_one_damaged_array_leaves_the_others(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, good=SECTION, bad=SECTION.repeat(8, axis=1))
    content = bytearray(path.read_bytes())
    content[-5000] ^= 1
    path.write_bytes(content)
    report = ks.inspection.inspect(path)
    assert [array.name for array in report.arrays] == ["good"]
    assert any("bad.npy is damaged: Bad CRC-32" in text for text in report.warnings)


def peak_of(path):
    tracemalloc.start()
    try:
        report = ks.inspection.inspect(path, samples=10_000)
        return report, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_model_that_unpacks_to_more_than_json_is_not_unpacked(tmp_path):
    bomb = b" " * 60_000_000
    zipped(tmp_path / "a.keras", config_json="{}", metadata_json=bomb)
    assert (tmp_path / "a.keras").stat().st_size < 100_000
    report, peak = peak_of(tmp_path / "a.keras")
    assert "metadata.json is longer than 10,000,000 bytes" in report.problem
    assert peak < 30e6


def test_a_header_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path):
    bomb = b"\x93NUMPY\x02\x00" + (60_000_000).to_bytes(4, "little") + b" " * 60_000_000
    zipped(tmp_path / "a.npz", **{"a.npy": bomb})
    report, peak = peak_of(tmp_path / "a.npz")
    assert "a.npy is not an array" in report.problem
    assert peak < 30e6


def test_arrays_of_an_archive_are_loaded_one_at_a_time_within_a_budget(tmp_path, monkeypatch):
    size = 4 * 10**6
    arrays = {f"a{i}": np.zeros(size // 8) for i in range(12)}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    scipy.io.savemat(tmp_path / "a.mat", arrays, do_compression=True)
    report, peak = peak_of(tmp_path / "a.npz")
    assert [array.examined.startswith("nothing") for array in report.arrays] == [False] * 12
    assert peak < 5 * size
    monkeypatch.setattr(ks.inspection.array_files, "WHOLE", 3 * size)
    for name in ("a.npz", "a.mat"):
        report = ks.inspection.inspect(tmp_path / name, samples=10_000)
        unread = [array.examined == "nothing but its header" for array in report.arrays]
        assert unread == [False] * 3 + [True] * 9
        assert "not looked into: 4 MB" in report.arrays[-1].notes[0]
