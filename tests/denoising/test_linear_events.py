"""f-x deconvolution and Cadzow filtering against plain loops, closed forms and pydrr."""

import functools

import numpy as np
import pytest
import scipy.linalg

from keras_seismic.denoising import cadzow, fx_deconvolution

#: Windows that hold the whole section, so that there is one.
WHOLE = {"window": 1000, "overlap": 0}


def events(shape, slopes, rate=0.35):
    """Linear events, each a Gaussian pulse of its own width that stays within the section."""
    time, trace = np.indices(shape)
    middle = (shape[1] - 1) / 2
    parts = []
    for i, slope in enumerate(slopes):
        t = time - shape[0] * (0.35 + 0.1 * i) - slope * (trace - middle)
        width = 4 + i
        parts.append((1 - 0.3 * i) * np.cos(rate * t) * np.exp(-0.5 * (t / width) ** 2))
    return np.sum(parts, axis=0)


SLOPES = (0.0, -0.7, 1.3)
FILTERS = {
    "fx": functools.partial(fx_deconvolution, length=3),
    "cadzow": functools.partial(cadzow, rank=3, damping=np.inf),
    "damped": functools.partial(cadzow, rank=2, damping=3.0, iterations=2),
}


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("traces", [20, 31])
def test_as_many_events_as_the_filter_has_room_for_come_back(count, traces):
    clean = events((151, traces), SLOPES[:count])
    predicted = fx_deconvolution(clean, length=count, regularization=0, **WHOLE)
    np.testing.assert_allclose(predicted, clean, atol=2e-4)
    np.testing.assert_allclose(cadzow(clean, count, np.inf, **WHOLE), clean, atol=1e-6)
    if count > 1:
        for fewer in (
            fx_deconvolution(clean, length=count - 1, regularization=0, **WHOLE),
            cadzow(clean, count - 1, np.inf, **WHOLE),
        ):
            assert np.abs(fewer - clean).max() > 0.05


def test_events_survive_the_windows():
    """Away from where an event enters or leaves a window, blending changes nothing."""
    clean = events((300, 90), (0.0,))
    for filtered in (
        fx_deconvolution(clean, 2, 0, window=(64, 20)),
        fx_deconvolution(clean, 2, 0, window=(100, 30), overlap=(50, 3)),
        cadzow(clean, 1, np.inf, window=(64, 20)),
    ):
        np.testing.assert_allclose(filtered, clean, atol=1e-5)


def one_by_one(section, function):
    """``function`` of the traces' values of one frequency, for a section in one window."""
    length = len(section) + len(section) // 2
    spectrum = np.fft.rfft(section, length, axis=0)
    spectrum = np.stack([function(values) for values in spectrum])
    return np.fft.irfft(spectrum, length, axis=0)[: len(section)]


@pytest.mark.parametrize("regularization", [0.0, 0.1])
def test_prediction_is_least_squares(rng, regularization):
    length, section = 4, rng.standard_normal((40, 23))

    def predicted(x):
        n = len(x)
        rows = [x[i - length : i][::-1] for i in range(length, n)]
        rows += [x[i + 1 : i + 1 + length].conj() for i in range(n - length)]
        right = np.concatenate([x[length:], x[: n - length].conj()])
        matrix = np.array(rows)
        # Damping as further rows, instead of normal equations
        weight = np.sqrt(regularization * np.sum(np.abs(matrix) ** 2) / length)
        matrix = np.concatenate([matrix, weight * np.eye(length)])
        filter_ = np.linalg.lstsq(matrix, np.append(right, np.zeros(length)), rcond=None)[0]
        result = np.zeros(n, complex)
        for i in range(n):
            both = []
            if i >= length:
                both.append(filter_ @ x[i - length : i][::-1])
            if i < n - length:
                both.append(filter_.conj() @ x[i + 1 : i + 1 + length])
            result[i] = np.mean(both)
        return result

    ours = fx_deconvolution(section, length, regularization, **WHOLE)
    np.testing.assert_allclose(ours, one_by_one(section, predicted), atol=1e-6)


