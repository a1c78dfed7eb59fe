"""Pre-stack SEG-Y: what segyio and the package's own reader find in it."""

import numpy as np
import pytest
import segyio

import keras_seismic as ks


def line(shots=3, channels=4, dx=12.5):
    """A streamer's positions and amplitudes."""
    sources = np.stack([np.arange(shots) * 50.0 + 100, np.full(shots, 6.25)], axis=1)
    receivers = np.zeros((shots, channels, 2))
    receivers[..., 0] = sources[:, :1] - 25 - dx * np.arange(channels)
    receivers[..., 1] = 8.0
    gathers = np.random.default_rng(0).standard_normal((shots, 60, channels)).astype(np.float32)
    return gathers, sources, receivers


def write(path, dt=0.002, **changes):
    gathers, sources, receivers = line(**changes)
    return ks.io.write_shot_gathers(path, gathers, dt, sources, receivers, ["A TEST"])


def test_segyio_reads_it(tmp_path):
    gathers, sources, receivers = line()
    with segyio.open(str(write(tmp_path / "line.segy")), ignore_geometry=True) as file:
        text = segyio.tools.wrap(file.text[0])
        assert text.startswith("C 1 WRITTEN BY keras_seismic")
        assert "C 7 A TEST" in text
        assert "C39 SEG Y REV1" in text
        np.testing.assert_array_equal(file.samples, np.arange(60) * 2.0)
        np.testing.assert_array_equal(file.trace.raw[:], gathers.transpose(0, 2, 1).reshape(-1, 60))
        assert file.bin[segyio.BinField.MeasurementSystem] == 1  # meters
        assert file.bin[segyio.BinField.Traces] == 4

        def words(name, scalar=None):
            values = file.attributes(getattr(segyio.TraceField, name))[:].astype(float)
            if scalar:
                factor = file.attributes(getattr(segyio.TraceField, scalar))[:]
                assert (factor < 0).all()  # a divisor
                values /= -factor
            return values.reshape(3, 4)

        np.testing.assert_array_equal(words("FieldRecord"), [[i] * 4 for i in (1, 2, 3)])
        np.testing.assert_array_equal(words("TraceNumber"), [[1, 2, 3, 4]] * 3)
        np.testing.assert_array_equal(words("TRACE_SEQUENCE_FILE").ravel(), np.arange(12) + 1)
        np.testing.assert_array_equal(words("CoordinateUnits"), 1)
        x = words("SourceX", "SourceGroupScalar"), words("GroupX", "SourceGroupScalar")
        np.testing.assert_array_equal(x[0], sources[:, :1].repeat(4, axis=1))
        np.testing.assert_array_equal(x[1], receivers[..., 0])
        np.testing.assert_allclose(
            words("CDP_X", "SourceGroupScalar"), (x[0] + x[1]) / 2, atol=0.01
        )
        np.testing.assert_array_equal(words("SourceDepth", "ElevationScalar"), 6.25)
        np.testing.assert_array_equal(words("ReceiverGroupElevation", "ElevationScalar"), -8)
        np.testing.assert_array_equal(words("offset"), np.rint(x[1] - x[0]))


def test_our_own_reader_reads_it(tmp_path):
    gathers, sources, receivers = line()
    path = write(tmp_path / "line.sgy")
    read = ks.gathers.read_shot_gathers(path)
    np.testing.assert_array_equal(read.gathers, gathers[..., ::-1])  # receivers in ascending x
    np.testing.assert_array_equal(read.source_x, sources[:, 0])
    np.testing.assert_array_equal(read.receiver_x, receivers[:, ::-1, 0].T)
    assert read.dt == 0.002
    report = ks.inspect(path)
    assert report.readable
    assert report.arrays[0].kind == "shot gathers"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: write(f / "a.su"), r"expected a \.segy or \.sgy file, received '\.su'"),
        (lambda f: write(f / "a.segy", dt=0.0012345), r"whole microseconds, received dt=0\.00123"),
        (lambda f: write(f / "a.segy", dt=0.07), r"1 to 65535 whole microseconds"),
        (
            lambda f: ks.io.write_shot_gathers(
                f / "a.segy", np.zeros((1, 70_000, 4)), 0.001, *line(1)[1:]
            ),
            r"1 to 65535 samples, received 70000",
        ),
        (
            lambda f: ks.io.write_shot_gathers(f / "a.segy", line(2)[0], 0.001, *line(3)[1:]),
            r"expected 3 gathers, one a source, received 2",
        ),
        (
            lambda f: ks.io.write_shot_gathers(f / "a.segy", line(3)[0], 0.001, *line(2)[1:]),
            r"expected 2 gathers .* of \(60, 4\), received 3 or more",
        ),
        (
            lambda f: ks.io.write_shot_gathers(
                f / "a.segy", line(1)[0], 0.001, *(1e10 + p for p in line(1)[1:])
            ),
            r"coordinates of less than 2\^31 m",
        ),
    ],
)
def test_refused_with_nothing_written(tmp_path, make, message):
    with pytest.raises(ValueError, match=message):
        make(tmp_path)
    assert not list(tmp_path.iterdir())
