"""Velocity and its spread for arrays, files and lines."""

import dataclasses
import json

import numpy as np
import pytest

import keras_seismic as ks
from tests.spread_models import stated_model


@pytest.fixture(scope="module")
def stated():
    return stated_model()


@pytest.fixture(scope="module")
def expected(stated):
    return [np.asarray(output)[..., 0] for output in stated[0](stated[1])]


def test_arrays(stated, expected):
    model, raw = stated
    velocity, spread = ks.invert(raw, model, spread=True, batch_size=2)
    np.testing.assert_allclose(velocity, expected[0], rtol=1e-6)
    np.testing.assert_allclose(spread, expected[1], rtol=1e-5)
    one = ks.invert(raw[0].transpose(2, 0, 1), model, spread=True)
    np.testing.assert_allclose(one, [part[0] for part in expected], rtol=1e-5)
    np.testing.assert_array_equal(ks.invert(raw, model), velocity)
    with pytest.raises(ValueError, match=r"has velocity as its only output.*fit_spread"):
        ks.invert(raw, ks.models.without_spread(model), spread=True)


def test_a_spread_that_is_not_finite_is_refused(stated):
    model, raw = stated
    whole = ks.inference.GatherInverter.of(model)

    def outputs(gathers):
        found = whole.outputs(gathers)
        return found | {"spread": found["spread"] * np.nan}

    broken = dataclasses.replace(whole, outputs=outputs)
    assert np.isfinite(ks.invert(raw, broken)).all()
    with pytest.raises(ValueError, match=r"what the model predicted: .* are not finite"):
        ks.invert(raw, broken, spread=True)


def test_files(stated, expected, tmp_path):
    model, raw = stated
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "raw.npy", raw.transpose(0, 3, 1, 2))
    arguments = tmp_path / "model.keras", tmp_path / "raw.npy"
    wanted = {"spread": tmp_path / "spread.npy"}
    ks.inference.invert_file(*arguments, tmp_path / "velocity.npy", **wanted)
    for name, array in zip(("velocity", "spread"), expected, strict=True):
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), array[:, None], rtol=1e-5)
        description = json.loads((tmp_path / f"{name}.json").read_text())
        assert description["units"] == "m/s"
        assert ("90% interval" in description.get("quantity", "")) == (name == "spread")
    (tmp_path / "velocity.npy").unlink()
    (tmp_path / "velocity.json").unlink()
    with pytest.raises(FileExistsError, match=r"spread\.npy: exists already"):
        ks.inference.invert_file(*arguments, tmp_path / "velocity.npy", **wanted)
    target = tmp_path / "both.npy"
    with pytest.raises(ValueError, match="choose another name for the spread"):
        ks.inference.invert_file(*arguments, target, spread=target)
    assert not (tmp_path / "velocity.npy").exists()


def test_lines_have_it_blended_as_the_velocity(small):
    """Parts of a line, whose spread is twice the velocity everywhere."""
    acquisition = small.acquisition
    sources = sorted({x + shift for x, _ in acquisition.sources for shift in (0, 120)})
    receivers = np.arange(0.0, 1161.0, 40.0)
    rng = np.random.default_rng(0)
    line = ks.gathers.ShotGathers(
        rng.uniform(-1, 1, (acquisition.nt, len(receivers), len(sources))).astype("float32"),
        acquisition.dt,
        np.array(sources),
        np.tile(receivers[:, None], len(sources)),
    )

    def predict(gathers):
        return 2000 + 100 * np.repeat(gathers[:, :70, :1, :1], 70, axis=2)

    inverter = ks.inference.GatherInverter(
        predict,
        acquisition.gather_shape,
        acquisition,
        outputs=lambda x: {"velocity": predict(x), "spread": 2 * predict(x)},
    )
    result = ks.invert(line, inverter, spread=True)
    assert len(result.origins) > 1
    np.testing.assert_allclose(result.spread, 2 * result.velocity, rtol=1e-6)
    alone = ks.invert(line, inverter)
    assert alone.spread is None
    np.testing.assert_array_equal(alone.velocity, result.velocity)
    with pytest.raises(ValueError, match="refined has velocity as its only output"):
        ks.invert(line, ks.inversion.refined(inverter), spread=True)
