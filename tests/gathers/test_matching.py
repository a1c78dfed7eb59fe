"""Lines brought to an acquisition; the truth is simulated."""

import dataclasses

import numpy as np
import pytest

import keras_seismic as ks
from tests.segy_files import write_line

ACQUISITION = ks.simulation.Acquisition.surface(
    width=41, dx=10.0, dt=0.001, nt=400, peak_frequency=15.0, source_columns=(0, 20, 40),
    boundary="cpml",
)  # fmt: skip
SOURCE_X, RECEIVER_X = np.array([0.0, 200, 400]), 10.0 * np.arange(41)
UTM = 512_300.0


@pytest.fixture(scope="module")
def truth():
    """Gathers over two layers, ``(time, receivers, shots)``."""
    velocity = np.full((1, 40, 41), 2500.0)
    velocity[:, 20:] = 3200.0
    return ks.simulation.simulate(velocity, ACQUISITION, progress=False)[0]


def read(path, gathers, source_x, receiver_x, **options):
    return ks.gathers.read_shot_gathers(
        write_line(path, gathers, source_x, receiver_x, **options), progress=False
    )


def test_the_same_experiment_elsewhere_comes_back_to_the_bit(tmp_path, truth):
    line = read(tmp_path / "a.segy", truth, SOURCE_X + UTM, RECEIVER_X + UTM)
    matched = ks.gathers.match_acquisition(line, ACQUISITION)
    np.testing.assert_array_equal(matched.amplitude, truth)
    assert matched.changes == ("x=0 is 512300 m on the line",)
    np.testing.assert_array_equal(matched.source_x, SOURCE_X)
    np.testing.assert_array_equal(matched.receiver_x[:, 1], RECEIVER_X)


def test_four_milliseconds_become_one(tmp_path, truth):
    """A causal Ricker of 15 Hz has nothing beyond 60 Hz; 4 ms hold 125 Hz."""
    line = read(tmp_path / "a.su", truth[::4], SOURCE_X, RECEIVER_X, dt_us=4000)
    matched = ks.gathers.match_acquisition(line, ACQUISITION)
    assert matched.dt == 0.001
    # The last samples lack what came after the record's end.
    error = np.abs(matched.amplitude[:300] - truth[:300]).max()
    assert error < 2e-3 * np.abs(truth).max()
    assert any("resampled from 4 to 1 ms" in change for change in matched.changes)


def test_coarser_receivers_are_interpolated(tmp_path, truth):
    """20 m apart, waves of 2500 m/s and 37.5 Hz are not aliased: 33 m would be the limit."""
    line = read(tmp_path / "a.segy", truth[:, ::2], SOURCE_X, RECEIVER_X[::2])
    errors = {}
    for method in ("sinc", "linear"):
        matched = ks.gathers.match_acquisition(
            line, ACQUISITION, method=method, near_surface_velocity=2500.0
        )
        np.testing.assert_allclose(matched.amplitude[:, ::2], truth[:, ::2], atol=1e-6)
        # Beside a source gathers have a cusp, at the ends there is nothing to go by.
        far = np.abs(RECEIVER_X[:, None] - SOURCE_X) > 70
        far[[1, -2]] = False
        error = np.sqrt(np.sum((matched.amplitude - truth) ** 2, axis=0) / np.sum(truth**2, axis=0))
        errors[method] = error[far & (np.arange(41) % 2 == 1)[:, None]].max()
    assert errors["sinc"] < 0.035
    assert errors["linear"] > 0.08
    assert any("41 receivers interpolated (linear) between 21 that are 20 m apart" in change
               for change in matched.changes)  # fmt: skip


def test_finer_receivers_are_chosen_not_smoothed(tmp_path, truth):
    coarse = ks.simulation.Acquisition.surface(
        width=41, dx=20.0, dt=0.001, nt=400, peak_frequency=15.0, source_columns=(0, 10, 20)
    )
    coarse = dataclasses.replace(coarse, receivers=coarse.receivers[:21])
    line = read(tmp_path / "a.segy", truth, SOURCE_X, RECEIVER_X)
    matched = ks.gathers.match_acquisition(line, coarse)
    np.testing.assert_array_equal(matched.amplitude, truth[:, ::2])
    assert "21 of 41 receivers chosen" in matched.changes


