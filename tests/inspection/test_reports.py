"""What an inspection says of arrays: kind, axes, units, numbers, suspicions."""

import math

import numpy as np
import pytest
import scipy.signal

import keras_seismic as ks


def noted(report, text):
    return [line for line in (*report.warnings, *report.notes) if text in line]


def test_the_field_line(data_folder):
    """305 traces of 2001 samples, 4 ms, IBM floats, no dead trace but a triangle of zeros."""
    report = ks.inspection.inspect(data_folder / "field_line_namss_88-22-V.segy")
    assert report.readable
    assert "IBM floats (format 1), big-endian" in report.format
    assert report.facts["traces"] == 305
    assert report.facts["samples"] == 2001
    assert "CLIENT MMS | LINE NAME: 88-22-V" in report.facts["text header"]
    (array,) = report.arrays
    assert (array.kind, array.axes, array.shape) == ("section", ("time", "trace"), (2001, 305))
    assert array.dt == pytest.approx(0.004)
    assert array.examined == "all 610,305 samples"
    assert array.traces["dead"] == 0
    assert "100% of the live traces begin with zeros (49 to 1140 samples)" in array.traces["mute"]
    section = ks.io.read_section(data_folder / "field_line_namss_88-22-V.segy").amplitude
    np.testing.assert_array_equal(array.panels[0], section)
    assert array.values["maximum"] == section.max()
    assert array.values["zero_fraction"] == np.mean(section == 0)
    assert 8 < array.spectrum["peak_hz"] < 22
    assert array.warnings == []


def test_the_salt_section(data_folder):
    (array,) = ks.inspection.inspect(data_folder / "field_stack_salt.npy").arrays
    assert (array.kind, array.axes) == ("section", ("time", "trace"))
    assert array.dt is None
    assert noted(array, "outliers: the largest amplitude is 4.4 times the 99th percentile")
    assert noted(array, "order of 3e+06")


def test_the_cube(data_folder):
    (array,) = ks.inspection.inspect(data_folder / "field_stack_3d.npy").arrays
    assert (array.kind, array.axes) == ("cube", ("time", "inline", "crossline"))
    assert noted(array, "divided by the largest positive value")


@pytest.mark.parametrize(
    ("name", "outside", "note"),
    [
        ("marmousi2_vp_10m.npy", "1.5% of the cells", "first 46 rows are 1500 m/s throughout (wa"),
        ("overthrust_vp.npy", "46.6% of the cells", "21% of the cells are 6000 m/s"),
    ],
)
def test_velocity_models(data_folder, name, outside, note):
    (array,) = ks.inspection.inspect(data_folder / name).arrays
    assert (array.kind, array.axes) == ("velocity", ("depth", "width"))
    assert array.units.startswith("m/s")
    assert noted(array, outside)
    assert noted(array, note)
    velocity = np.load(data_folder / name, allow_pickle=False)
    fraction = np.mean((velocity < 1500) | (velocity > 4500))
    assert f"{fraction:.1%}" in outside
    assert array.dx == (10.0 if "10m" in name else None)


def changed(section, rows, columns, value):
    section = section.copy()
    section[rows, columns] = value
    return section


EVERY = slice(None)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s: changed(s, EVERY, slice(20, 30), 0), "dead traces: 10 of 140 (trace 20-29)"),
        (lambda s: changed(s, EVERY, [3, 5], 0), "dead traces: 2 of 140 (trace 3, 5)"),
        (lambda s: changed(s, EVERY, 7, 4.0), "constant traces: 1 of 140 (trace 7)"),
        (lambda s: changed(s, EVERY, 9, s[:, 8]), "repeated traces: 1 of 140 (trace 9)"),
        (lambda s: changed(s, EVERY, 9, 1e-3 * s[:, 9]), "weak traces: 1 of 140 (trace 9)"),
        (lambda s: changed(s, EVERY, 9, 1e3 * s[:, 9]), "strong traces: 1 of 140 (trace 9)"),
        (lambda s: changed(s, 4, slice(3), np.nan), "not finite (NaN or infinity): 3 values"),
        (lambda s: changed(s, 4, 3, np.inf), "not finite (NaN or infinity): 1 values"),
        (lambda s: s + s.std(), "100% of the deviation"),
        (lambda s: np.clip(s, -s.std(), s.std()), "the data was clipped"),
        (lambda s: s / np.abs(s).max(axis=0), "each was divided by its own maximum"),
        (lambda s: s / s.std(axis=0), "every trace has the same energy"),
        (lambda s: s / s.max(), "an extreme is exactly 1"),
        (lambda s: 0.5 * s / np.abs(s).max(), "all within [-1, 1]"),
        (lambda s: (s - s.min()) / np.ptp(s) / 1.01, "all within [0, 1]"),
        (lambda s: (s - s.mean()) / s.std(), "already standardized"),
        (lambda s: np.rint(s / np.abs(s).max() * 100), "8 bits"),
        (lambda s: (s * 0 + 5).astype("float32"), "every value is 5"),
        (lambda s: s * 0, "every value is 0"),
        (lambda s: np.abs(s) + 1e-9, "no value is negative"),
        (lambda s: s.astype("float64"), "float64 is twice the size"),
        (lambda s: np.asfortranarray(s), "Fortran order"),
        (lambda s: (s * 1e28).astype("float32"), "bytes in the wrong order"),
    ],
)
def test_suspicions(section, inspected, change, text):
    assert not noted(inspected(section), text)
    assert noted(inspected(change(section)), text)


