"""Band pass, dip filter, slopes, the median along them and local similarity."""

import numpy as np
import pytest
import scipy.ndimage

from keras_seismic.denoising import (
    band_pass,
    dip_filter,
    local_similarity,
    local_slope,
    structural_median,
)

DT = 0.004


def plane_wave(slope, shape=(160, 100), rate=0.4):
    time, trace = np.indices(shape)
    return np.cos(rate * (time - slope * trace))


def inside(section, rows=30, columns=25):
    return section[rows:-rows, columns:-columns]


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("band", [(0, 30), (10, 125), (10, 40)])
def test_band_pass_has_butterworths_response_and_no_delay(order, band):
    pulse = np.zeros((2001, 1))
    pulse[1000] = 1
    response = band_pass(pulse, band, DT, order)[:, 0]
    np.testing.assert_allclose(response, response[::-1], atol=1e-6)
    frequency = np.fft.rfftfreq(2001, DT)
    warped = np.tan(np.pi * frequency * DT)
    low, high = np.tan(np.pi * DT * np.array(band))
    if band[0] == 0:
        ratio = warped / high
    elif band[1] == 125:
        ratio = low / np.maximum(warped, 1e-12)
    else:
        ratio = (warped**2 - low * high) / np.maximum(warped * (high - low), 1e-12)
    expected = 1 / (1 + ratio ** (2 * order))
    np.testing.assert_allclose(np.abs(np.fft.rfft(response)), expected, atol=2e-3)


def test_noise_does_not_ring_at_the_ends(rng):
    """What comes out at the ends is as strong as in the middle, also of a low corner."""
    noise = rng.standard_normal((500, 200))
    power = np.mean(band_pass(noise, (2, 40), DT) ** 2, axis=1)
    assert max(power[:25].mean(), power[-25:].mean()) < 2 * power[100:400].mean()


def test_the_whole_band_changes_nothing(rng):
    section = rng.standard_normal((50, 7)).astype("float32")
    np.testing.assert_array_equal(band_pass(section, (0, 125), DT), section)
    assert band_pass(section[:3], (10, 40), DT).shape == (3, 7)


@pytest.mark.parametrize(("slope", "kept"), [(0.0, 1), (0.9, 1), (-0.9, 1), (2.0, 0), (-2.0, 0)])
def test_the_fan_keeps_its_slopes(slope, kept):
    wave = plane_wave(slope, (256, 200), rate=0.6)
    filtered = dip_filter(wave, (-1.0, 1.0))
    np.testing.assert_allclose(inside(filtered, 60, 50), kept * inside(wave, 60, 50), atol=0.05)
    both = filtered + dip_filter(wave, (-1.0, 1.0), reject=True)
    np.testing.assert_allclose(both, wave, atol=1e-5)


def test_a_fan_leans_to_one_side():
    wave = plane_wave(1.5, (256, 200), rate=0.6)
    other = wave[:, ::-1]
    filtered = dip_filter(wave + other, (1.0, 2.0))
    np.testing.assert_allclose(inside(filtered, 60, 50), inside(wave, 60, 50), atol=0.06)


def test_slopes_in_seconds_per_metre(rng):
    """An event of 1,000 m/s at 4 ms and 10 m runs 2.5 samples a trace."""
    section = rng.standard_normal((60, 40))
    np.testing.assert_allclose(
        dip_filter(section, (0.0005, 0.002), dt=DT, dx=10.0, taper=0.0001),
        dip_filter(section, (1.25, 5.0), taper=0.25),
        atol=1e-6,
    )


