"""MATLAB files of version 5, compared with SciPy's reader, and damaged in every byte."""

import io
import struct
import tracemalloc

import h5py
import numpy as np
import pytest
import scipy.io

from keras_seismic.io import open_mat, read_mat

NUMBERS = np.random.default_rng(0).uniform(1, 2, (2, 3, 2))


def saved(path, compressed, **arrays):
    scipy.io.savemat(path, arrays, do_compression=compressed)
    return path


@pytest.mark.parametrize("compressed", [False, True])
def test_every_array_is_what_scipy_reads(tmp_path, compressed):
    types = ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
    arrays = {f"a_{name}": (100 * NUMBERS).astype(name) for name in types}
    arrays |= {"none": np.zeros((0, 3)), "one": np.array([[7.0]]), "row": np.arange(5.0)}
    others = {"cell": np.array([1, "a"], object), "text": "a", "struct": {"a": 1.0}}
    path = saved(tmp_path / "a.mat", compressed, **arrays, **others)
    with open_mat(path) as file:
        assert file.names == [name for name, *_ in scipy.io.whosmat(path)]
        for name in arrays:
            array, expected = file[name], scipy.io.loadmat(path)[name]
            assert (array.shape, array.dtype) == (expected.shape, expected.dtype)
            assert array.in_parts is not compressed
            np.testing.assert_array_equal(array[:], expected)
            np.testing.assert_array_equal(array[1:, :2], expected[1:, :2])


def test_numbers_in_the_other_byte_order_and_in_a_smaller_type(tmp_path):
    """As MATLAB writes whole numbers of class double."""
    elements = b"".join(
        struct.pack(f">II{len(content)}s{-len(content) % 8}x", code, len(content), content)
        for code, content in (
            (6, struct.pack(">II", 6, 0)),
            (5, struct.pack(">ii", 2, 2)),
            (1, b"vmodel"),
            (4, np.array([[1500, 2500], [2000, 3000]], ">u2").tobytes("F")),
        )
    )
    header = b"MATLAB 5.0".ljust(124) + b"\x01\x00MI"
    (tmp_path / "a.mat").write_bytes(header + struct.pack(">II", 14, len(elements)) + elements)
    expected = scipy.io.loadmat(tmp_path / "a.mat")["vmodel"]
    with open_mat(tmp_path / "a.mat") as file:
        np.testing.assert_array_equal(file["vmodel"][:], expected)
        assert file["vmodel"][:].dtype == np.float64
        assert file["vmodel"][1, 0] == 2000


@pytest.mark.parametrize("compressed", [False, True])
def test_whatever_byte_changes_nothing_crashes(tmp_path, compressed):
    """SciPy ends the interpreter where the type of the numbers, 9, becomes 200."""
    path = saved(tmp_path / "a.mat", compressed, Rec=NUMBERS)
    whole, refused = path.read_bytes(), []
    for place in range(len(whole)):
        for value in (200, whole[place] ^ 1):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                read_mat(path, ["Rec"])
            except ValueError as error:
                refused.append(str(error))
    assert len(refused) > 60
    assert all(text.startswith(f"{path}: ") for text in refused)
    path.write_bytes(whole.replace(struct.pack("<II", 9, 96), struct.pack("<II", 200, 96)))
    if not compressed:
        with pytest.raises(ValueError, match=r"expected double \(2, 3, 2\) .* of type 200"):
            read_mat(path, ["Rec"])


def version_5(path, size):
    zeros = np.zeros((size // 8, 1))
    scipy.io.savemat(path, {"Rec": zeros}, do_compression=True)


def version_7(path, size):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("Rec", (1, size // 8), "f8", chunks=(1, 2**17), compression="gzip")
    path.write_bytes(content.getvalue())


@pytest.mark.parametrize("write", [version_5, version_7])
def test_what_a_small_file_unpacks_to_is_bounded(tmp_path, write, monkeypatch):
    write(tmp_path / "a.mat", 400_000_000 if write is version_7 else 8_000_000)
    if write is version_5:  # a file for the true bound takes seconds to write
        monkeypatch.setattr("keras_seismic.file_checks._UNPACKED", 2**22)
    assert (tmp_path / "a.mat").stat().st_size < 20_000
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"a\.mat: 'Rec'.* would take [\d,]+ bytes; expected 100 "):
        read_mat(tmp_path / "a.mat", ["Rec"])
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()


def test_chunks_of_another_rank_are_not_read_forever(tmp_path):
    """HDF5 1.14 never returns from reading them."""
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("a", data=np.arange(12.0).reshape(3, 4), chunks=(3, 4))
    whole = path.read_bytes()
    layout = b"\x03\x02\x03"  # version 3, chunked, of rank 2 and the size of a number
    assert whole.count(layout) == 1
    path.write_bytes(whole.replace(layout, b"\x03\x02\x02"))
    with pytest.raises(ValueError, match=r"a\.mat: 'a' of shape \(3, 4\) has chunks of \(3,\)"):
        read_mat(path, ["a"])
