"""Wavelets against their spectra, SciPy's sweep, and each other."""

import numpy as np
import pytest
import scipy.signal

from keras_seismic.simulation import described_wavelet, klauder, ormsby, ricker
from keras_seismic.simulation.wavelets import highest_frequency, mean_frequency

DT = 0.001


def amplitude_at(wavelet, frequency):
    """Of the spectrum, relative to its largest value."""
    spectrum = np.abs(np.fft.rfft(wavelet, 2**16))
    return np.interp(frequency, np.fft.rfftfreq(2**16, DT), spectrum / spectrum.max())


def test_ormsby_has_the_spectrum_of_a_trapezoid():
    corners = (5.0, 10.0, 40.0, 60.0)
    wavelet = ormsby(corners, DT, 2000, delay=0.9)
    frequency = np.arange(0.0, 80.0, 0.5)
    expected = np.interp(frequency, corners, [0, 1, 1, 0])
    np.testing.assert_allclose(amplitude_at(wavelet, frequency), expected, atol=0.03)


def test_ormsby_without_its_taper_is_the_textbook_formula():
    f1, f2, f3, f4 = 4.0, 12.0, 30.0, 50.0
    wavelet = ormsby((f1, f2, f3, f4), DT, 1000, delay=0.4)
    t = np.arange(-200, 201) * DT  # the inner half
    terms = [np.pi * f**2 * np.sinc(f * t) ** 2 for f in (f1, f2, f3, f4)]
    textbook = (terms[3] - terms[2]) / (f4 - f3) - (terms[1] - terms[0]) / (f2 - f1)
    np.testing.assert_allclose(wavelet[200:601], textbook / textbook.max(), atol=1e-12)


@pytest.mark.parametrize("frequencies", [(8.0, 60.0), (60.0, 8.0)])
def test_klauder_is_the_autocorrelation_of_a_sweep(frequencies):
    sweep = 10.0
    time = np.arange(round(sweep / DT)) * DT
    chirp = scipy.signal.chirp(time, frequencies[0], sweep, frequencies[1], phi=-90)
    correlation = scipy.signal.correlate(chirp, chirp, method="fft")
    center = len(chirp) - 1
    expected = correlation[center - 200 : center + 201] / correlation[center]
    wavelet = klauder(frequencies, sweep, DT, 1000, delay=0.4)
    np.testing.assert_allclose(wavelet[200:601], expected, atol=0.005)
    assert amplitude_at(wavelet, 4.0) < 0.05
    assert amplitude_at(wavelet, 30.0) > 0.8


@pytest.mark.parametrize(
    ("wavelet", "peak"),
    [
        (ormsby((5, 10, 40, 60), DT, 1200), 400),  # 2 / (f2 - f1)
        (klauder((8, 60), 10, DT, 1200), 375),  # 3 / f1
        (ormsby((5, 10, 40, 60), DT, 1200, delay=0.1504), 150),
    ],
)
def test_they_are_causal_and_symmetric_about_their_delay(wavelet, peak):
    assert wavelet.argmax() == peak
    assert wavelet[peak] == 1
    np.testing.assert_allclose(wavelet[: 2 * peak + 1], wavelet[2 * peak :: -1], atol=1e-12)
    assert abs(wavelet[0]) < 1e-12
    assert not wavelet[2 * peak + 1 :].any()


def test_descriptions():
    np.testing.assert_array_equal(
        described_wavelet("ormsby=5,10,40,60", DT), ormsby((5, 10, 40, 60), DT)
    )
    np.testing.assert_array_equal(
        described_wavelet("klauder=8,60,12", DT), klauder((8, 60), 12, DT)
    )


def test_short_records_cut_them():
    long = ormsby((5, 10, 40, 60), DT, 1000)
    np.testing.assert_array_equal(ormsby((5, 10, 40, 60), DT, 300), long[:300])
    np.testing.assert_array_equal(ormsby((5, 10, 40, 60), DT), long[:801])


@pytest.mark.parametrize("peak", [5.0, 15.0, 40.0])
def test_the_highest_frequency_of_a_ricker_wavelet(peak):
    wavelet = ricker(peak, DT, 1000)
    assert highest_frequency(wavelet, DT) == pytest.approx(2.5 * peak, rel=0.01)
    # The integral of f^5 exp(-2 f^2) over that of f^4 exp(-2 f^2): 1 / 8 over 3 sqrt(pi / 2) / 32.
    mean = peak * (1 / 8) / (3 * np.sqrt(np.pi / 2) / 32)
    assert mean_frequency(wavelet, DT) == pytest.approx(mean, rel=0.01)


def test_the_highest_frequency_of_a_trapezoid():
    assert highest_frequency(ormsby((5, 10, 40, 60), DT, 1000), DT) == pytest.approx(60, abs=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ormsby((5, 10, 40), DT, 10), r"ormsby: expected 4 frequencies .*received \(5"),
        (lambda: ormsby((10, 5, 40, 60), DT, 10), r"f1 < f2 <= f3 < f4 in Hz, received 10, 5"),
        (lambda: ormsby((5, 10, 40, 600), DT, 10), r"ormsby: frequencies must be within 0 to 500"),
        (lambda: ormsby((5, 10, 40, 60), -DT, 10), r"ormsby: .*received .*dt=-0.001"),
        (lambda: ormsby((5, 10, 40, 60), DT, 10, delay=0), r"delay must be at least 0.002 s"),
        (lambda: klauder((8, 8), 10, DT, 10), r"klauder: expected two different positive"),
        (lambda: klauder((0, 60), 10, DT, 10), r"klauder: expected two different positive"),
        (lambda: klauder((8, 60), 0.1, DT, 10), r"sweep of at least the delay, 0.375 s, .* 0.1 s"),
        (lambda: klauder((8, float("nan")), 10, DT, 10), r"klauder: frequencies must be within"),
    ],
)
def test_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_wavelet_longer_than_any_memory_is_cut():
    assert ricker(1e-9, DT, 1000).shape == (1000,)
