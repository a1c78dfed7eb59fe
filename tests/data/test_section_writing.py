"""Writing sections: SEG-Y with every header of the original, or NumPy files."""

import numpy as np
import pytest
import segyio

import keras_seismic as ks


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
    section = ks.data.read_section(segy)
    amplitude = np.linspace(-3, 3, 120, dtype="float32").reshape(40, 3)
    written = ks.data.write_section(tmp_path / "out.sgy", amplitude, section)
    np.testing.assert_allclose(ks.data.read_section(written).amplitude, amplitude, rtol=1e-6)
    before, after = segy.read_bytes(), written.read_bytes()
    assert before[:3600] == after[:3600]
    for i in range(3):
        start = 3600 + i * (240 + 160)
        assert before[start : start + 240] == after[start : start + 240]
    assert {p.name for p in tmp_path.iterdir()} == {"line.segy", "out.sgy"}


def test_write_section_refuses(segy, tmp_path):
    section = ks.data.read_section(segy)
    memory = ks.data.Section(section.amplitude)
    bad = section.amplitude * np.nan
    for arguments, message in (
        (("a.segy", section.amplitude, memory), "headers of a SEG-Y file"),
        (("a.segy", section.amplitude[1:], section), "as the original"),
        (("a.txt", section.amplitude, section), "expected a .segy"),
        (("a.npy", bad, section), "not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            ks.data.write_section(tmp_path / arguments[0], *arguments[1:])
    assert len(list(tmp_path.iterdir())) == 1


def test_integer_samples_are_refused_before_work(segy, tmp_path):
    spec = segyio.spec()
    spec.samples, spec.format, spec.tracecount = np.arange(40) * 4.0, 3, 1
    with segyio.create(tmp_path / "integers.segy", spec) as file:
        file.trace[0] = np.arange(40, dtype=np.int16)
    section = ks.data.read_section(tmp_path / "integers.segy")
    assert section.amplitude[7, 0] == 7
    with pytest.raises(ValueError, match=r"integers \(format 3\)"):
        ks.data.check_target(tmp_path / "out.segy", section)
    ks.data.check_target(tmp_path / "out.npy", section)
    written = ks.data.write_section(tmp_path / "out.npy", 0.5 * section.amplitude, section)
    np.testing.assert_array_equal(np.load(written), 0.5 * section.amplitude)
