"""Writing sections: SEG-Y with every header of the original, or NumPy files."""

import contextlib
import resource
import warnings

import numpy as np
import pytest
import segyio

import keras_seismic as ks
from tests.segy_files import headers_of, patched, write_segy, write_su


@pytest.fixture
def segy(tmp_path):
    """A SEG-Y file with IBM floats and headers worth keeping."""
    spec = segyio.spec()
    spec.samples, spec.format, spec.tracecount = np.arange(40) * 4.0, 1, 3
    with segyio.create(tmp_path / "line.segy", spec) as file:
        file.text[0] = b"C 1 A LINE".ljust(3200)
        file.bin.update(hdt=4000, hns=40)
        for i in range(3):
            file.header[i] = {1: i + 1, 181: 1000 * i, 115: 40, 117: 4000}
            file.trace[i] = np.sin(np.arange(40, dtype="float32") + i)
    return tmp_path / "line.segy"


def test_segy_keeps_every_header_byte(segy, tmp_path):
    section = ks.io.read_section(segy)
    amplitude = np.linspace(-3, 3, 120, dtype="float32").reshape(40, 3)
    written = ks.io.write_section(tmp_path / "out.sgy", amplitude, section)
    np.testing.assert_allclose(ks.io.read_section(written).amplitude, amplitude, rtol=1e-6)
    before, after = segy.read_bytes(), written.read_bytes()
    assert before[:3600] == after[:3600]
    for i in range(3):
        start = 3600 + i * (240 + 160)
        assert before[start : start + 240] == after[start : start + 240]
    assert {p.name for p in tmp_path.iterdir()} == {"line.segy", "out.sgy"}