@pytest.mark.parametrize("traces", [16, 17])
@pytest.mark.parametrize(("rank", "damping"), [(1, np.inf), (3, np.inf), (3, 2.0)])
def test_rank_reduction_is_a_truncated_svd(rng, traces, rank, damping):
    section = rng.standard_normal((30, traces))
    columns = (traces + 1) // 2

    def reduced(x):
        rows = traces - columns + 1
        u, s, v = np.linalg.svd(scipy.linalg.hankel(x[:rows], x[rows - 1 :]))
        s[:rank] *= 1 - (s[rank] / s[:rank]) ** damping
        matrix = (u[:, :rank] * s[:rank]) @ v[:rank]
        flipped = matrix[:, ::-1]
        return [np.mean(np.diagonal(flipped, columns - 1 - k)) for k in range(traces)]

    ours = cadzow(section, rank, damping, **WHOLE)
    np.testing.assert_allclose(ours, one_by_one(section, reduced), atol=1e-6)
    twice = one_by_one(section, lambda x: reduced(np.array(reduced(x))))
    np.testing.assert_allclose(cadzow(section, rank, damping, 2, **WHOLE), twice, atol=1e-6)
    assert np.abs(twice - ours).max() > 0.01


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("damping", [20.0, 4.0])
def test_pydrr_finds_the_same(rng, monkeypatch, damping):
    pydrr = pytest.importorskip("pydrr", reason="pydrr (GPL) is compared with, not needed")
    for gone, now in {"complex_": np.complex128, "mat": np.asmatrix}.items():  # with NumPy 2
        monkeypatch.setattr(np, gone, now, raising=False)
    section = events((171, 40), SLOPES) + 0.3 * rng.standard_normal((171, 40))
    theirs = pydrr.drr3d(section, flow=0, fhigh=125, dt=0.004, N=3, K=damping)
    ours = cadzow(section, 3, damping, **WHOLE)  # both pad 171 samples to 256
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("name", FILTERS)
def test_noise_goes_and_linear_events_stay(rng, name):
    clean = events((200, 80), SLOPES)
    noisy = clean + 0.2 * rng.standard_normal(clean.shape)
    before, after = (np.sum((x - clean) ** 2) for x in (noisy, FILTERS[name](noisy)))
    assert after < before / 2


@pytest.mark.parametrize("name", FILTERS)
def test_any_scale_polarity_and_direction(rng, name):
    section = rng.standard_normal((60, 40))
    expected = FILTERS[name](section, window=(30, 20))
    for factor in (1e-6, -1.0, 1e6):
        filtered = FILTERS[name](factor * section, window=(30, 20))
        np.testing.assert_allclose(filtered / factor, expected, atol=1e-5)
    mirrored = FILTERS[name](section[:, ::-1], window=(30, 20))
    np.testing.assert_allclose(mirrored[:, ::-1], expected, atol=1e-5)
    assert expected.dtype == np.float32
    assert not FILTERS[name](np.zeros((60, 40))).any()


@pytest.mark.parametrize("name", FILTERS)
def test_frequencies_outside_the_band_are_removed(rng, name):
    section, dt = rng.standard_normal((400, 30)), 0.004
    everything = FILTERS[name](section, **WHOLE)
    banded = FILTERS[name](section, band=(10, 40), dt=dt, **WHOLE)
    spectrum = np.abs(np.fft.rfft(np.hanning(400)[:, None] * banded, axis=0)) ** 2
    frequency = np.fft.rfftfreq(400, dt)
    outside = (frequency < 8) | (frequency > 42)
    assert spectrum[outside].sum() < 0.01 * spectrum.sum()
    # What is inside is what was there before
    length = 600
    inside = (np.fft.rfftfreq(length, dt) >= 10) & (np.fft.rfftfreq(length, dt) <= 40)
    frequencies = np.fft.rfft(everything, length, axis=0)
    assert np.corrcoef(
        np.fft.irfft(frequencies * inside[:, None], length, axis=0)[50:350].ravel(),
        banded[50:350].ravel(),
    )[0, 1] > 0.95  # fmt: skip


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (fx_deconvolution, {"length": 0}, "fx_deconvolution: length must be 1 integer.*received"),
        (fx_deconvolution, {"length": 11}, "length 11 needs .* 22 traces, received 20"),
        (fx_deconvolution, {"regularization": -1}, "regularization must be .*received -1"),
        (cadzow, {"rank": 0}, "cadzow: rank must be 1 integer"),
        (cadzow, {"rank": 1.5}, "cadzow: rank must be 1 integer"),
        (cadzow, {"iterations": 0}, "cadzow: iterations must be"),
        (cadzow, {"damping": 0}, "damping must be positive, received 0"),
        (cadzow, {"damping": np.nan}, "damping must be positive, received nan"),
        (cadzow, {"window": (0, 5)}, r"cadzow: window must be 2 integers.*received \(0, 5\)"),
        (cadzow, {"window": 16, "overlap": 16}, "smaller than the window, received 16 x 16 of"),
        (cadzow, {"band": (5, 40)}, "band is in Hz and needs the sample interval"),
        (cadzow, {"band": (5, 400), "dt": 0.004}, r"within 0-125 Hz.*received \(5, 400\)"),
        (cadzow, {"band": (40, 5), "dt": 0.004}, r"received \(40, 5\)"),
        (cadzow, {"band": (5, 40), "dt": -1}, "dt must be a sample interval"),
        (cadzow, {"section": np.ones(9)}, r"cadzow: expected a section.*received shape \(9,\)"),
        (cadzow, {"section": np.ones((0, 9))}, r"received shape \(0, 9\)"),
        (cadzow, {"section": np.ones((9, 9), complex)}, "dtype complex128"),
        (fx_deconvolution, {"section": np.full((9, 9), np.nan)}, "section: 81 of 81 values are"),
    ],
)
def test_bad_input_is_refused_by_name(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(**{"section": np.ones((50, 20))} | arguments)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (2, 3)])
def test_any_size(shape):
    section = np.random.default_rng(0).standard_normal(shape)
    assert np.isfinite(cadzow(section, rank=1)).all()
    if shape[1] > 1:
        assert np.isfinite(fx_deconvolution(section, length=1)).all()
