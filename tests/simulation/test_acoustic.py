"""``simulate``: what it returns, on what it may not depend, and what it refuses."""

import dataclasses
import warnings

import keras
import numpy as np
import pytest

from keras_seismic.simulation import (
    Acquisition,
    DispersionWarning,
    ormsby,
    sample_velocity,
    simulate,
)

BOUNDARIES = ["openfwi", "cpml"]


def small(boundary="cpml", **changes):
    """A fast experiment: 24 columns, with a record long enough for boundary reflections."""
    arguments = {"width": 24, "dx": 10.0, "dt": 0.001, "nt": 250, "peak_frequency": 15.0}
    return Acquisition.surface(boundary=boundary, boundary_width=10, **arguments | changes)


@pytest.fixture(scope="module")
def velocity():
    """Five models with different slowest and fastest rock, which set their boundaries."""
    models = 2000 + 0.5 * (sample_velocity("style_b", 5, seed=2, shape=(24, 24)) - 1500)
    return models * np.linspace(0.8, 1.2, 5)[:, None, None].astype(np.float32)


def relative_rms(values, expected):
    return np.sqrt(np.mean((values - expected) ** 2) / np.mean(expected**2))


def test_shape_and_type(velocity):
    acquisition = small(shots=3, receiver_step=2)
    gathers = simulate(velocity, acquisition)
    assert gathers.shape == (5, 250, 12, 3) == (5, *acquisition.gather_shape)
    assert gathers.dtype == np.float32
    assert np.isfinite(gathers).all()
    # Every receiver of every shot has heard something.
    assert (np.abs(gathers).max(axis=1) > 0).all()


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_batches_do_not_matter(velocity, boundary):
    """Five models in batches of 2 leave a last batch that is filled up, and cut again."""
    one_by_one = np.concatenate(
        [simulate(velocity[i : i + 1], small(boundary)) for i in range(len(velocity))]
    )
    for batch_size in (2, 64):
        together = simulate(velocity, small(boundary), batch_size=batch_size)
        assert together.shape == one_by_one.shape
        for gathers, expected in zip(together, one_by_one, strict=True):
            assert relative_rms(gathers, expected) < 1e-5


def test_models_keep_their_order(velocity):
    gathers = simulate(velocity, small(), batch_size=2)
    backwards = simulate(velocity[::-1], small(), batch_size=2)
    assert relative_rms(backwards[::-1], gathers) < 1e-5
    # Their order could not be told if they were alike.
    assert relative_rms(gathers[:-1], gathers[1:]) > 0.1


def test_shots_and_receivers_keep_their_order(velocity):
    """Each shot and each receiver alone is the one at its place in the gather."""
    acquisition = small(shots=3)
    gathers = simulate(velocity[:1], acquisition)
    for shot, receiver in ((0, 3), (2, 20)):
        alone = dataclasses.replace(
            acquisition,
            sources=acquisition.sources[shot : shot + 1],
            receivers=acquisition.receivers[receiver : receiver + 1],
        )
        trace = simulate(velocity[:1], alone)[0, :, 0, 0]
        assert relative_rms(trace, gathers[0, :, receiver, shot]) < 1e-5


@pytest.mark.parametrize("method", ["ops", "auto"])
def test_receivers_of_each_shot_are_its_own(velocity, method):
    """A streamer's gather is that of each shot with its receivers alone."""
    streamer = Acquisition.streamer(
        width=24, dx=10.0, dt=0.001, nt=250, peak_frequency=15.0, offsets=(20.0, 50.0, 90.0),
        shots=4, boundary="cpml", boundary_width=10,
    )  # fmt: skip
    gathers = simulate(velocity[:2], streamer, method=method)
    assert gathers.shape == (2, 250, 3, 4)
    everywhere = simulate(velocity[:2], small(source_columns=(9, 14, 18, 23)))
    for shot, column in enumerate((9, 14, 18, 23)):
        columns = column - np.array([2, 5, 9])
        expected = everywhere[:, :, columns, shot]
        assert relative_rms(gathers[..., shot], expected) < 1e-5
    alone = simulate(velocity[:2], streamer.select_shots([3, 1]), method=method)
    assert relative_rms(alone, gathers[..., [3, 1]]) < 1e-5