def test_a_long_line_holds_the_experiment_many_times(tmp_path, rng):
    """Shots every 100 m, receivers 0 to 1000 m: places 0, 100 ... 600 m."""
    source_x, receiver_x = 100.0 * np.arange(11), 10.0 * np.arange(101)
    gathers = rng.standard_normal((400, 101, 11)).astype("float32")
    line = read(tmp_path / "a.segy", gathers, source_x, receiver_x)
    np.testing.assert_allclose(
        ks.gathers.matching_origins(line, ACQUISITION), 100.0 * np.arange(7), atol=1e-6
    )
    third = ks.gathers.match_acquisition(line, ACQUISITION, origin=300.0)
    np.testing.assert_array_equal(third.amplitude, gathers[:, 30:71, 3:8:2])
    first = ks.gathers.match_acquisition(line, ACQUISITION)
    assert first.changes[0] == "x=0 is 0 m on the line, the first of 7 places"


def test_a_moving_spread_works_where_it_covers_the_receivers(tmp_path, rng):
    source_x = np.array([0.0, 200, 400])
    receiver_x = (-500 + 10.0 * np.arange(101))[:, None] + source_x
    gathers = rng.standard_normal((400, 101, 3)).astype("float32")
    line = read(tmp_path / "a.segy", gathers, source_x, receiver_x)
    assert line.grid.spread == "moving"
    matched = ks.gathers.match_acquisition(line, ACQUISITION)
    np.testing.assert_array_equal(matched.amplitude[..., 1], gathers[:, 30:71, 1])


def test_a_streamer_matches_a_streamer(tmp_path, rng):
    """Each shot has its own receivers: every second one of the line's, at one place only."""
    streamer = ks.simulation.Acquisition.streamer(
        width=41, dx=10.0, dt=0.001, nt=400, peak_frequency=15.0, offsets=(60.0, 40.0, 20.0),
        shots=3, boundary="cpml",
    )  # fmt: skip
    source_x = 1000 + streamer.source_positions[:, 0]
    receiver_x = source_x - np.arange(70.0, 0, -10)[:, None]
    gathers = rng.standard_normal((400, 7, 3)).astype("float32")
    line = read(tmp_path / "a.segy", gathers, source_x, receiver_x)
    np.testing.assert_allclose(ks.gathers.matching_origins(line, streamer), [1000])
    matched = ks.gathers.match_acquisition(line, streamer)
    np.testing.assert_array_equal(matched.amplitude, gathers[:, 1::2])
    np.testing.assert_allclose(matched.receiver_x, streamer.receiver_positions[..., 0].T)
    longer = dataclasses.replace(
        streamer, receivers=streamer.receiver_positions - [[[20.0, 0], [0, 0], [0, 0]]]
    )
    with pytest.raises(ValueError, match=r"receivers at x=980 to 1040 m are wanted, but the shot"):
        ks.gathers.match_acquisition(line, longer)


def test_sources_nearly_in_place_are_reported(tmp_path, truth):
    line = read(tmp_path / "a.segy", truth, SOURCE_X + np.array([3, 0, 3]), RECEIVER_X)
    matched = ks.gathers.match_acquisition(line, ACQUISITION, origin=0.0)
    assert "sources up to 3 m from their places" in matched.changes
    with pytest.raises(ValueError, match=r"2 of 3 sources have no shot within 1 m; the nearest"):
        ks.gathers.match_acquisition(line, ACQUISITION, origin=0.0, tolerance=0.1)


def test_records_are_cropped_filled_and_shifted(tmp_path, truth):
    longer = np.concatenate([truth, truth[:50]])
    line = read(tmp_path / "a.segy", longer, SOURCE_X, RECEIVER_X)
    matched = ks.gathers.match_acquisition(line, ACQUISITION)
    np.testing.assert_array_equal(matched.amplitude, truth)
    assert "cropped from 0.449 to 0.399 s" in matched.changes

    line = read(tmp_path / "b.segy", truth[:370], SOURCE_X, RECEIVER_X)
    matched = ks.gathers.match_acquisition(line, ACQUISITION)
    np.testing.assert_array_equal(matched.amplitude[:370], truth[:370])
    assert (matched.amplitude[370:] == 0).all()
    assert "zeros after 0.369 s, where the record ends" in matched.changes

    late = read(tmp_path / "c.segy", truth[20:], SOURCE_X, RECEIVER_X,
                words=lambda s, r: {109: 20})  # fmt: skip
    matched = ks.gathers.match_acquisition(late, ACQUISITION)
    np.testing.assert_allclose(matched.amplitude[20:], truth[20:], atol=1e-5)
    assert "zeros before 0.02 s, where the record begins" in matched.changes


