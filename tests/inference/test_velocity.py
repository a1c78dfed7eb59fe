"""Velocity from a user's gathers and lines."""

import dataclasses
import json

import numpy as np
import onnx
import pytest

import keras_seismic as ks
from keras_seismic.inference import GatherInverter
from keras_seismic.inference.velocity_line import _joined


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "model.keras"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def line(small):
    """A line of 1200 m, shot so that the model's experiment of 700 m fits in several places."""
    acquisition = small.acquisition
    sources = sorted({x + shift for x, _ in acquisition.sources for shift in range(0, 481, 120)})
    wide = dataclasses.replace(
        acquisition,
        sources=tuple((x, 10.0) for x in sources),
        receivers=tuple((40.0 * i, 10.0) for i in range(30)),
    )
    velocity = ks.simulation.sample_velocity("curvevel_a", 1, seed=5, shape=(70, 120))
    amplitude = ks.simulation.simulate(velocity, wide)[0]
    receivers = np.array([x for x, _ in wide.receivers])
    return ks.gathers.ShotGathers(
        amplitude,
        wide.dt,
        np.array(sources) + 1000,
        np.tile(receivers[:, None], len(sources)) + 1000,
    )


def test_arrays_in_either_layout(model, small):
    raw = small.gathers[:3]
    expected = np.asarray(model(raw))[..., 0]
    assert expected.std() > 50
    for given, wanted in (
        (raw, expected),
        (raw[0], expected[0]),
        (raw.transpose(0, 3, 1, 2), expected),
        (raw[1].transpose(2, 0, 1).astype("float64"), expected[1]),
    ):
        np.testing.assert_allclose(ks.invert(given, model, batch_size=2), wanted, atol=0.1)


def test_models_on_disk_are_the_same(model, saved, small, tmp_path):
    raw = small.gathers[:2]
    expected = np.asarray(model(raw))[..., 0]
    exported = ks.exporting.export_onnx(model, tmp_path / "model.onnx", raw)
    for path in (saved, str(exported)):
        np.testing.assert_allclose(ks.invert(raw, path), expected, atol=0.5)
    graph = onnx.load(exported)
    del graph.metadata_props[:]
    onnx.save(graph, exported)
    with pytest.raises(ValueError, match="has no model card"):
        ks.invert(raw, exported)


def test_what_does_not_fit_is_refused(model, small):
    raw = small.gathers[:1]
    with pytest.raises(ValueError, match=r"takes gathers .* of \(128, 18, 2\).*received shape"):
        ks.invert(raw[:, :100], model)
    with pytest.raises(ValueError, match="received shape"):
        ks.invert(raw[:0], model)
    broken = raw.copy()
    broken[0, 5, 5, 1] = np.nan
    with pytest.raises(
        ValueError, match=r"invert: gathers 0 to 0: 1 of 4608 values are not finite"
    ):
        ks.invert(broken, model)
    with pytest.raises(ValueError, match="origin, spacing: for pre-stack lines only"):
        ks.invert(raw, model, origin=3.0, spacing=5.0)
    with pytest.raises(ValueError, match="batch_size must be a positive integer"):
        ks.invert(raw, model, batch_size=0)
    for given in (raw.astype(complex), raw.astype(str)):
        with pytest.raises(ValueError, match="gathers of real numbers"):
            ks.invert(given, model)
    for network in (ks.models.ConvDenoiser(2, 1), model.network):
        with pytest.raises(ValueError, match="expected a model from raw gathers to velocity"):
            ks.invert(raw, network)
    with pytest.warns(UserWarning, match=r"largest amplitude is .*e\+0.*trained on up to 55"):
        ks.invert(1000 * raw, model)
    with pytest.warns(UserWarning, match="largest amplitude"):
        ks.invert(np.concatenate([raw, raw, 1e-3 * raw]), model, batch_size=2)


def test_calibration_undoes_other_amplitudes():
    acquisition = ks.simulation.Acquisition.surface(
        70, 10.0, 0.001, 200, 15.0, shots=1, boundary="cpml"
    )
    gathers = ks.simulation.simulate(np.full((1, 70, 70), 2000.0, np.float32), acquisition)
    # What it "predicts" are the amplitudes that it is given.
    inverter = ks.inference.GatherInverter(lambda x: x[:, :70], (200, 70, 1), acquisition)
    raw = ks.invert(gathers, inverter)
    np.testing.assert_array_equal(raw, gathers[:, :70, :, 0])
    calibrated = ks.invert(1000 * gathers, inverter, calibrate=True)
    np.testing.assert_allclose(calibrated, raw, atol=0.01 * np.abs(raw).max())
    unknown = dataclasses.replace(inverter, acquisition=None)
    with pytest.raises(ValueError, match="does not know its acquisition"):
        ks.invert(gathers, unknown, calibrate=True)


