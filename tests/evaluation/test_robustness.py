"""Disturbances against what defines them, and the error of a network under them."""

import dataclasses

import numpy as np
import pytest
from scipy.signal import hilbert

import keras_seismic as ks
from keras_seismic.evaluation import DISTURBANCES, evaluate_robustness, score_velocity
from keras_seismic.evaluation.disturbances import Case
from tests.small_models import small_inversion

ACQUISITION = ks.simulation.Acquisition.surface(
    width=24, dx=10.0, dt=0.001, nt=500, peak_frequency=15.0, shots=2, receiver_step=2,
    boundary="cpml",
)  # fmt: skip


@pytest.fixture(scope="module")
def case():
    """Two models with a reflector, and their gathers: 500 samples, 12 receivers, 2 shots."""
    velocity = np.full((2, 24, 24), 2000.0, np.float32)
    velocity[:, 12:] = [[[2500.0]], [[3000.0]]]
    gathers = ks.simulation.simulate(velocity, ACQUISITION, progress=False)
    return Case(gathers, velocity[..., None], ACQUISITION)


def disturbed(kind, case, level, seed=0):
    return DISTURBANCES[kind].apply(case, level, seed)[0]


def difference(received, expected):
    """Relative to the RMS of what is expected."""
    return np.sqrt(np.mean((received - expected) ** 2) / np.mean(expected**2))


def test_undisturbed_rows_are_the_plain_evaluation():
    model, _, gathers = small_inversion()
    velocity = ks.simulation.sample_velocity("curvevel_a", 3, seed=2)
    result = evaluate_robustness(
        model, gathers, velocity, levels={kind: [] for kind in DISTURBANCES}, progress=False
    )
    plain = score_velocity(velocity[..., None], ks.inference.predict(model, gathers))
    assert [row["kind"] for row in result.rows] == list(DISTURBANCES)
    for row in result.rows:
        for name, value in plain.items():
            assert row[name] == pytest.approx(value, rel=1e-3), (row["kind"], name)
    assert not result.left_out
    # Without the acquisition, what needs it is left out and named.
    network = ks.inference.predictors.model_predictor(model)
    levels = {"noise": [], "velocity": [1.1]}
    result = evaluate_robustness(network, gathers, velocity, levels=levels, progress=False)
    assert dict(result.left_out) == {"velocity": "the acquisition is not known"}
    assert [row["kind"] for row in result.rows] == ["noise"]


@pytest.mark.parametrize("level", [20, 0, -5])
def test_noise_has_the_ratio_asked_for_in_every_example(case, level):
    noise = disturbed("noise", case, level) - case.gathers
    energies = [np.sum(np.square(x, dtype=float), axis=(1, 2, 3)) for x in (case.gathers, noise)]
    np.testing.assert_allclose(10 * np.log10(energies[0] / energies[1]), level, atol=1e-3)
    assert not np.allclose(noise[0] / noise[0].std(), noise[1] / noise[1].std(), atol=0.1)


def test_missing_traces_are_that_many_in_every_shot_and_nested(case):
    few, many = (disturbed("missing_traces", case, level, 3) == 0 for level in (0.25, 0.5))
    for missing, count in ((few, 3), (many, 6)):
        assert (missing.all(axis=1).sum(axis=1) == count).all()
    assert (many | ~few).all()


def test_a_network_that_normalizes_each_gather_does_not_mind_the_amplitude(case):
    def network(gathers):
        scaled = gathers / np.abs(gathers).max(axis=(1, 2, 3), keepdims=True)
        return 2000 + 900 * scaled[:, 100:124, :1, 0][..., None].repeat(24, axis=2)

    levels = {"amplitude": [0.1, 3, 10]}
    result = evaluate_robustness(network, *case, levels=levels, progress=False)
    errors = [row["velocity_mae_m_s"] for row in result.rows]
    assert len(errors) == 4
    np.testing.assert_allclose(errors, errors[0], rtol=1e-5)


def test_a_delay_moves_samples_and_half_of_one_moves_the_wave(case):
    later = disturbed("time_shift", case, 0.007)
    np.testing.assert_allclose(later[:, 7:], case.gathers[:, :-7], atol=1e-4)
    assert np.abs(later[:, :7]).max() < 1e-4
    spectrum = np.fft.rfft(case.gathers, 2000, axis=1)
    phase = np.exp(-2j * np.pi * np.fft.rfftfreq(2000) * 2.5)
    expected = np.fft.irfft(spectrum * phase[:, None, None], axis=1)[:, :500]
    assert difference(disturbed("time_shift", case, 0.0025), expected) < 1e-3


