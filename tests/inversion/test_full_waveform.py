"""``full_waveform``: it finds models, goes on where it was interrupted, and refuses bad input."""

import dataclasses
import os

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import keras_seismic as ks
from keras_seismic.inversion import (
    Stage,
    TotalVariation,
    descent,
    full_waveform,
    linear_start,
    multiscale,
)
from keras_seismic.simulation import Acquisition, sample_velocity, simulate

SHORT = [Stage(10.0, 4), Stage(evaluations=4)]


def error(found, true):
    return np.abs(found - true).mean()


def invert(experiment, start=None, **options):
    start = experiment.start if start is None else start
    options = {"stages": SHORT, "progress": False} | options
    return full_waveform(experiment.gathers, experiment.acquisition, start, **options)


def test_the_model_is_found(experiment):
    stages = [Stage(10.0, 12), Stage(evaluations=15)]
    result = invert(experiment, stages=stages, regularization=())
    # The lens rises 200 m/s above the start.
    middle = np.s_[8:15, 9:16]
    assert error(result.velocity[middle], experiment.true[middle]) < 120
    assert result.misfit < 0.1 * result.initial_misfit
    assert result.velocity.shape == (24, 24)
    assert result.velocity.dtype == np.float32
    assert "24 x 24 cells" in repr(result)


@pytest.mark.slow
def test_a_start_of_layers_and_a_fault_is_improved_by_half():
    acquisition = Acquisition.openfwi("cpml")
    true = sample_velocity("flatfault_a", 1, seed=11).reshape(70, 70).astype(np.float64)
    gathers = simulate(true[None], acquisition, progress=False)[0]
    start = gaussian_filter(true, 5, mode="nearest")
    *early, last = multiscale(acquisition, evaluations=160)
    flat_layers = (TotalVariation(1e-3, lateral=4.0),)
    stages = [*(dataclasses.replace(stage, regularization=flat_layers) for stage in early), last]
    result = full_waveform(gathers, acquisition, start, stages=stages, progress=False)
    assert error(result.velocity, true) < error(start, true) / 2


@pytest.mark.parametrize("misfit", ["l1", "huber", "envelope", "correlation"])
def test_every_misfit_falls(experiment, misfit):
    result = invert(experiment, misfit=misfit, stages=[Stage(evaluations=6)])
    assert result.misfit < 0.9 * result.initial_misfit


def test_the_history_has_a_row_for_each_iteration(experiment):
    seen = []
    result = invert(experiment, regularization=lambda v: (seen.append(v) or 0.5, np.zeros_like(v)))
    history = result.history
    assert {len(column) for column in history.values()} == {len(history["stage"])}
    assert sorted(set(history["stage"])) == [0, 1]
    assert set(history["frequency"]) == {10.0, float("inf")}
    assert set(history["penalty"]) == {0.5}
    for stage in (0, 1):
        misfits = [
            m for m, s in zip(history["misfit"], history["stage"], strict=True) if s == stage
        ]
        assert (np.diff(misfits) <= 0).all()
    assert np.diff(history["seconds"]).min() >= 0
    # Each call computes the misfit once; the last iteration's may be followed by a line search.
    assert result.evaluations <= len(seen) <= 8 + 20


def test_frozen_cells_and_bounds_hold(experiment):
    frozen = np.zeros((24, 24), bool)
    frozen[:3] = True
    result = invert(experiment, frozen=frozen, bounds=(1950.0, 2500.0))
    np.testing.assert_array_equal(result.velocity[:3], experiment.start[:3].astype(np.float32))
    assert (result.velocity[3:] != experiment.start[3:]).any()
    assert result.velocity.min() >= 1950
    assert result.velocity.max() <= 2500


def test_muted_data_do_not_count(experiment):
    spoiled = experiment.gathers.copy()
    weight = np.ones((24, 3))
    spoiled[:, 5, 1], weight[5, 1] = 1e3, 0.0
    dead = experiment.gathers.copy()
    dead[:, 5, 1] = 0
    muted, without = (
        full_waveform(
            gathers,
            experiment.acquisition,
            experiment.start,
            stages=SHORT,
            weight=w,
            progress=False,
        )
        for gathers, w in ((spoiled, weight), (dead, None))
    )
    np.testing.assert_allclose(muted.velocity, without.velocity, rtol=1e-5)


