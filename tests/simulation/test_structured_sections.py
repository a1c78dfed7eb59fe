"""Sections of random structure: what they promise, and that they are as rich as they say."""

import numpy as np
import pytest

from keras_seismic.simulation import sample_sections


@pytest.fixture(scope="module")
def sections():
    return np.stack(sample_sections(120, seed=5, shape=(128, 96)))


def test_they_are_reproducible_one_by_one(sections):
    np.testing.assert_array_equal(sample_sections(3, seed=5, shape=(128, 96)), sections[:3])
    assert len({section.tobytes() for section in sections}) == len(sections)
    other = sample_sections(1, seed=(5, 1), shape=(128, 96))[0]
    assert not np.array_equal(other, sections[0])


def test_they_are_normalized_and_finite(sections):
    assert sections.dtype == np.float32
    assert np.isfinite(sections).all()
    np.testing.assert_allclose(sections.std(axis=(1, 2)), 1, rtol=1e-4)
    # Wavelets have no zero frequency, so traces have no mean worth mentioning.
    assert np.abs(sections.mean(axis=(1, 2))).max() < 0.3


def test_their_bands_differ(sections):
    """Mean frequencies, cycles a sample, spread over more than two octaves, none at Nyquist's."""
    power = (np.abs(np.fft.rfft(sections, axis=1)) ** 2).mean(axis=2)
    frequency = np.fft.rfftfreq(sections.shape[1])
    mean = (power * frequency).sum(axis=1) / power.sum(axis=1)
    assert np.quantile(mean, 0.9) > 4 * np.quantile(mean, 0.1)
    assert mean.max() < 0.4


def test_their_phases_differ(sections):
    """Skewness is that of the wavelet's phase: of either sign, large for some."""
    skewness = (sections**3).mean(axis=(1, 2))
    assert (skewness > 0.2).sum() > 5
    assert (skewness < -0.2).sum() > 5


def test_neighboring_traces_are_alike_and_dips_differ(sections):
    """Unlike noise, though some are steep: best correlation within a few samples of shift."""
    alike = []
    for section in sections:
        left, right = section[12:-12, :-1], section[:, 1:]
        norm = np.sqrt((left**2).sum(axis=0)) + 1e-9
        best = [
            (left * (shifted := right[12 + lag : len(section) - 12 + lag])).sum(axis=0)
            / norm
            / (np.sqrt((shifted**2).sum(axis=0)) + 1e-9)
            for lag in range(-6, 7)
        ]
        alike.append(np.median(np.max(best, axis=0)))
    assert np.median(alike) > 0.9
    assert np.min(alike) > 0.3


def test_a_family_gives_the_convolutional_model(rng):
    from keras_seismic.simulation import sample_velocity, simulate_section

    (section,) = sample_sections(1, seed=3, family="curvefault_b", shape=(200, 60))
    velocity = sample_velocity("curvefault_b", 1, 3, shape=(70, 60))
    np.testing.assert_array_equal(section, simulate_section(velocity, nt=200, peak_frequency=15)[0])


@pytest.mark.parametrize("shape", [(0, 10), (10,), (10.5, 10)])
def test_bad_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="sample_sections: shape"):
        sample_sections(1, shape=shape)
