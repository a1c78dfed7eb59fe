"""Low cut, decimation and normalization of gathers, against SciPy and inside a served model."""

import keras
import numpy as np
import pytest
from scipy import signal

import keras_seismic as ks

LowCut, TimeDecimation = ks.layers.LowCut, ks.layers.TimeDecimation


def scipys(gathers, frequency, dt, order):
    """Butterworth forward and backward, with silence before and after the record."""
    silence = int(12 / frequency / dt)
    padded = np.pad(gathers, [(0, 0), (silence, silence), (0, 0), (0, 0)])
    sections = signal.butter(order, frequency, "highpass", fs=1 / dt, output="sos")
    filtered = signal.sosfiltfilt(sections, padded, axis=1, padtype=None)
    return filtered[:, silence:-silence]


@pytest.mark.parametrize(
    ("frequency", "dt", "order", "samples"),
    [(8, 0.001, 4, 1000), (3, 0.004, 2, 333), (0.7, 0.005, 4, 400), (60, 0.002, 1, 128)],
)
def test_it_is_scipys_butterworth_forward_and_backward(rng, frequency, dt, order, samples):
    gathers = rng.standard_normal((2, samples, 3, 2)).cumsum(axis=1)
    gathers /= np.abs(gathers).max()
    filtered = np.asarray(LowCut(frequency, dt, order)(gathers))
    np.testing.assert_allclose(filtered, scipys(gathers, frequency, dt, order), atol=2e-6)
    # Something was taken away.
    assert np.abs(filtered - gathers).max() > 0.3


def test_half_the_amplitude_at_the_cut_off_and_no_delay():
    t = np.arange(4000) * 0.001
    sine = np.sin(2 * np.pi * 10 * t)[None, :, None, None]
    filtered = np.asarray(LowCut(10, 0.001)(sine))[:, 1000:3000]
    np.testing.assert_allclose(filtered, sine[:, 1000:3000] / 2, atol=2e-4)


def test_bad_filters_and_shapes_are_refused():
    with pytest.raises(ValueError, match=r"between 0 and 500 Hz.*received 500"):
        LowCut(500, 0.001)
    with pytest.raises(ValueError, match="received nan"):
        LowCut(float("nan"), 0.001)
    with pytest.raises(ValueError, match="dt must be a sample interval"):
        LowCut(5, 0)
    with pytest.raises(ValueError, match="1 to 12, received 0"):
        LowCut(5, 0.001, order=0)
    with pytest.raises(ValueError, match=r"known number of samples.*\(None, None, 70, 5\)"):
        LowCut(5, 0.001)(keras.Input((None, 70, 5)))
    with pytest.raises(ValueError, match=r"10 samples at 0\.001 s"):
        LowCut(5, 0.001)(np.zeros((1, 10, 1, 1)))


def test_decimation_keeps_the_samples_of_fcnvmb(rng):
    gathers = rng.standard_normal((2, 2000, 2, 1)).astype("float32")
    layer = TimeDecimation(5)
    np.testing.assert_array_equal(layer(gathers), gathers[:, 2::5])
    assert layer.compute_output_shape((None, 2000, 301, 29)) == (None, 400, 301, 29)
    np.testing.assert_array_equal(TimeDecimation(3, first=0)(gathers), gathers[:, ::3])
    with pytest.raises(ValueError, match="received 0"):
        TimeDecimation(0)
    with pytest.raises(ValueError, match="from 0 to 4, below step, received 5"):
        TimeDecimation(5, first=5)


@pytest.fixture
def preparation():
    return ks.layers.GatherPreparation(
        [LowCut(20, 0.001), TimeDecimation(2), ks.layers.GatherNormalization(-20, 30)]
    )


def test_steps_follow_one_another_and_survive_saving(preparation, rng):
    gathers = rng.uniform(-20, 30, (2, 128, 4, 2)).astype("float32")
    filtered = scipys(gathers, 20, 0.001, 4)[:, 1::2]
    logarithm = np.sign(filtered) * np.log1p(np.abs(filtered))
    expected = 2 * (logarithm + np.log(21)) / (np.log(31) + np.log(21)) - 1
    copied = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(preparation))
    for layer in (preparation, copied):
        np.testing.assert_allclose(layer(gathers), expected, atol=2e-5)
        assert (layer.data_min, layer.data_max) == (-20, 30)