def test_the_wavelet_is_estimated_on_the_way(experiment):
    assumed = dataclasses.replace(experiment.acquisition, peak_frequency=18.0)
    known, wrong, estimated = (
        full_waveform(
            experiment.gathers,
            acquisition,
            experiment.start,
            wavelet=wavelet,
            stages=SHORT,
            progress=False,
        )
        for acquisition, wavelet in (
            (experiment.acquisition, None),
            (assumed, None),
            (assumed, "estimate"),
        )
    )
    true = experiment.acquisition.wavelet
    assert np.linalg.norm(estimated.wavelet - true) < 0.2 * np.linalg.norm(assumed.wavelet - true)
    assert error(estimated.velocity, known.velocity) < error(wrong.velocity, known.velocity) / 2


def test_starts(experiment):
    def network(gathers):
        assert gathers.shape == (1, *experiment.acquisition.gather_shape)
        return experiment.start[None, ..., None]

    short = {"stages": [Stage(evaluations=2)]}
    expected = invert(experiment, **short).velocity
    np.testing.assert_array_equal(invert(experiment, network, **short).velocity, expected)
    batch_of_one = full_waveform(
        experiment.gathers[None],
        experiment.acquisition,
        experiment.start[None],
        progress=False,
        **short,
    )
    np.testing.assert_array_equal(batch_of_one.velocity, expected)
    linear = invert(experiment, "linear", shape=(24, 24), bounds=(2000.0, 2500.0), **short)
    np.testing.assert_allclose(linear.start, linear_start((24, 24), 2000, 2500), rtol=1e-6)


def test_a_killed_run_goes_on(experiment, tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    stages = [Stage(10.0, 6), Stage(evaluations=12)]
    uninterrupted = invert(experiment, stages=stages)

    class Killed(Exception):
        pass

    evaluate, calls = descent.Objective.__call__, []

    def dies(self, velocity):
        calls.append(velocity)
        if len(calls) == 12:
            raise Killed
        return evaluate(self, velocity)

    monkeypatch.setattr(descent.Objective, "__call__", dies)
    with pytest.raises(Killed):
        invert(experiment, stages=stages, state=path)
    assert os.listdir(tmp_path) == ["state.npz"]
    monkeypatch.setattr(descent.Objective, "__call__", evaluate)
    resumed = invert(experiment, stages=stages, state=path)
    # The first iterations are those of the interrupted run.
    assert resumed.history["misfit"][:4] == uninterrupted.history["misfit"][:4]
    assert resumed.history["stage"][-1] == 1
    assert resumed.misfit < 3 * uninterrupted.misfit
    assert error(resumed.velocity, uninterrupted.velocity) < 10
    # Finished: nothing is left to do.
    calls.clear()
    monkeypatch.setattr(descent.Objective, "__call__", dies)
    again = invert(experiment, stages=stages, state=path)
    assert not calls
    np.testing.assert_array_equal(again.velocity, resumed.velocity)


def test_the_state_of_another_inversion_is_refused(experiment, tmp_path):
    path = tmp_path / "state.npz"
    invert(experiment, stages=[Stage(evaluations=1)], state=path)
    with pytest.raises(ValueError, match=r"state.npz: is the state of an inversion of other"):
        invert(experiment, experiment.start + 1, stages=[Stage(evaluations=1)], state=path)
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"state.npz: expected the state of a waveform inversion"):
        invert(experiment, state=path)


def test_the_figure_shows_start_answer_and_misfit(experiment):
    result = invert(experiment)
    titles = [axes.get_title() for axes in result.figure().axes]
    assert {"start", "waveform inversion", "change", "misfit"} <= set(titles)
    titles = [axes.get_title() for axes in result.figure(experiment.true).axes]
    assert any("MAE" in title for title in titles)


def test_stages():
    stages = multiscale(Acquisition.openfwi(), evaluations=50)
    assert [stage.frequency for stage in stages][-1] is None
    assert sum(stage.evaluations for stage in stages) == 50
    with pytest.raises(ValueError, match="frequency must be positive"):
        Stage(frequency=0.0)
    with pytest.raises(ValueError, match="evaluations must be a positive integer"):
        Stage(evaluations=0)
    with pytest.raises(ValueError, match="smoothing must be two lengths"):
        Stage(smoothing=(1.0, -1.0))
    with pytest.raises(ValueError, match="evaluations must be an integer of at least 4"):
        multiscale(Acquisition.openfwi(), evaluations=3)


