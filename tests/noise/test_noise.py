"""Noise of all kinds: levels, spectra, slopes and statistics, with SciPy and the FFT as witness."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import scipy.stats

import keras_seismic as ks
from keras_seismic.noise import NOISES, Noise, add_noise

DT = 0.004
ADDITIVE = [kind for kind in NOISES if kind not in ("missing", "weak")]


@pytest.fixture
def clean(rng):
    """Reflection-like: white noise seen through a 25 Hz band, some dead traces, large amplitude."""
    b, a = scipy.signal.butter(4, [10, 60], "band", fs=1 / DT)
    section = scipy.signal.lfilter(b, a, rng.standard_normal((500, 120)), axis=0) * 1e5
    section[:, 40:44] = 0
    return section.astype("float32")


def snr(clean, noisy):
    error = noisy.astype(np.float64) - clean
    return 10 * np.log10(np.sum(clean.astype(np.float64) ** 2) / np.sum(error**2))


def band_fraction(noise, low, high, dt=DT):
    """Fraction of the energy in a band, by SciPy's periodogram."""
    frequency, power = scipy.signal.periodogram(noise.astype(float), 1 / dt, axis=0, detrend=False)
    inside = (frequency >= low) & (frequency <= high)
    return power[inside].sum() / power.sum()


@pytest.mark.parametrize("kind", ADDITIVE)
@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 12.5])
def test_levels(clean, kind, snr_db):
    noisy = add_noise(clean, kind, snr_db, DT, seed=1)
    assert noisy.dtype == np.float32
    assert noisy.shape == clean.shape
    # White noise has the stated deviation on average, all others this very energy.
    assert snr(clean, noisy) == pytest.approx(snr_db, abs=0.1 if kind == "white" else 1e-3)


@pytest.mark.parametrize("kind", NOISES)
def test_seeds(clean, kind):
    before = clean.copy()
    first, again, other = (add_noise(clean, kind, 0, DT, seed) for seed in (1, 1, (1, 2)))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(clean, before)


@pytest.mark.parametrize("kind", NOISES)
def test_functions_and_registry_are_one(clean, kind):
    noisy = NOISES[kind](clean, 0.1, DT, 3)
    np.testing.assert_array_equal(noisy, add_noise(clean, (kind, 0.1), dt=DT, seed=3))


def test_white_noise_has_the_asked_level(clean):
    for snr_db in (-10.0, 0.0, 20.0):
        noise = ks.noise.add_white_noise(clean, snr_db, seed=1) - clean
        assert noise.std() == pytest.approx(clean.std() * 10 ** (-snr_db / 20), rel=0.03)
        assert abs(noise.mean()) < 0.03 * noise.std()
    same, other = (ks.noise.add_white_noise(clean, 0, seed) for seed in (1, 2))
    np.testing.assert_array_equal(same, ks.noise.add_white_noise(clean, 0, 1))
    assert not np.allclose(same, other)
    with pytest.raises(ValueError, match="constant"):
        ks.noise.noise_level(np.ones(5), 0)


def test_white_is_what_it_was(clean):
    expected = ks.noise.add_white_noise(clean, 3.0, seed=(1, 2))
    np.testing.assert_array_equal(add_noise(clean, "white", 3.0, seed=(1, 2)), expected)


@pytest.mark.parametrize("band", [(5, 40), (20, 25), (0, 125)])
def test_band_limited_noise_fills_its_band(clean, band):
    noise = ks.noise.add_band_limited_noise(clean, 0, DT, band=band) - clean
    low, high = band
    assert band_fraction(noise, low - 1, high + 1) > 0.98  # the record resolves 0.5 Hz
    # Gaussian, and no trace resembles another.
    assert abs(scipy.stats.kurtosis(noise.ravel())) < 0.1
    correlation = np.corrcoef(noise.T)
    np.fill_diagonal(correlation, 0)
    # Chance alone makes the mean |r| about 0.8 / sqrt(2 B T).
    assert np.abs(correlation).mean() < 1.2 / np.sqrt(2 * (high - low) * 500 * DT)
    # Even over the band: neither half of it holds more than 60 %.
    middle = sum(band) / 2
    assert 0.4 < band_fraction(noise, band[0], middle) / band_fraction(noise, *band) < 0.6


def test_band_limited_noise_in_very_short_traces(clean):
    noise = ks.noise.add_band_limited_noise(clean[100:128], 0, DT, band=(10, 60)) - clean[100:128]
    assert band_fraction(noise, 0, 70) > 0.9


def test_erratic_noise_is_few_large_samples(clean):
    noise = ks.noise.add_erratic_noise(clean, 0, fraction=0.001) - clean
    assert (noise != 0).sum() == pytest.approx(0.001 * clean.size, abs=1)
    assert scipy.stats.kurtosis(noise.ravel()) > 500
    assert np.abs(noise).max() > 10 * clean.std()
    assert {-1.0, 1.0} == set(np.sign(noise[noise != 0]))