def test_write_section_refuses(segy, tmp_path):
    section = ks.io.read_section(segy)
    memory = ks.io.Section(section.amplitude)
    bad = section.amplitude * np.nan
    for arguments, message in (
        (("a.segy", section.amplitude, memory), "headers of a SEG-Y file"),
        (("a.segy", section.amplitude[1:], section), "as the original"),
        (("a.txt", section.amplitude, section), "expected a .segy"),
        (("a.npy", bad, section), "not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            ks.io.write_section(tmp_path / arguments[0], *arguments[1:])
    assert len(list(tmp_path.iterdir())) == 1


def test_integer_samples_are_refused_before_work(segy, tmp_path):
    spec = segyio.spec()
    spec.samples, spec.format, spec.tracecount = np.arange(40) * 4.0, 3, 1
    with segyio.create(tmp_path / "integers.segy", spec) as file:
        file.trace[0] = np.arange(40, dtype=np.int16)
    section = ks.io.read_section(tmp_path / "integers.segy")
    assert section.amplitude[7, 0] == 7
    with pytest.raises(ValueError, match=r"integers \(format 3\)"):
        ks.io.check_target(tmp_path / "out.segy", section)
    ks.io.check_target(tmp_path / "out.npy", section)
    written = ks.io.write_section(tmp_path / "out.npy", 0.5 * section.amplitude, section)
    np.testing.assert_array_equal(np.load(written), 0.5 * section.amplitude)


FILES = {
    **{f"segy {code} {endian}": ("a.segy", code, endian)
       for code in (1, 2, 3, 5, 6, 8, 10, 11, 16) for endian in ("big", "little")},
    "su big": ("a.su", 5, "big"),
    "su little": ("a.su", 5, "little"),
}  # fmt: skip


def made(folder, kind, rng):
    name, code, endian = FILES[kind]
    traces = rng.integers(0, 100, (5, 33)) + 0.5 * (code in (1, 5, 6))
    if name.endswith(".su"):
        return write_su(folder / name, traces, endian=endian), 0, 240 + 4 * 33
    size = {1: 4, 2: 4, 3: 2, 5: 4, 6: 8, 8: 1, 10: 4, 11: 2, 16: 1}[code]
    return write_segy(folder / name, traces, code=code, endian=endian), 3600, 240 + size * 33


@pytest.mark.parametrize("kind", FILES)
def test_what_was_only_read_is_written_byte_for_byte(tmp_path, rng, kind):
    path, *_ = made(tmp_path, kind, rng)
    section = ks.io.read_section(path)
    out = ks.io.write_section(
        tmp_path / f"out{path.suffix}", section.amplitude, section, integers="round"
    )
    assert out.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kind", FILES)
def test_new_samples_keep_headers_format_and_byte_order(tmp_path, rng, kind):
    path, start, trace_bytes = made(tmp_path, kind, rng)
    section = ks.io.read_section(path)
    changed = section.amplitude.copy()
    changed[3:20, 1] += 7
    out = tmp_path / f"out{path.suffix}"
    ks.io.write_section(out, changed, section, integers="round")
    np.testing.assert_allclose(ks.io.read_section(out).amplitude, changed, rtol=1e-6)
    before, after = path.read_bytes(), out.read_bytes()
    assert headers_of(before, start, trace_bytes) == headers_of(after, start, trace_bytes)
    # Of the samples, only those of the second trace that are another value now.
    size = (trace_bytes - 240) // 33
    first = start + trace_bytes + 240
    different = [i for i in range(len(before)) if before[i] != after[i]]
    assert different
    assert first + 3 * size <= min(different)
    assert max(different) < first + 20 * size


def test_ibm_floats_that_segyio_would_write_otherwise_stay(tmp_path):
    """1 as 0x41100000 and, not normalized, as 0x42010000; -0 and a zero with an exponent."""
    forms = bytes.fromhex("4110000042010000800000004000000043001000")
    path = write_segy(tmp_path / "a.segy", np.full((2, 5), 3.0), code=1)
    patched(path, 3840, forms)
    section = ks.io.read_section(path)
    np.testing.assert_array_equal(section.amplitude[:, 0], [1, 1, 0, 0, 1])
    same = ks.io.write_section(tmp_path / "same.segy", section.amplitude, section)
    assert same.read_bytes() == path.read_bytes()
    changed = section.amplitude.copy()
    changed[0, 0] = 0.125
    out = ks.io.write_section(tmp_path / "out.segy", changed, section)
    assert out.read_bytes()[3840:3860] == bytes.fromhex("40200000") + forms[4:]
    # The case is real: segyio alone reads other numbers and writes other bytes.
    with segyio.open(path, "r+", ignore_geometry=True) as file:
        assert file.trace.raw[0].tolist() != [1, 1, 0, 0, 1]
        file.trace[0] = np.array([1, 1, 0, 0, 1], "f4")
    assert path.read_bytes()[3840:3860] != forms


def test_extended_text_headers_stay(tmp_path):
    spec = segyio.spec()
    spec.samples, spec.format, spec.tracecount, spec.ext_headers = np.arange(9) * 4.0, 1, 2, 2
    with segyio.create(tmp_path / "a.segy", spec) as file:
        for i in range(3):
            file.text[i] = f"C {i}".encode().ljust(3200)
        file.trace[0] = file.trace[1] = np.arange(9, dtype="f4")
    section = ks.io.read_section(tmp_path / "a.segy")
    np.testing.assert_array_equal(section.amplitude[:, 1], np.arange(9))
    out = ks.io.write_section(tmp_path / "out.segy", -section.amplitude, section)
    before, after = (tmp_path / "a.segy").read_bytes(), out.read_bytes()
    assert headers_of(before, 10_000, 276) == headers_of(after, 10_000, 276)
    np.testing.assert_array_equal(ks.io.read_segy(out)[0], -section.amplitude)


def test_integers_are_rounded_refused_or_clipped(tmp_path):
    path = write_segy(tmp_path / "a.segy", np.arange(40).reshape(2, 20), code=8)
    section = ks.io.read_section(path)
    out = tmp_path / "out.segy"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ks.io.write_section(out, section.amplitude + 0.7, section, integers="round")
    np.testing.assert_array_equal(ks.io.read_segy(out)[0], section.amplitude + 1)
    kept = out.read_bytes()
    with pytest.raises(ValueError, match=r"out\.segy: trace 2 has 8 amplitudes, up to 156,.*int8"):
        ks.io.write_section(out, 4 * section.amplitude, section, integers="round")
    assert out.read_bytes() == kept
    with pytest.warns(ks.io.ClippingWarning, match="18 of 40 amplitudes were clipped"):
        ks.io.write_section(out, -6 * section.amplitude, section, integers="clip")
    expected = np.maximum(-6 * section.amplitude, -128)
    np.testing.assert_array_equal(ks.io.read_segy(out)[0], expected)
    with pytest.raises(ValueError, match="'refuse', 'round' or 'clip', received 'maybe'"):
        ks.io.write_section(out, section.amplitude, section, integers="maybe")
    assert {p.name for p in tmp_path.iterdir()} == {"a.segy", "out.segy"}


def test_formats_are_not_mixed(tmp_path):
    su = ks.io.read_section(write_su(tmp_path / "a.su", np.ones((2, 9))))
    segy = ks.io.read_section(write_segy(tmp_path / "a.segy", np.ones((2, 9))))
    with pytest.raises(ValueError, match=r"SEG-Y needs the headers of a SEG-Y file.*a\.su"):
        ks.io.check_target(tmp_path / "b.segy", su)
    with pytest.raises(ValueError, match=r"SU needs the headers of a SU file.*a\.segy"):
        ks.io.check_target(tmp_path / "b.su", segy)
    ks.io.check_target(tmp_path / "b.sgy", segy)


def test_an_original_that_has_changed_is_noticed(tmp_path):
    path = write_segy(tmp_path / "a.segy", np.ones((3, 9)))
    section = ks.io.read_section(path)
    write_segy(path, np.ones((2, 9)))
    with pytest.raises(ValueError, match="has changed since it was read"):
        ks.io.write_section(tmp_path / "b.segy", section.amplitude, section)
    assert [p.name for p in tmp_path.iterdir()] == ["a.segy"]


@contextlib.contextmanager
def full_disk(size):
    """A limit on the size of files stands for the disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", ["out.segy", "out.su", "out.npy"])
def test_a_full_disk_leaves_the_old_file(tmp_path, name):
    write = write_su if name.endswith(".su") else write_segy
    line = write(tmp_path / f"line.{'su' if write is write_su else 'segy'}", np.ones((50, 500)))
    section = ks.io.read_section(line)
    (tmp_path / name).write_bytes(b"an older result")
    with full_disk(50_000), pytest.raises(OSError, match=r"too large|written"):
        ks.io.write_section(tmp_path / name, 2 * section.amplitude, section)
    assert (tmp_path / name).read_bytes() == b"an older result"
    assert {p.name for p in tmp_path.iterdir()} == {line.name, name}


def test_the_field_line_is_written_byte_for_byte(tmp_path, data_folder):
    path = data_folder / "field_line_namss_88-22-V.segy"
    section = ks.io.read_section(path)
    out = ks.io.write_section(tmp_path / "out.segy", section.amplitude, section)
    assert out.read_bytes() == path.read_bytes()
    changed = section.amplitude.copy()
    changed[1000, 200] *= 2
    ks.io.write_section(out, changed, section)
    before, after = (np.frombuffer(p.read_bytes(), np.uint8) for p in (path, out))
    start = 3600 + 200 * (240 + 4 * 2001) + 240 + 4 * 1000
    (different,) = np.nonzero(before != after)
    assert len(different)
    assert set(different) <= set(range(start, start + 4))