@pytest.mark.parametrize("taper", [0.0, 0.5])
def test_the_dip_filter_is_a_projection_where_it_does_not_taper(rng, taper):
    """Without the padding's edge: a spike in the middle, whose fan leaves no energy there."""
    section = np.zeros((64, 64))
    section[32, 32] = 1
    filtered = dip_filter(section, (-0.5, 0.5), taper=taper)
    spectrum = np.abs(np.fft.fft2(filtered))
    f, k = np.abs(np.fft.fftfreq(64))[:, None], np.abs(np.fft.fftfreq(64))
    far = k > (0.5 + taper) * f + 0.08
    assert (spectrum[far] ** 2).sum() < 0.02 * (spectrum**2).sum()


def test_nothing_comes_in_at_the_other_edge():
    section = np.zeros((64, 40))
    section[32, -1] = section[-1, 20] = 1
    filtered = dip_filter(section, (-0.3, 0.3))
    assert np.abs(filtered[:, :4]).max() < 0.1 * np.abs(filtered[:, -4:]).max()
    assert np.abs(filtered[:4]).max() < 0.1 * np.abs(filtered[-4:]).max()


@pytest.mark.parametrize("slope", [-2.0, -0.3, 0.0, 0.5, 1.0, 3.0])
def test_slopes_of_plane_waves(slope):
    found = inside(local_slope(plane_wave(slope, rate=0.3)))
    np.testing.assert_allclose(found, slope, atol=0.02 * (1 + abs(slope)))


def test_slopes_in_noise_are_not_flattened(rng):
    wave = plane_wave(0.8, (300, 200))
    noisy = wave + rng.standard_normal(wave.shape) * wave.std()
    assert np.median(local_slope(noisy, (15, 15))) == pytest.approx(0.8, abs=0.04)


def test_slopes_follow_the_structure():
    """Of a fold: the derivative of its horizon."""
    time, trace = np.indices((200, 200))
    horizon = 10 * np.sin(trace / 25)
    slope = local_slope(np.cos(0.3 * (time - horizon)), (4, 4))
    np.testing.assert_allclose(inside(slope), inside(0.4 * np.cos(trace / 25)), atol=0.05)


@pytest.mark.filterwarnings("ignore")
def test_slopes_are_those_of_plane_wave_destruction(rng):
    pyseistr = pytest.importorskip("pyseistr", reason="pyseistr (GPL) is compared with, not needed")
    time, trace = np.indices((120, 80))
    section = np.cos(0.3 * (time - 6 * np.sin(trace / 15))) + 0.1 * rng.standard_normal((120, 80))
    theirs = pyseistr.dip2dc(section.astype("float32"), niter=5, liter=10, order=2, verb=0)
    difference = local_slope(section, (8, 5)) - theirs
    assert np.abs(inside(difference, 20, 15)).mean() < 0.05


@pytest.mark.filterwarnings("ignore")
def test_the_median_is_pyseistrs(rng):
    pyseistr = pytest.importorskip("pyseistr", reason="pyseistr (GPL) is compared with, not needed")
    time, trace = np.indices((120, 80))
    clean = np.cos(0.3 * (time - 6 * np.sin(trace / 15)))
    spiky, slope = clean + 5 * (rng.random(clean.shape) < 0.01), 0.4 * np.cos(trace / 15)
    theirs = np.squeeze(pyseistr.somf2dc(spiky, slope, 4, 2, 0.01, 1, verb=0))
    difference = structural_median(spiky, 9, slope) - theirs
    assert np.abs(inside(difference, 20, 15)).mean() < 0.01


@pytest.mark.parametrize("traces", [1, 3, 9])
def test_without_slope_it_is_scipys_median(rng, traces):
    section = rng.standard_normal((40, 30)).astype("float32")
    ours = structural_median(section, traces, slope=np.zeros(section.shape))
    reference = scipy.ndimage.median_filter(section, (1, traces))
    edge = traces // 2
    inner = slice(edge, 30 - edge)
    np.testing.assert_allclose(ours[:, inner], reference[:, inner], atol=1e-5)
    for x in range(edge):  # fewer traces at the edges
        expected = np.median(section[:, : x + edge + 1], axis=1)
        np.testing.assert_allclose(ours[:, x], expected, atol=1e-5)


