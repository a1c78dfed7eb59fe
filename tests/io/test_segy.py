"""SEG-Y and Seismic Unix files, good and bad, before any trace is read."""

import struct
import warnings

import numpy as np
import pytest
import segyio

import keras_seismic as ks
from keras_seismic.io.segy.samples import float_to_ibm, ibm_to_float
from tests.segy_files import patched, write_segy, write_su


@pytest.fixture
def traces(rng):
    return (rng.standard_normal((6, 50)) * 1e3).astype("float32")


@pytest.mark.parametrize("endian", ["big", "little"])
def test_su_is_read_in_either_byte_order(traces, tmp_path, endian):
    section = ks.io.read_section(write_su(tmp_path / "line.su", traces, endian=endian))
    np.testing.assert_array_equal(section.amplitude, traces.T)
    assert section.dt == pytest.approx(0.004)
    layout = ks.io.read_layout(tmp_path / "line.su")
    assert (layout.kind, layout.endian, layout.traces, layout.start) == ("su", endian, 6, 0)


@pytest.mark.parametrize("endian", ["big", "little"])
def test_su_whose_sample_count_reads_the_same_in_both_orders(rng, tmp_path, endian):
    """257 is 0x0101; the amplitudes have to tell."""
    traces = rng.standard_normal((3, 257)).astype("float32")
    path = write_su(tmp_path / "line.su", traces, endian=endian, dt_us=257)
    np.testing.assert_array_equal(ks.io.read_segy(path)[0], traces.T)


@pytest.mark.parametrize(
    ("code", "dtype"),
    {1: "f4", 2: "i4", 3: "i2", 5: "f4", 6: "f8", 8: "i1", 10: "u4", 11: "u2", 16: "u1"}.items(),
)
def test_both_byte_orders_read_equal(rng, tmp_path, code, dtype):
    traces = rng.integers(0, 100, (4, 30)).astype(dtype)
    read = [
        ks.io.read_segy(write_segy(tmp_path / f"{e}.segy", traces, code=code, endian=e))[0]
        for e in ("big", "little")
    ]
    np.testing.assert_array_equal(*read)
    np.testing.assert_array_equal(read[0], traces.T)


def test_ibm_floats_of_every_exponent_and_sign():
    """segyio's decoding is the witness."""
    rng = np.random.default_rng(1)
    words = rng.integers(0, 2**32, 20_000, np.uint64).astype(">u4")
    words = np.append(words, [0, 0x80000000, 0x42640000]).astype(">u4")
    decoded = ibm_to_float(words)
    exact = np.isfinite(decoded) & (np.abs(decoded) > 1e-37)
    expected = np.empty(len(words), np.float32)
    expected.view(">u4")[:] = words
    expected = segyio.tools.native(expected.view(np.float32), format=1)
    normal = exact & ((words >> 20 & 0xF) != 0)  # segyio expects normalized fractions
    assert normal.sum() > 5_000
    np.testing.assert_allclose(decoded[normal], expected[normal], rtol=1e-6)


@pytest.mark.parametrize("code", [1, 3, 5, 6])
@pytest.mark.parametrize("endian", ["big", "little"])
def test_mapped_traces_are_those_that_are_read(traces, tmp_path, code, endian):
    path = write_segy(tmp_path / "a.segy", traces, code=code, endian=endian)
    mapped = ks.io.MappedTraces(ks.io.read_layout(path))
    assert mapped.shape == (50, 6)
    read = ks.io.read_segy(path)[0]
    np.testing.assert_array_equal(mapped[:], read)
    np.testing.assert_array_equal(mapped[10:20:3, 4], read[10:20:3, 4])


def test_headers_of_a_large_file_can_be_sampled(traces, tmp_path):
    path = segy(tmp_path, headers=[{}, {115: 19}, {}])
    with pytest.raises(ValueError, match="trace 2, 19"):
        ks.io.read_layout(path)
    layout = ks.io.read_layout(path, most_headers=2)
    assert (layout.traces, layout.samples) == (3, 20)
    assert layout.words(1, "i4", step=2).tolist() == [0, 0]
    assert layout.words(5, "i4").tolist() == [1, 2, 3]


def interval(n):
    return {117: n}


@pytest.mark.parametrize(
    ("binary", "headers", "dt"),
    [
        (4000, [interval(4000)] * 3, 0.004),
        (0, [interval(2000)] * 3, 0.002),
        (4000, [interval(0)] * 3, 0.004),
        (4000, [interval(0), interval(4000), interval(0)], 0.004),
        (0, [interval(0)] * 3, None),
        (4000, [interval(2000)] * 3, None),
        (4000, [interval(4000), interval(4000), interval(1000)], None),
    ],
)
def test_sample_interval(tmp_path, binary, headers, dt):
    """What the headers agree on; contradictions are a warning and no interval."""
    path = tmp_path / "a.segy"
    write_segy(path, np.ones((3, 20), "f4"), headers=headers, binary={3217: binary})
    contradicts = len({n for n in (binary, *(h[117] for h in headers)) if n}) > 1
    if contradicts:
        with pytest.warns(ks.io.HeaderWarning, match=r"a\.segy: the headers state different"):
            section = ks.io.read_section(path)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            section = ks.io.read_section(path)
    assert section.dt == (dt if dt is None else pytest.approx(dt))