def test_gathers_of_a_rotated_wavelet_are_rotated_gathers(case):
    padded = np.pad(case.gathers, ((0, 0), (500, 500), (0, 0), (0, 0)))
    analytic = hilbert(padded, axis=1)[:, 500:1000]
    for degrees in (-90, 30, 180):
        expected = np.real(analytic * np.exp(1j * np.radians(degrees)))
        assert difference(disturbed("wavelet_phase", case, degrees), expected) < 0.01, degrees


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_a_stretched_ricker_wavelet_is_one_of_that_frequency(case, factor):
    other = dataclasses.replace(ACQUISITION, peak_frequency=15.0 * factor, nt=700)
    early = int(np.argmax(other.wavelet)) - int(np.argmax(ACQUISITION.wavelet))
    simulated = ks.simulation.simulate(case.velocity[..., 0], other, progress=False)
    expected = np.roll(simulated, -early, axis=1)[:, :500]
    assert difference(disturbed("wavelet_frequency", case, factor), expected) < 0.01


def test_receivers_that_are_there_are_kept_and_others_interpolated(case):
    found = disturbed("receiver_spacing", case, 2)
    np.testing.assert_allclose(found[:, :, ::2], case.gathers[:, :, ::2], atol=1e-6)
    # Nothing of a wave that is long enough to be sampled by every third receiver is lost.
    wave = np.cos(np.linspace(0, 2, 12))[None, :, None] * case.gathers[:, :, :1]
    found = disturbed("receiver_spacing", case._replace(gathers=wave.astype(np.float32)), 3)
    inner = np.s_[:, :, 2:10]
    assert 0 < difference(found[inner], wave[inner]) < 0.05
    with pytest.raises(ValueError, match=r"whole factor, received 1\.5"):
        disturbed("receiver_spacing", case, 1.5)


def test_velocity_out_of_range_is_simulated_or_left_out_with_the_reason(case):
    gathers, velocity = DISTURBANCES["velocity"].apply(case, 1.2, 0)
    np.testing.assert_allclose(velocity, 1.2 * case.velocity, rtol=1e-6)
    expected = ks.simulation.simulate(velocity[..., 0], ACQUISITION, progress=False)
    np.testing.assert_array_equal(gathers, expected)

    def network(gathers):
        return np.full((len(gathers), 24, 24, 1), 2500.0, np.float32)

    levels = {"velocity": [1.1, 3.0, 0.4]}
    result = evaluate_robustness(network, *case, levels=levels, progress=False)
    assert [row["level"] for row in result.rows] == [1.0, 1.1]
    assert "unstable" in result.left_out["velocity 3"]
    assert "grid points" in result.left_out["velocity 0.4"]


def test_the_seed_decides_and_the_table_holds_every_row(case):
    def network(gathers):
        return 2000 + 10 * gathers[:, 100:124, :1, :1].repeat(24, axis=2)

    levels = {"noise": [10], "missing_traces": [0.5]}
    first, again, other = (
        evaluate_robustness(network, *case, levels=levels, seed=seed, progress=False).csv()
        for seed in (1, 1, 2)
    )
    assert first == again != other
    heading, clean, *rows = first.splitlines()
    assert heading.startswith("kind,level,unit,velocity_mae_m_s")
    assert clean.startswith("noise,inf,dB,")
    assert len(rows) == 3
    result = evaluate_robustness(network, *case, levels=levels, progress=False)
    assert result.to_dict()["rows"][0]["level"] is None
    assert len(result.figure().axes) == 2


def test_what_does_not_belong_together_is_refused(case):
    gathers, velocity, acquisition = case
    with pytest.raises(ValueError, match=r"received \(2, 500, 12, 2\) and \(1, 24, 24, 1\)"):
        evaluate_robustness(lambda x: x, gathers, velocity[:1])
    with pytest.raises(ValueError, match=r"records \(500, 12, 2\), received gathers of \(500, 11"):
        evaluate_robustness(lambda x: x, gathers[:, :, :11], velocity, acquisition)
    with pytest.raises(ValueError, match=r"among noise, .*, received wind"):
        evaluate_robustness(lambda x: x, gathers, velocity, levels={"wind": [1]})