def test_mains_hum(section, tmp_path):
    """Found in a trace file, whose headers tell the sample interval."""
    import segyio

    rng = np.random.default_rng(0)
    b, a = scipy.signal.butter(4, [5, 90], "band", fs=250)
    clean = scipy.signal.lfilter(b, a, rng.standard_normal((1000, 40)), axis=0)
    for kind, tones in ((None, None), ("hum", [50.0]), ("hum_60", [60.0])):
        traces = clean if kind is None else ks.noise.add_noise(clean, kind, 6.0, 0.004)
        path = tmp_path / f"{kind}.segy"
        segyio.tools.from_array2D(path, np.ascontiguousarray(traces.T, "float32"), dt=4000)
        (array,) = ks.inspection.inspect(path).arrays
        assert array.spectrum.get("hum_hz") == tones
        assert bool(noted(array, "mains hum")) == (kind is not None)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<i2", ">i4", "f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_type_and_order(section, inspected, dtype, order):
    stored = np.array(section, dtype, order=order)
    array = inspected(stored)
    assert array.dtype == np.dtype(dtype).newbyteorder("=").name
    assert f"{'big' if dtype[0] == '>' else 'little'}-endian" in array.storage
    assert ("Fortran" in array.storage) == (order == "F")
    assert array.kind == "section"
    assert array.values["maximum"] == pytest.approx(float(stored.max()), rel=1e-6)


def test_numbers_are_numpys(section, inspected):
    array = inspected(section)
    v = array.values
    assert (v["minimum"], v["maximum"]) == (section.min(), section.max())
    assert v["mean"] == pytest.approx(section.mean(dtype=float), rel=1e-5)
    assert v["deviation"] == pytest.approx(section.std(dtype=float), rel=1e-5)
    assert v["p95"] == pytest.approx(np.percentile(section, 95), rel=1e-5)
    frequency, power = scipy.signal.periodogram(section, axis=0, window="hann")
    peak = frequency[np.sqrt(power).mean(axis=1).argmax()]
    assert array.spectrum["peak_cycles_per_sample"] == pytest.approx(peak, abs=0.02)


def test_a_large_array_is_sampled(inspected):
    rng = np.random.default_rng(0)
    trend = np.sin(np.arange(200) / 4)[:, None]
    section = (trend + 0.1 * rng.standard_normal((200, 500))).astype("float32")
    array = inspected(section, samples=20_000)
    assert array.panels.shape == (1, 200, 96)
    assert array.examined == ("19,200 of 100,000 samples, spread evenly: 96 of 500 traces")
    np.testing.assert_array_equal(array.panels[0], section[:, array.columns])
    assert array.columns[0] == 0
    assert array.columns[-1] == 499


def test_memory_stays_bounded(tmp_path):
    """A sparse file of 4 GB: little of it is read."""
    import tracemalloc

    path = tmp_path / "large.npy"
    array = np.lib.format.open_memmap(path, "w+", np.float32, (500, 2_000_000))
    array[:, :64] = np.sin(np.arange(500) / 4)[:, None]
    del array
    tracemalloc.start()
    (report,) = ks.inspection.inspect(path, samples=2**20).arrays
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "of 1,000,000,000 samples" in report.examined
    assert peak < 100e6


def test_arrays_that_are_nothing_in_particular(inspected):
    assert inspected(np.float32(3)).shape == ()
    assert inspected(np.zeros((2,) * 6, "f4")).kind == "unknown"
    assert inspected(np.ones((2, 3, 4, 5, 6), "f4")).kind == "unknown"
    assert inspected(np.array([True, False] * 40)).kind == "trace"
    assert inspected(np.random.default_rng(0).standard_normal((3, 3))).kind == "section"


@pytest.mark.parametrize("samples", [0, -5])
def test_samples_must_be_positive(tmp_path, samples):
    with pytest.raises(ValueError, match=f"received {samples}"):
        ks.inspection.inspect(tmp_path, samples)


def test_machines_get_plain_json(section, inspected, tmp_path):
    import json

    inspected(changed(section, 3, 3, np.nan))
    report = ks.inspection.inspect(tmp_path / "unknown.npy")
    again = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert again["arrays"][0]["kind"] == "section"
    assert again["arrays"][0]["values"]["nan"] == 1
    assert "panels" not in again["arrays"][0]
    empty = ks.inspection.ArrayReport("", (), "float32", values={"mean": math.nan})
    report.arrays = [empty]
    assert report.to_dict()["arrays"][0]["values"]["mean"] is None