def test_the_range_is_that_of_the_filtered_gathers(rng):
    gathers = rng.uniform(-20, 30, (2, 128, 4, 2)).astype("float32")
    steps = [LowCut(20, 0.001), TimeDecimation(2)]
    layer = ks.layers.GatherPreparation.fitted(steps, gathers, k=2)
    filtered = scipys(gathers, 20, 0.001, 4)[:, 1::2]
    assert (layer.data_min, layer.data_max) == pytest.approx((filtered.min(), filtered.max()))
    prepared = np.asarray(layer(gathers))
    assert (prepared.min(), prepared.max()) == pytest.approx((-1, 1), abs=1e-5)
    assert layer.steps[-1].k == 2


def test_it_stays_float32_in_mixed_precision(preparation):
    keras.config.set_dtype_policy("mixed_float16")
    gathers = 1e6 * np.ones((1, 128, 2, 1), "float32")
    assert preparation(gathers).dtype == "float32"
    assert np.isfinite(preparation(gathers)).all()


def test_a_served_model_filters_as_it_was_trained(preparation, small_acquisition, tmp_path):
    """SavedModel and ONNX take raw gathers at the acquisition's own sampling."""
    shot_gather = keras.Input((64, 18, 2))
    velocity = keras.layers.Conv2D(1, 3, padding="same", activation="tanh")(shot_gather)
    network = keras.Model(shot_gather, velocity)
    # So wide that the 0.5 m/s which an export may differ are little of what is predicted.
    scaling = ks.layers.VelocityScaling(0, 100_000)
    physical = ks.models.with_physical_units(network, preparation, scaling, small_acquisition)
    assert physical.input_shape == (None, 128, 18, 2)
    raw = ks.simulation.simulate(ks.simulation.sample_velocity("style_a", 2), small_acquisition)
    expected = np.asarray(scaling(network(preparation(raw))))
    np.testing.assert_allclose(physical(raw), expected, rtol=1e-5)
    unfiltered = ks.layers.GatherPreparation(preparation.steps[1:])
    assert np.abs(expected - scaling(network(unfiltered(raw)))).max() > 50
    physical.save(tmp_path / "model.keras")
    ks.exporting.export_saved_model(physical, tmp_path, inputs=raw)
    ks.exporting.export_onnx(physical, tmp_path / "model.onnx", raw)
    for name in ("model.keras", "1", "model.onnx"):
        assert ks.exporting.check_parity(physical, tmp_path / name, raw[:1]) < 0.5


def test_what_does_not_fit_together_is_refused(preparation, small_acquisition):
    make, scaling = ks.models.with_physical_units, ks.layers.VelocityScaling()
    network = ks.models.FCNVMB((64, 18, 2), (8, 8), filters=1)
    with pytest.raises(ValueError, match=r"without an acquisition it gets \(64, 18, 2\), of which"):
        make(network, preparation, scaling)
    wrong = ks.models.FCNVMB((128, 18, 2), (8, 8), filters=1)
    with pytest.raises(ValueError, match=r"records \(128, 18, 2\), of which.*\(64, 18, 2\)"):
        make(wrong, preparation, scaling, small_acquisition)
    late = ks.layers.GatherPreparation([TimeDecimation(2), *preparation.steps[::2]])
    with pytest.raises(ValueError, match=r"dt=0.001 s, but gets gathers at 0.002 s .* 10 Hz"):
        make(network, late, scaling, small_acquisition)
    with pytest.raises(ValueError, match=r"last step must be a GatherNorm.*received LowCut"):
        ks.layers.GatherPreparation([LowCut(5, 0.001)])
    with pytest.raises(ValueError, match="no steps"):
        ks.layers.GatherPreparation([])
    with pytest.raises(ValueError, match="received str"):
        ks.layers.GatherPreparation(["low cut"])