@pytest.mark.parametrize("slope", [1, -2])
def test_along_a_slope_it_is_the_median_of_moved_traces(rng, slope):
    section = rng.standard_normal((80, 20)).astype("float32")
    ours = structural_median(section, 5, slope=np.full(section.shape, slope))
    flat = np.stack([np.roll(section[:, x], -slope * x) for x in range(20)], axis=1)
    median = scipy.ndimage.median_filter(flat, (1, 5))
    reference = np.stack([np.roll(median[:, x], slope * x) for x in range(20)], axis=1)
    np.testing.assert_allclose(ours[10:-10, 2:-2], reference[10:-10, 2:-2], atol=1e-5)


def test_a_curved_event_stays_and_spikes_go(rng):
    time, trace = np.indices((160, 120))
    clean = np.cos(0.3 * (time - 10 * np.sin(trace / 20)))
    spiky = clean + 20 * (rng.random(clean.shape) < 0.005)
    np.testing.assert_allclose(inside(structural_median(clean, 7)), inside(clean), atol=0.06)
    known = structural_median(spiky, 7, slope=local_slope(clean))
    assert np.abs(inside(known - clean)).max() < 0.25


def test_paths_bend_with_the_slopes():
    """Paths that went straight on would miss the fold: 0.13 at most, 0.05 on average."""
    time, trace = np.indices((160, 120))
    clean = np.cos(0.3 * (time - 10 * np.sin(trace / 10)))
    slope = np.broadcast_to(np.cos(trace / 10), clean.shape)
    error = np.abs(structural_median(clean, 11, slope) - clean)[40:-40, 10:-10]
    assert error.max() < 0.08
    assert error.mean() < 0.03


def test_the_median_follows_scale_and_offset(rng):
    section, slope = rng.standard_normal((50, 40)), rng.uniform(-1, 1, (50, 40))
    expected = structural_median(section, 5, slope)
    for factor in (1e-6, -1.0, 1e6):
        filtered = structural_median(factor * (section + 3), 5, slope)
        np.testing.assert_allclose(filtered / factor - 3, expected, atol=1e-4)
        np.testing.assert_allclose(
            local_slope(factor * section), local_slope(section), rtol=1e-4, atol=1e-5
        )
    assert not structural_median(np.zeros((9, 9))).any()


def test_similarity_is_a_smooth_least_squares_quotient(rng):
    """Against the dense system of Fomel's equation, not made symmetric."""
    shape, size = (12, 10), (3, 5)
    a, b = rng.standard_normal((2, *shape))
    n = a.size
    unit = np.eye(n).reshape(n, *shape)
    box = [scipy.ndimage.uniform_filter(scipy.ndimage.uniform_filter(e, size), size) for e in unit]
    smooth = np.reshape(box, (n, n)).T

    def quotient(numerator, denominator):
        d = denominator.ravel() / np.sqrt(np.mean(denominator**2))
        right = smooth @ (d * numerator.ravel() / np.sqrt(np.mean(denominator**2)))
        return np.linalg.solve(np.eye(n) + smooth @ np.diag(d**2 - 1), right).reshape(shape)

    expected = np.sqrt(np.clip(np.abs(quotient(a, b) * quotient(b, a)), 0, 1))
    np.testing.assert_allclose(local_similarity(a, b, size, 300), expected, atol=1e-4)


def test_similarity_is_one_where_they_are_alike_and_small_where_not(rng):
    a, other = rng.standard_normal((2, 120, 200))
    b = np.where(np.arange(200) < 100, -2.5 * a, other)
    similarity = local_similarity(a, b, (15, 15))
    assert similarity.dtype == np.float32
    assert 0 <= similarity.min() <= similarity.max() <= 1
    assert similarity[:, :70].min() > 0.9
    assert similarity[:, 130:].mean() < 0.25
    np.testing.assert_allclose(local_similarity(b, a, (15, 15)), similarity, atol=1e-4)
    np.testing.assert_allclose(local_similarity(1e6 * a, 1e-6 * b, (15, 15)), similarity, atol=1e-4)
    assert not local_similarity(a, np.zeros_like(a)).any()