def segy(folder, **options):
    return write_segy(folder / "bad.segy", np.ones((3, 20), "f4"), **options)


def su(folder, **options):
    return write_su(folder / "bad.su", np.ones((3, 20), "f4"), **options)


def file_of(folder, content, name="bad.segy"):
    (folder / name).write_bytes(content)
    return folder / name


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])
    return path


COUNT = [{115: 20}, {115: 19}, {115: 20}]

BAD = {
    "absent": (lambda f: f / "bad.su", "no such file"),
    "suffix": (lambda f: segy(f).rename(f / "bad.dat"), "received '.dat'"),
    "empty": (lambda f: file_of(f, b""), "0 bytes cannot hold its headers"),
    "text": (lambda f: file_of(f, b"x y z\n" * 2000), "is this a SEG-Y file at all"),
    "headers only": (lambda f: cut(segy(f), 3600), "cannot hold its headers and a trace"),
    "cut in a trace": (lambda f: cut(segy(f), -100), "the file is truncated"),
    "longer": (lambda f: file_of(f, segy(f).read_bytes() + b"\0" * 9), "3 traces and 9 bytes"),
    "no samples": (lambda f: patched(segy(f), 3220, b"\0\0"), "traces have 0 samples"),
    "unknown code": (lambda f: patched(segy(f), 3224, b"\0\x63"), "no sample format code"),
    "code with gain": (lambda f: patched(segy(f), 3224, b"\0\4"), "format 4 .fixed point"),
    "code of 3 bytes": (lambda f: patched(segy(f), 3224, b"\0\7"), "format 7 .3-byte integer"),
    "open text headers": (lambda f: patched(segy(f), 3504, b"\xff\xff"), "extended text headers"),
    "unequal traces": (lambda f: segy(f, headers=COUNT), "same length, 20 samples .* trace 2, 19"),
    "su empty": (lambda f: file_of(f, b"", "bad.su"), "0 bytes cannot hold a trace"),
    "su cut in a header": (lambda f: cut(su(f), 200), "200 bytes cannot hold a trace"),
    "su cut in a trace": (lambda f: cut(su(f), -4), "the file is truncated"),
    "su no samples": (lambda f: patched(su(f), 114, b"\0\0"), "traces have 0 samples"),
    "su unequal": (lambda f: patched(su(f), 320 + 114, b"\0\x13"), "same length, .* trace 2, 19"),
    "su is text": (lambda f: file_of(f, b"x y z\n" * 2000, "bad.su"), "not a Seismic Unix file"),
    "su is segy": (lambda f: segy(f).rename(f / "bad.su"), "a SEG-Y file; rename it"),
    "su as segy": (lambda f: su(f).rename(f / "bad.segy"), "SEG-Y file"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_by_name(tmp_path, case):
    make, message = BAD[case]
    path = make(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        ks.io.read_segy(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("write", [write_segy, write_su])
def test_samples_that_are_no_numbers_are_placed(tmp_path, write):
    suffix = ".su" if write is write_su else ".segy"
    traces = np.ones((3, 20), "f4")
    options = {} if write is write_su else {"code": 5}
    path = write(tmp_path / f"bad{suffix}", traces, **options)
    start = 0 if write is write_su else 3600
    patched(path, start + 320 + 240 + 4 * 7, struct.pack(">f", np.nan))  # trace 2, sample 8
    with pytest.raises(ValueError, match=r"1 of 60 values are not finite.*index \(7, 1\)"):
        ks.io.read_section(path)


def test_without_segyio_su_says_what_to_install(tmp_path, monkeypatch):
    path = su(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "segyio", None)
    with pytest.raises(ImportError, match=r"pip install 'keras_seismic\[segy\]'"):
        ks.io.read_section(path)


def test_ibm_floats_are_written_as_segyio_writes_them(tmp_path, rng):
    values = rng.standard_normal(4000) * 10.0 ** rng.uniform(-35, 37, 4000)
    values = np.append(values, [0.0, 1.0, -1.0, 16.0, 15.999999, 1 / 16, 3.4e38]).astype("f4")
    path = write_segy(tmp_path / "line.segy", values[None], code=1)
    words = np.frombuffer(path.read_bytes()[3840:], ">u4")
    np.testing.assert_array_equal(float_to_ibm(values), words)
    np.testing.assert_allclose(ibm_to_float(words), values, rtol=1e-6)