def test_large_models_are_simulated_some_shots_at_a_time(velocity, monkeypatch):
    from keras_seismic.simulation import acoustic

    acquisition = small(nt=101)  # not in the cache
    cells = (24 + 2 * 10) ** 2
    monkeypatch.setattr(acoustic, "_WAVE_FIELD_BYTES", 3 * cells * acoustic._BYTES_PER_CELL)
    propagated = []
    made = acoustic._propagator_of_shots
    monkeypatch.setattr(
        acoustic,
        "_propagator_of_shots",
        lambda some, *others: propagated.append(len(some.sources)) or made(some, *others),
    )
    propagate = acoustic._propagator(acquisition, (24, 24), keras.backend.backend())
    gathers = propagate(velocity[:1].astype(np.float64))
    assert propagated == [3, 2]
    assert relative_rms(gathers, simulate(velocity[:1], small())[:, :101]) < 1e-5


def test_no_models_give_no_gathers():
    assert simulate(np.empty((0, 24, 24)), small()).shape == (0, 250, 24, 5)


def test_input_is_left_alone_and_its_type_does_not_matter(velocity):
    before = velocity.copy()
    whole = np.rint(velocity[:1])
    single = simulate(whole, small())
    np.testing.assert_array_equal(velocity, before)
    np.testing.assert_array_equal(simulate(whole.astype(np.int16), small()), single)
    np.testing.assert_array_equal(simulate(whole.astype(np.float64), small()), single)


def test_mirrored_model_gives_the_mirrored_gather(velocity):
    """Left and right are alike where sources and receivers are symmetric."""
    acquisition = small(shots=2)
    gathers = simulate(velocity[:2], acquisition)
    mirrored = simulate(velocity[:2, :, ::-1], acquisition)
    assert relative_rms(mirrored[:, :, ::-1, ::-1], gathers) < 1e-5


def test_turned_model_gives_the_turned_experiment(velocity):
    """Depth and width are alike: no free surface, and the same scheme along both."""
    upright = small(shots=1)
    turned = dataclasses.replace(
        upright,
        sources=tuple((depth, x) for x, depth in upright.sources),
        receivers=tuple((depth, x) for x, depth in upright.receivers),
    )
    gathers = simulate(velocity[:1], upright)
    assert relative_rms(simulate(velocity[:1].transpose(0, 2, 1), turned), gathers) < 1e-5


# The injection is (v dt)^2 w at the source: divided by v^2, as reciprocity wants the wave
# equation written, every source is w, whatever its rock. So the traces are equal as they
# are, and a source that forgot its v^2 would be off by the ratio of the two, here 6.
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_reciprocity(boundary):
    model = sample_velocity("curvefault_b", 1, seed=5, shape=(40, 40)).astype(np.float64)
    here, there = (30.0, 20.0), (340.0, 290.0)
    column, row = (np.array((here, there)) / 10).astype(int).T
    slow, fast = np.sort(model[0, row, column])
    assert fast / slow > 2
    record = {"dx": 10.0, "dt": 0.001, "nt": 500, "peak_frequency": 15.0, "boundary": boundary}
    traces = [
        simulate(model, Acquisition(sources=(start,), receivers=(end,), **record))
        for start, end in ((here, there), (there, here))
    ]
    assert np.abs(traces[0]).max() > 0
    assert relative_rms(*traces) < 3e-5  # float32 rounding over 500 steps


def good(value=2000.0):
    return np.full((2, 24, 24), value)


def with_value(value, where=(1, 3, 7)):
    model = np.full((2, 24, 24), 2000.0)
    model[where] = value
    return model


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        # 0.612 * 10 / 2000 = 0.00306
        (
            good(),
            {"dt": 0.004},
            r"v\*dt/dx = 2000 m/s \* 0\.004 s / 10 m = 0\.800.*dt to 0\.00306 s",
        ),
        (
            with_value(7000.0),
            {},
            r"v\*dt/dx = 7000.*= 0\.700 exceeds 0\.612; lower dt to 0\.000874",
        ),
        # 1000 m/s at 2.5 * 15 Hz are 26.7 m, 2.67 cells; 4 cells want 6.67 m or 10 Hz.
        (with_value(1000.0), {}, r"1000 m/s leaves 2\.67 grid points.*dx to 6\.67 m.*to 10 Hz"),
        (with_value(np.nan), {}, r"1 values that are not finite.*model 1, row 3, column 7"),
        (with_value(np.inf), {}, r"1 values that are not finite.*model 1, row 3, column 7"),
        (good(value=2.5), {}, r"must be in m/s, received 2\.5 to 2\.5.*km/s; multiply by 1000"),
        (with_value(-2000.0), {}, r"must be positive, received a minimum of -2000"),
        (with_value(0.0), {}, r"must be positive, received a minimum of 0"),
        (good()[0], {}, r"\(models, depth, width\), received \(24, 24\); .*velocity\[None\]"),
        (good()[..., None], {}, r"received \(2, 24, 24, 1\); .*velocity\[\.\.\., 0\]"),
        (good()[:, :0], {}, r"\(models, depth, width\), received \(2, 0, 24\)"),
        (good().astype(str), {}, r"must hold numbers, received dtype <U"),
        (good().astype(complex), {}, r"must hold numbers, received dtype complex128"),
        (good() > 0, {}, r"must hold numbers, received dtype bool"),
        (good()[:, :, :20], {}, r"sources\[4\] at x=230 m.*x 0-190 m.*24 x 20 cells of 10 m"),
        (good()[:, :1], {}, r"sources\[0\] at x=0 m, depth=10 m.*depth 0-0 m"),
    ],
)
def test_refused(model, changes, message):
    with pytest.raises(ValueError, match=message):
        simulate(model, small(**changes))


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, None, "two"])
def test_batch_size_refused(batch_size):
    with pytest.raises(ValueError, match=f"batch_size must be a positive integer, .*{batch_size}"):
        simulate(good(), small(), batch_size=batch_size)


