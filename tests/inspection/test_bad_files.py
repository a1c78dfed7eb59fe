"""Files that an inspection cannot use: each is reported with its reason, none raises."""

import pickle
import zipfile

import numpy as np
import pytest
import scipy.io

import keras_seismic as ks
from tests.inspection.odd_files import hdf5
from tests.segy_files import write_segy, write_su


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


def broken_npy(path, s, **change):
    """A .npy file whose header says something else."""
    header = {"descr": "<f4", "fortran_order": False, "shape": s.shape} | change
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(s.tobytes())


def with_segy(change):
    def make(path, s):
        write_segy(path, s.T)
        content = bytearray(path.read_bytes())
        change(content)
        path.write_bytes(content)

    return make


def mat_without_numbers(path, s):
    scipy.io.savemat(path, {"text": "nothing", "cell": np.array([1, "a"], object)})


def damaged_mat(path, s):
    scipy.io.savemat(path, {"x": s}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[200:400] = b"\xff" * 200
    path.write_bytes(content)


def saved(array):
    return lambda path, s: np.save(path, array, allow_pickle=True)


BAD = [
    ("a.npy", lambda p, s: p.write_bytes(b""), "the file is empty"),
    ("a.npy", lambda p, s: p.write_text("version https://git-lfs.github.com/s"), "git lfs pull"),
    ("a.npy", lambda p, s: p.write_text("numbers"), "as no such file does"),
    ("a.npy", lambda p, s: (np.save(p, s), cut(p, 5000)), "truncated"),
    ("a.npy", lambda p, s: (np.save(p, s), cut(p, 40)), "NumPy .npy file"),
    ("a.npy", lambda p, s: broken_npy(p, s, shape=(10**9, 10**9)), "its header promises"),
    ("a.npy", lambda p, s: broken_npy(p, s, shape=(200, 29)), "damaged"),
    ("a.npy", saved(np.array([{}, 1], object)), "pickled Python objects"),
    ("a.npy", saved(np.array(["a", "b"])), "array of numbers"),
    ("a.npy", saved(np.ones(4, complex)), "array of numbers"),
    ("a.npy", saved(np.ones((0, 4))), "no elements"),
    ("a.npz", lambda p, s: (np.savez(p, s), cut(p, -100)), "damaged"),
    ("a.npz", lambda p, s: np.savez(p, x=np.array(["a"])), "no arrays of numbers"),
    ("a.npz", lambda p, s: np.save(p.open("wb"), s) or cut(p, 60), "NumPy .npy file"),
    ("a.zip", lambda p, s: zipfile.ZipFile(p, "w").writestr("a.csv", "1"), "unpack it, or"),
    ("a.keras", lambda p, s: p.write_bytes(b"old"), "as no such file does"),
    ("a.pkl", lambda p, s: p.write_bytes(pickle.dumps({})), "can run code"),
    ("a.segy", lambda p, s: p.write_text("text " * 2000), "no sample format code that is known"),
    ("a.segy", lambda p, s: (write_segy(p, s.T), cut(p, 3000)), "cannot hold its headers"),
    ("a.segy", lambda p, s: (write_segy(p, s.T), cut(p, -7)), "truncated"),
    ("a.sgy", with_segy(lambda c: c.__setitem__(slice(3220, 3222), b"\0\0")), "0 samples"),
    ("a.sgy", with_segy(lambda c: c.__setitem__(slice(3224, 3226), b"\0\x63")), "format code"),
    ("a.sgy", with_segy(lambda c: c.__setitem__(slice(3220, 3222), b"\0\x11")), "truncated or not"),
    ("a.su", lambda p, s: p.write_bytes(b"\0" * 1000), "traces have 0 samples"),
    ("a.su", lambda p, s: p.write_bytes(b"\1" * 100), "cannot hold a trace"),
    ("a.su", lambda p, s: (write_su(p, s.T), cut(p, -9)), "truncated or not a Seismic Unix"),
    ("a.mat", lambda p, s: p.write_text("no file of MATLAB" * 30), "as no such file does"),
    ("a.mat", mat_without_numbers, "no arrays of numbers"),
    ("a.mat", damaged_mat, "damaged .mat file"),
    ("a.mat", lambda p, s: (hdf5(p, {"x": s}), cut(p, 2000)), "truncated or damaged .mat"),
    ("a.h5", lambda p, s: hdf5(p, {"x": np.array([b"a"])}, matlab=False), "no arrays of numbers"),
    ("a.txt", lambda p, s: p.write_text("some notes\n"), "not an annotation list"),
    ("a.txt", lambda p, s: p.write_bytes(b"\xff\xfe\x00"), "expected a text file"),
    ("a.bin", lambda p, s: p.write_bytes(s.tobytes()), "numpy.fromfile(path, '<f4')"),
    ("a.bin", lambda p, s: p.write_bytes(s.astype(">f4").tobytes()), "numpy.fromfile(path, '>f4')"),
    ("a.dat", lambda p, s: write_segy(p, s.T), "looks like SEG-Y; rename it to .segy"),
    ("a.pth", lambda p, s: zipfile.ZipFile(p, "w").writestr("a/data.pkl", "1"), "PyTorch"),
    ("a.xyz", lambda p, s: p.write_bytes(bytes(range(256)) * 9), "the format .xyz is not known"),
    ("noname", lambda p, s: p.write_bytes(b"\0\1\2"), "(no suffix) is not known"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "make", "text"), BAD, ids=lambda x: x if isinstance(x, str) else ""
)
def test_bad_files_are_reported(small_section, tmp_path, name, make, text):
    make(tmp_path / name, small_section)
    report = ks.inspection.inspect(tmp_path / name)
    assert not report.readable
    assert text in report.problem
    assert report.arrays == []
    assert report.problem in str(report).replace("\n" + " " * 15, " ")