def test_swell_noise_is_low_and_on_runs_of_traces(clean):
    noise = ks.noise.add_swell_noise(clean, -6, DT, seed=2, fraction=0.3) - clean
    assert band_fraction(noise, 0.5, 9) > 0.97
    hit = np.abs(noise).max(axis=0) > 0
    assert hit.sum() == round(0.3 * 120)
    _, runs = scipy.ndimage.label(hit)
    assert runs <= 12  # single traces would be some 25 runs
    strong = noise[:, hit]
    neighbors = np.flatnonzero(np.diff(np.flatnonzero(hit)) == 1)
    alike = [np.corrcoef(strong[:, i], strong[:, i + 1])[0, 1] for i in neighbors]
    assert np.mean(alike) > 0.5


@pytest.mark.parametrize(("kind", "tone"), [("hum", 50), ("hum_60", 60)])
def test_hum_is_a_tone_with_harmonics_and_random_phases(clean, kind, tone):
    noise = add_noise(clean, kind, 0, dt=0.002)[:500] - clean  # 1 s: bins of 1 Hz
    spectrum = np.fft.rfft(noise, axis=0)
    power = np.mean(np.abs(spectrum) ** 2, axis=1)
    peaks, _ = scipy.signal.find_peaks(power, height=1e-3 * power.max())
    assert peaks.tolist() == [tone, 2 * tone, 3 * tone]
    assert power[2 * tone] / power[tone] == pytest.approx(1 / 4, rel=0.02)
    assert power[3 * tone] / power[tone] == pytest.approx(1 / 9, rel=0.02)
    assert band_fraction(noise, tone - 1, tone + 1, 0.002) == pytest.approx(36 / 49, rel=0.02)
    # Rayleigh's test of uniform phases: n R^2 is about exponential with mean 1.
    resultant = np.abs(np.mean(spectrum[tone] / np.abs(spectrum[tone])))
    assert 120 * resultant**2 < 5


def test_harmonics_beyond_the_nyquist_frequency_are_left_out(clean):
    noise = ks.noise.add_hum(clean, 0, DT, harmonics=4) - clean  # 50, 100 | 150, 200 Hz
    assert band_fraction(noise, 49, 51) + band_fraction(noise, 99, 101) > 0.99


@pytest.mark.parametrize("velocity", [700.0, 1500.0])
def test_linear_noise_runs_at_its_velocity(velocity):
    """In the f-k plane all energy lies on the lines f = +-v k."""
    rng = np.random.default_rng(1)
    clean = rng.standard_normal((600, 200)).astype("float32")
    noise = ks.noise.add_linear_noise(
        clean, -40, DT, 4, dx=12.5, velocity=(velocity, velocity), dispersive=False
    ) - clean  # fmt: skip
    window = np.hanning(600)[:, None] * np.hanning(200)
    power = np.abs(np.fft.fft2(noise * window, (1024, 1024))) ** 2
    f = np.fft.fftfreq(1024, DT)[:, None]
    k = np.fft.fftfreq(1024, 12.5)
    assert power[np.abs(f[:, 0]) <= 16].sum() / power.sum() > 0.98
    # Four cells of the window's resolution to either side of the line.
    near = np.abs(np.abs(k) - np.abs(f) / velocity) < 4 / (200 * 12.5)
    assert power[near].sum() / power.sum() > 0.85  # the rest is the apex, where it turns
    assert near.mean() < 0.1
    wrong = np.abs(np.abs(k) - np.abs(f) / (velocity * 2)) < 2 / (200 * 12.5)
    assert power[wrong].sum() / power.sum() < 0.15


def test_dispersive_noise_is_quicker_at_low_frequencies():
    clean = np.random.default_rng(1).standard_normal((1500, 150)).astype("float32")
    band, velocity, dx = (4.0, 14.0), (600.0, 1200.0), 10.0
    noise = ks.noise.add_linear_noise(
        clean, -40, DT, 2, dx=dx, velocity=velocity, band=band, events=1
    )
    spectrum = np.fft.rfft(noise - clean, axis=0)
    frequency = np.fft.rfftfreq(1500, DT)
    energy = np.sum((noise - clean) ** 2, axis=0)
    source = int(energy.argmax())
    side = np.arange(source + 5, source + 45) if source < 75 else np.arange(source - 45, source - 5)
    for f in (6.0, 9.0, 12.0):
        phase = np.unwrap(np.angle(spectrum[np.abs(frequency - f).argmin(), side]))
        slowness = np.abs(np.polyfit(side * dx, phase, 1)[0]) / (2 * np.pi * f)
        expected = np.interp(f, band, (1 / velocity[1], 1 / velocity[0]))
        assert slowness == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(("fraction", "count"), [(0.0, 0), (0.001, 1), (0.25, 30), (0.999, 119)])