def test_just_stable_is_allowed_and_stays_bounded():
    """v dt / dx = 0.61 in every cell, where 0.613 is refused."""
    acquisition = small(dt=0.002, nt=1000, peak_frequency=10.0)
    gathers = simulate(good(value=3050.0)[:1], acquisition)
    assert np.abs(gathers[:, 500:]).max() < 0.01 * np.abs(gathers).max()
    with pytest.raises(ValueError, match="unstable"):
        simulate(good(value=3065.0)[:1], acquisition)


def test_the_stability_limit_is_where_the_scheme_blows_up():
    """Von Neumann: the stencil's largest eigenvalue, 2 * 16/3, allows sqrt(4 / (32/3)).

    The limit refused at, 0.612, is that number rounded down.
    """
    wave = np.exp(1j * np.pi * np.arange(-2, 3))
    largest = -2 * np.real(np.array([-1 / 12, 4 / 3, -5 / 2, 4 / 3, -1 / 12]) @ wave)
    limit = 2 / np.sqrt(largest)
    assert 0.612 < limit < 0.613


@pytest.mark.parametrize(
    ("slowest", "warned"),
    # Points per shortest wavelength: v / (2.5 * 15 Hz * 10 m) = v / 375.
    [(1500.0, False), (1499.0, True), (1126.0, True)],
)
def test_dispersion_warns_below_four_points(slowest, warned):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        simulate(with_value(slowest)[1:], small(nt=20))
    caught = [warning for warning in caught if warning.category is DispersionWarning]
    assert len(caught) == warned
    if warned:
        # It names the model's slowest rock, and points to the line that called.
        assert f"{slowest:g} m/s" in str(caught[0].message)
        assert caught[0].filename == __file__


def test_dispersion_goes_by_the_wavelets_highest_frequency():
    """60 Hz of a trapezoid, where a Ricker wavelet of the same peak would end at 38 Hz."""
    wavelet = ormsby((5, 10, 40, 60), 0.001, 800)
    message = r"to the shortest wavelength \(59.* Hz .*the source_wavelet's highest frequency to"
    with pytest.raises(ValueError, match=message):
        simulate(good(1500.0), small(nt=20, source_wavelet=wavelet))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulate(good(2400.0)[:1], small(nt=20, source_wavelet=wavelet))


def test_a_source_wavelet_is_what_is_injected(velocity):
    """The same samples as the Ricker wavelet's give the same gathers."""
    ricker = small()
    given = dataclasses.replace(ricker, source_wavelet=tuple(ricker.wavelet))
    expected = simulate(velocity[:1], ricker)
    np.testing.assert_array_equal(simulate(velocity[:1], given), expected)
    twice = dataclasses.replace(ricker, source_wavelet=tuple(2 * ricker.wavelet))
    assert relative_rms(simulate(velocity[:1], twice), 2 * expected) < 1e-6


def test_dispersion_below_three_points_only_if_asked():
    model = with_value(1120.0)
    with pytest.raises(ValueError, match=r"leaves 2\.99 .* or pass allow_dispersion=True"):
        simulate(model, small(nt=20))
    with pytest.warns(DispersionWarning, match=r"2\.99 grid points"):
        gathers = simulate(model, small(nt=20), allow_dispersion=True)
    assert gathers.shape == (2, 20, 24, 5)


def test_nothing_is_simulated_before_the_last_model_is_checked(monkeypatch):
    from keras_seismic.simulation import acoustic

    def must_not_run(*_):
        raise AssertionError("the simulation began")

    monkeypatch.setattr(acoustic, "_propagator", must_not_run)
    with pytest.raises(ValueError, match="not finite"):
        simulate(with_value(np.nan), small())