def test_a_line_is_put_together_from_its_parts(model, line):
    result = ks.invert(line, model)
    assert result.start == 1000
    assert len(result.origins) == 5
    np.testing.assert_allclose(result.origins, 1000 + 120 * np.arange(5))
    assert result.velocity.shape == (70, 118)
    assert result.dx == 10
    # Where one part alone reaches, it is that part's velocity.
    for origin, place in ((1000.0, np.s_[:, :10]), (1480.0, np.s_[:, -10:])):
        matched = ks.gathers.match_acquisition(line, model.acquisition, origin)
        alone = np.asarray(model(matched.amplitude[None]))[0, ..., 0]
        np.testing.assert_allclose(result.velocity[place], alone[place], atol=0.1)
        one = ks.invert(line, model, origin=origin)
        np.testing.assert_allclose(one.velocity, alone, atol=0.1)
    assert "x=0 is 1000 m on the line" in result.changes[0]
    coarse = GatherInverter(lambda x: x[:, :9, :9, :1], model.input_shape[1:], model.acquisition)
    with pytest.raises(ValueError, match="predicts 9 columns, but its sources and receivers span"):
        ks.invert(line, coarse)
    for spacing in (0.0, -5.0, np.nan):
        with pytest.raises(ValueError, match="spacing must be positive"):
            ks.invert(line, coarse, spacing=spacing)
    assert ks.invert(line, coarse, spacing=80.0).velocity.shape == (9, 15)
    short = dataclasses.replace(line, source_x=line.source_x + 5000)
    with pytest.raises(ValueError, match="the line does not hold the acquisition"):
        ks.invert(short, model)


def test_joining_keeps_what_all_parts_agree_on():
    truth = np.add.outer(np.arange(5.0), 10 * np.arange(41.0))
    origins = np.array([0.0, 95.0, 210.0])
    parts = np.stack([truth[:, c : c + 20] for c in np.rint(origins / 10).astype(int)])[..., None]
    joined = _joined(parts, 10.0, origins, ())
    np.testing.assert_allclose(joined.velocity, truth[:, :41], rtol=1e-6)
    assert joined.spread is None
    both = _joined(np.concatenate([parts, 2 * parts], -1), 10.0, origins, ())
    np.testing.assert_array_equal(both.velocity, joined.velocity)
    np.testing.assert_allclose(both.spread, 2 * truth[:, :41], rtol=1e-6)
    gap = _joined(parts, 10.0, np.array([0.0, 95.0, 400.0]), ())
    assert np.isnan(gap.velocity).all(axis=0).sum() == 10
    assert "NaN" in gap.changes[-1]


def test_files_of_arrays(saved, model, small, tmp_path):
    raw = small.gathers[:3]
    expected = np.asarray(model(raw))[..., 0]
    for name, given, shape in (
        ("keras", raw, (3, 70, 70)),
        ("openfwi", raw.transpose(0, 3, 1, 2), (3, 1, 70, 70)),
        ("one", raw[0], (70, 70)),
    ):
        np.save(tmp_path / f"{name}.npy", given)
        target = tmp_path / f"{name}_velocity.npy"
        ks.inference.invert_file(saved, tmp_path / f"{name}.npy", target)
        written = np.load(target, allow_pickle=False)
        assert written.shape == shape
        wanted = expected if len(shape) > 2 else expected[0]
        np.testing.assert_allclose(written.reshape(wanted.shape), wanted, atol=0.1)
        description = json.loads(target.with_suffix(".json").read_text())
        assert (description["units"], description["dx_m"]) == ("m/s", 10)
    before = target.read_bytes()
    (tmp_path / "beside.json").write_text("precious")
    for source, to, error, message in (
        ("keras.npy", "one_velocity.npy", FileExistsError, "exists already"),
        ("keras.npy", "velocity.segy", ValueError, "written as .npy"),
        ("keras.npy", "nowhere/velocity.npy", FileNotFoundError, "no such folder"),
        ("keras.npy", "beside.npy", FileExistsError, "exists already"),
        ("absent.npy", "velocity.npy", FileNotFoundError, "no such file of gathers"),
        ("one_velocity.json", "velocity.npy", ValueError, "expected gathers in"),
        ("one_velocity.npy", "velocity.npy", ValueError, "takes gathers"),
    ):
        with pytest.raises(error, match=message):
            ks.inference.invert_file(saved, tmp_path / source, tmp_path / to)
    assert target.read_bytes() == before
    assert (tmp_path / "beside.json").read_text() == "precious"