@pytest.mark.parametrize("smoothing", [(0.0, 0.0), (1.5, 3.0)])
def test_the_scaled_change_and_its_derivative(smoothing):
    random = np.random.default_rng(8)
    first, scale = random.uniform(1600, 4400, (9, 12)), random.uniform(10, 90, (9, 12))
    bounds = np.stack([np.full((9, 12), bound) for bound in (1500.0, 4500.0)])
    change = descent._Change(first, bounds, scale, smoothing)
    np.testing.assert_array_equal(change.model(np.zeros(108)), first)
    x, direction, cotangent = random.normal(size=(3, 108))
    above, below = (change.model(x + s * direction) for s in (1e-5, -1e-5))
    numerical = np.sum((above - below) * cotangent.reshape(9, 12)) / 2e-5
    derivative = change.pullback(x, cotangent.reshape(9, 12)) @ direction
    assert derivative == pytest.approx(numerical, rel=1e-5)
    far = change.model(1e4 * x)
    assert far.min() == 1500
    assert far.max() == 4500


def spoiled(gathers):
    gathers = gathers.copy()
    gathers[100, 3, 1] = np.nan
    return gathers


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"gathers": lambda e: e.gathers[:-1]},
            r"gathers must have .*\(220, 24, 3\), received \(219",
        ),
        ({"gathers": lambda e: np.moveaxis(e.gathers, -1, 0)}, "OpenFWI's layout"),
        ({"gathers": lambda e: np.stack([e.gathers] * 2)}, "one example after the other"),
        ({"gathers": lambda e: spoiled(e.gathers)}, r"1 of .* not finite .* \(100, 3, 1\)"),
        ({"gathers": lambda e: 0 * e.gathers}, "gathers are zero"),
        ({"start": lambda e: e.start[:, :-1]}, "outside the velocity model"),
        (
            {"start": lambda e: e.start, "shape": (70, 70)},
            r"shape \(70, 70\), .* received \(24, 24",
        ),
        ({"start": lambda e: e.start[None].repeat(2, 0)}, "one velocity model, received"),
        ({"start": lambda e: e.start / 1000}, "looks like km/s"),
        ({"start": lambda e: e.start * np.nan}, "not finite"),
        ({"start": lambda e: e.start - 900}, r"start reaches from 1100 to .* beyond bounds"),
        ({"start": lambda e: "linear"}, r"needs shape=\(depth, width\)"),
        ({"start": lambda e: 2000.0}, "start must be a velocity model .* received float"),
        (
            {"start": lambda e: lambda gathers: np.ones((1, 5))},
            r"must predict .*predicted \(1, 5\)",
        ),
        ({"bounds": (1500, 7000)}, "unstable above 6120 m/s"),
        ({"bounds": (1.5, 4.5)}, "look like km/s"),
        ({"bounds": (4500, 1500)}, "0 < low < high"),
        ({"frozen": np.zeros((3, 3), bool)}, r"frozen must be true or false for each cell"),
        ({"weight": np.ones((2, 2))}, "weight must have the gathers' shape"),
        ({"weight": -1.0}, "weight must be finite and not negative"),
        ({"wavelet": np.ones(3)}, r"wavelet must be 'estimate' or an array .* received \(3,\)"),
        ({"wavelet": "guess"}, "wavelet must be 'estimate'"),
        ({"misfit": "l3"}, "misfit must be"),
        ({"stages": []}, "stages is empty"),
        ({"preconditioning": 2.0}, "preconditioning must be from 0 to 1"),
        ({"memory": 1000}, "memory"),
    ],
)
def test_bad_input_is_refused_by_name(experiment, changes, message):
    arguments = {"gathers": lambda e: e.gathers, "start": lambda e: e.start} | changes
    gathers, start = (arguments.pop(name)(experiment) for name in ("gathers", "start"))
    with pytest.raises(ValueError, match=message):
        full_waveform(gathers, experiment.acquisition, start, progress=False, **arguments)


def test_a_network_s_path_is_a_start(experiment, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.keras"):
        invert(experiment, tmp_path / "nowhere.keras")
    assert ks.inversion.full_waveform is full_waveform


def test_total_variation_sharpens(experiment):
    stages = [Stage(evaluations=15)]
    plain = invert(experiment, stages=stages, regularization=())
    flat = invert(experiment, stages=stages, regularization=TotalVariation(0.1))
    rough, smooth = (np.abs(np.diff(v.velocity, axis=1)).mean() for v in (plain, flat))
    assert smooth < rough