@pytest.mark.filterwarnings("ignore")
def test_the_quotient_is_pyseistrs(rng):
    pyseistr = pytest.importorskip("pyseistr", reason="pyseistr (GPL) is compared with, not needed")
    a = scipy.ndimage.gaussian_filter(rng.standard_normal((60, 40)), 1)
    b = a + 0.5 * scipy.ndimage.gaussian_filter(rng.standard_normal((60, 40)), 1)

    def quotient(numerator, denominator):
        column = (x.reshape(-1, 1, order="F") for x in (numerator, denominator))
        found = pyseistr.divne(*column, 100, [7, 7, 1], [60, 40, 1], 0.0, 1, 1e-9, 0)
        return np.reshape(found, (60, 40), order="F")

    theirs = np.sqrt(np.abs(quotient(a, b) * quotient(b, a)))
    ours = local_similarity(a, b, (7, 7), 100)
    assert np.abs(ours - np.minimum(theirs, 1)).mean() < 0.03


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (band_pass, {"band": (10, 200), "dt": DT}, r"band_pass: band must be .*0-125 Hz"),
        (band_pass, {"band": (10,), "dt": DT}, r"received \(10,\)"),
        (band_pass, {"band": (10, 40), "dt": None}, "pass dt in s"),
        (band_pass, {"band": (10, 40), "dt": DT, "order": 0}, "band_pass: order must be"),
        (dip_filter, {"slopes": (1, -1)}, r"dip_filter: slopes must be .*received \(1, -1\)"),
        (dip_filter, {"slopes": (0, np.inf)}, "slopes must be"),
        (dip_filter, {"slopes": (0, 1), "dx": 0}, "must be positive, received dt=1.0, dx=0"),
        (dip_filter, {"slopes": (0, 1), "taper": -1}, "taper must be .* received -1"),
        (local_slope, {"smoothing": (0, 3)}, r"local_slope: smoothing must .*received \(0, 3\)"),
        (local_slope, {"smoothing": 3}, "received 3"),
        (local_slope, {"steepest": 0}, "steepest must be positive, received 0"),
        (structural_median, {"traces": 4}, "must be an odd number from 1 on, received 4"),
        (structural_median, {"smoothing": (1,)}, "structural_median: smoothing must"),
        (structural_median, {"slope": np.ones((3, 3))}, r"shape \(50, 20\), received \(3, 3\)"),
        (structural_median, {"slope": np.full((50, 20), np.nan)}, "slope: section: 1000 of 1000"),
        (local_slope, {"section": np.full((9, 9), np.inf)}, "81 of 81 values are not finite"),
    ],
)
def test_bad_input_is_refused_by_name(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(**{"section": np.ones((50, 20))} | arguments)


def test_similarity_refuses_by_name():
    one = np.ones((9, 9))
    with pytest.raises(ValueError, match=r"one shape, received \(9, 9\) and \(8, 9\)"):
        local_similarity(one, one[1:])
    with pytest.raises(ValueError, match="second: section: 81 of 81 values"):
        local_similarity(one, one * np.nan)
    with pytest.raises(ValueError, match="local_similarity: smoothing must be 2 integers"):
        local_similarity(one, one, (0, 5))
    with pytest.raises(ValueError, match="local_similarity: iterations must be"):
        local_similarity(one, one, iterations=0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (2, 3)])
def test_any_size(shape):
    section = np.random.default_rng(0).standard_normal(shape)
    for result in (
        dip_filter(section, (-1, 1)),
        band_pass(section, (10, 40), DT),
        structural_median(section),
        local_similarity(section, section),
    ):
        assert result.shape == shape
        assert np.isfinite(result).all()