def test_dead_receivers_are_counted(tmp_path, truth):
    keep = np.ones(truth.shape[1:], bool)
    keep[5, 1] = False
    path = write_line(tmp_path / "a.segy", truth, SOURCE_X, RECEIVER_X, keep=keep)
    line = ks.gathers.read_shot_gathers(path, irregular="zero")
    assert "1 of 123 traces are dead" in ks.gathers.match_acquisition(line, ACQUISITION).changes


@pytest.mark.parametrize(
    ("changed", "options", "message"),
    [
        (
            {"dt_us": 16000},
            {},
            r"samples every 16 ms hold frequencies up to 31\.25 Hz, but .* 37\.5",
        ),
        ({"source_x": SOURCE_X * 1.5}, {}, "2 of 3 sources have no shot within 5 m"),
        ({"receiver_x": RECEIVER_X + 50}, {}, "receivers at x=0 to 400 m are wanted, but the shot"),
        ({"samples": 200}, {}, r"leaves 50% of the acquisition's 0\.399 s empty"),
        ({"step": 4}, {}, r"receivers 40 m apart cannot be interpolated.*beyond 20 m"),
        ({"step": 4}, {"near_surface_velocity": 0}, "near_surface_velocity must be positive"),
        ({"receiver_x": RECEIVER_X + 4}, {"method": "cubic"}, "must be 'sinc' or 'linear'"),
        ({}, {"origin": 1000.0}, r"with x=0 at 1000 m: 3 of 3 sources .*; receivers at x=1000"),
    ],
)
def test_what_cannot_be_matched_is_refused(tmp_path, rng, changed, options, message):
    step = changed.get("step", 1)
    gathers = rng.standard_normal((changed.get("samples", 400), 41, 3)).astype("float32")
    line = read(
        tmp_path / "a.segy", gathers[:, ::step], changed.get("source_x", SOURCE_X),
        changed.get("receiver_x", RECEIVER_X)[::step], dt_us=changed.get("dt_us", 1000),
    )  # fmt: skip
    with pytest.raises(ValueError, match=message) as caught:
        ks.gathers.match_acquisition(line, ACQUISITION, **options)
    assert "interpolate_receivers" in str(caught.value) or "a.segy" in str(caught.value)


def test_aliasing_can_be_accepted(tmp_path, truth):
    line = read(tmp_path / "a.segy", truth[:, ::4], SOURCE_X, RECEIVER_X[::4])
    for options in ({"allow_aliasing": True}, {"near_surface_velocity": 3500.0}):
        assert ks.gathers.match_acquisition(line, ACQUISITION, **options).amplitude.shape == (
            400,
            41,
            3,
        )


@pytest.mark.parametrize("spread", ["fixed", "moving"])
def test_the_experiment_of_a_line(tmp_path, rng, spread):
    """What was simulated for an acquisition, written as a line and read back, gives it again."""
    arguments = {"width": 41, "dx": 10.0, "dt": 0.001, "nt": 400, "peak_frequency": 15.0}
    options = {"boundary": "cpml", "free_surface": True}
    if spread == "fixed":
        acquisition = ks.simulation.Acquisition.surface(shots=3, **arguments, **options)
    else:
        acquisition = ks.simulation.Acquisition.streamer(
            offsets=(60.0, 40.0, 20.0), shots=3, **arguments, **options
        )
    gathers = rng.standard_normal(acquisition.gather_shape).astype("float32")
    x = acquisition.source_positions[:, 0], acquisition.receiver_positions[..., 0].T
    line = read(tmp_path / "a.segy", gathers, 500 + x[0], 500 + x[1])
    again, moved = ks.gathers.acquisition_of(line, 10.0, 15.0, 10.0, origin=500.0, **options)
    assert again == acquisition
    assert moved == 0
    shifted, moved = ks.gathers.acquisition_of(
        line, 10.0, 15.0, 10.0, origin=497.0, dt=0.0005, **options
    )
    assert moved == pytest.approx(3)
    assert shifted.nt == 799
    assert shifted.sources == acquisition.sources