@pytest.mark.parametrize("kind", ["missing", "weak"])
def test_failing_traces(rng, kind, fraction, count):
    section = rng.standard_normal((50, 120)).astype("float32")
    noisy = add_noise(section, (kind, fraction), seed=5)
    changed = (noisy != section).any(axis=0)
    assert changed.sum() == count
    if kind == "missing":
        assert not noisy[:, changed].any()
    elif count:
        gain = noisy[:, changed].std(axis=0) / section[:, changed].std(axis=0)
        assert gain.max() <= 0.1


def test_gaps(rng):
    section = rng.standard_normal((5, 200)).astype("float32")
    dead = ~ks.noise.drop_traces(section, 0.2, seed=1, gap=10).any(axis=0)
    _, gaps = scipy.ndimage.label(dead)
    assert dead.sum() == 40
    assert gaps <= 5


def test_mixtures_add_up_and_traces_fail_last(clean):
    parts = ["white", Noise("hum", 6.0), Noise("swell", -3.0, {"fraction": 0.5})]
    mixed = add_noise(clean, [("missing", 0.2), *parts], 10.0, DT, seed=7)
    dead = ~mixed.any(axis=0)
    assert dead.sum() == 24
    alone = [
        add_noise(clean, part, 10.0, DT, seed=(7, i)) - clean for i, part in enumerate(parts, 1)
    ]
    expected = (clean + np.sum(alone, axis=0))[:, ~dead]
    np.testing.assert_allclose(mixed[:, ~dead], expected, atol=1e-6 * np.abs(mixed).max())
    # What is added later leaves the earlier noise as it was.
    one, two = add_noise(clean, "hum", 0, DT), add_noise(clean, ["hum", "erratic"], 0, DT)
    assert (one == two).mean() > 0.99


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (28, 28)])
def test_any_size(kind, shape):
    section = np.random.default_rng(0).standard_normal(shape).astype("float32")
    assert np.isfinite(add_noise(section, kind, 0, DT)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"noise": "pink"}, "kind must be one of white, band_limited.*received 'pink'"),
        ({"noise": []}, "received"),
        ({"noise": "hum"}, "add_hum: band is in Hz and needs the sample interval"),
        ({"noise": "hum", "dt": 4.0}, r"dt must be a sample interval .* received 4"),
        ({"noise": "hum", "dt": 0.02}, r"\(0, 25\) Hz.*received 50 Hz"),
        ({"noise": "band_limited", "dt": 0.01}, "0-50 Hz.*received 10-60 Hz"),
        ({"noise": Noise("swell", 0, {"band": (5, 4)}), "dt": DT}, "received 5-4 Hz"),
        ({"noise": Noise("swell", 0, {"run": (4, 2)}), "dt": DT}, "run must be"),
        ({"noise": Noise("linear", 0, {"velocity": (0, 5)}), "dt": DT}, r"velocity=\(0, 5\)"),
        ({"noise": Noise("linear", 0, {"events": 0}), "dt": DT}, "events must be"),
        ({"noise": Noise("hum", 0, {"harmonics": 0}), "dt": DT}, "harmonics must be"),
        ({"noise": Noise("erratic", 0, {"fraction": 1.5})}, r"fraction must be in \[0, 1\)"),
        ({"noise": Noise("missing", 0.1, {"gap": 0})}, "gap must be"),
        ({"noise": Noise("weak", 0.1, {"gain": (2, 1)})}, "gain must be"),
        ({"section": np.zeros((9, 9))}, "all zero"),
        ({"section": np.ones(9)}, r"received shape \(9,\)"),
        ({"section": np.ones((0, 9))}, r"received shape \(0, 9\)"),
        ({"section": np.full((9, 9), np.nan)}, "not finite"),
        ({"section": np.full((9, 9), "a")}, "dtype"),
        ({"section": np.ones((9, 9))}, "constant"),
    ],
)
def test_bad_input(arguments, message):
    section = arguments.pop("section", np.eye(60))
    with pytest.raises(ValueError, match=message):
        add_noise(section, **arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hum=loud", "expected KIND or KIND=LEVEL.*'hum=loud'"),
        ("hum=nan", "a ratio in dB, received nan"),
        ("missing=1", "fraction of traces.*received 1"),
        ("brown=1", "received 'brown'"),
        ("", "received ''"),
    ],
)
def test_noise_from_text(text, message):
    assert Noise.parse(" hum = -3 ") == Noise("hum", -3.0)
    assert Noise.parse("white") == Noise("white")
    with pytest.raises(ValueError, match=message):
        Noise.parse(text)


def test_unknown_options_are_refused():
    for kind, options in (("hum", {"tone": 50}), ("white", {"color": "pink"})):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{next(iter(options))}'"):
            ks.noise.check_noise(Noise(kind, 0, options), DT)


def test_two_kinds_are_not_taken_for_a_level():
    assert ks.noise.as_noises(("hum", "white")) == (Noise("hum"), Noise("white"))
    assert ks.noise.as_noises(("hum", 3)) == (Noise("hum", 3.0),)
    assert ks.noise.as_noises([("hum", 3), "weak"]) == (Noise("hum", 3.0), Noise("weak"))
