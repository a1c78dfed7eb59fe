"""Reading .npy files, good and bad."""

import numpy as np
import pytest

from keras_seismic.checks import check_finite
from keras_seismic.io.arrays import read_array, write_array


def test_round_trip_and_mapping(rng, tmp_path):
    array = rng.random((3, 4)).astype("float32")
    write_array(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), array)
    assert isinstance(read_array(tmp_path / "a.npy", mmap=True), np.memmap)
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_array(tmp_path / "a.npy", np.ones(3))

    def full_disk(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_array(tmp_path / "a.npy", np.zeros(5))
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), np.ones(3))


def saved(path, array, **kwargs):
    np.save(path, array, **kwargs)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p, "no such file"),
        (lambda p: p.write_text("0.1 0.2 0.3") and p, "expected a NumPy .npy file"),
        (lambda p: (p.write_bytes(b"") and p) or p.touch() or p, "expected a NumPy .npy file"),
        (lambda p: saved(p, np.array([{}]), allow_pickle=True), "pickled Python objects"),
        (lambda p: saved(p, np.array(["a", "b"])), "array of numbers"),
        (lambda p: saved(p, np.array([1j])), "array of numbers"),
    ],
)
def test_bad_files(tmp_path, make, message):
    path = make(tmp_path / "x.npy")
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        read_array(path)
    assert str(path) in str(caught.value)


def with_header(path, text, version=1, body=bytes(24)):
    """A .npy file with any text for a header."""
    content = text.encode("latin1")
    size = len(content).to_bytes(2 if version == 1 else 4, "little")
    path.write_bytes(b"\x93NUMPY" + bytes([version, 0]) + size + content + body)
    return path


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(
    "header",
    [
        "{'descr': ('<f4'",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 6)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2**70)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1180591620717411303424)}",
        f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'1, ' * 70}6)}}",
        "{'descr': [1], 'fortran_order': False, 'shape': (6,)}",
        "{'descr': [('a',)], 'fortran_order': False, 'shape': (6,)}",
        "{'descr': None, 'fortran_order': False, 'shape': (6,)}",
        "[" * 5000,
        "-" * 9000 + "1",
        "'",
        "\0",
        "",
        " " * 70000,
    ],
    ids=lambda text: text[:60],
)
@pytest.mark.parametrize("mmap", [False, True])
def test_damaged_headers(tmp_path, header, version, mmap):
    if version == 1 and len(header) > 65535:
        pytest.skip("version 1 has two bytes for the length")
    body = b"" if "(0, " in header else bytes(24)
    path = with_header(tmp_path / "x.npy", header, version, body)
    with pytest.raises(ValueError, match=r"x\.npy: ") as caught:
        read_array(path, mmap)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("change", [-1, 1])
def test_header_and_size_must_agree(tmp_path, change):
    path = saved(tmp_path / "x.npy", np.zeros((10, 10)))
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"x")
    with pytest.raises(ValueError, match=r"promises float64 \(10, 10\)"):
        read_array(path)


def test_not_finite_values_are_counted_and_placed():
    array = np.zeros((4, 5))
    array[2, 3] = np.nan
    array[3, 0] = np.inf
    with pytest.raises(ValueError, match=r"2 of 20 values.*index \(2, 3\)"):
        check_finite(array, "file")
