"""Metrics against SciPy, scikit-image and closed forms."""

import keras
import numpy as np
import pytest
import scipy.ndimage
from skimage.metrics import structural_similarity

import keras_seismic as ks


def images(rng, count=3):
    """Layered images and noisy copies of them, in [0, 1]."""
    true = np.repeat(rng.random((count, 7, 70)), 10, axis=1)
    return true, np.clip(true + 0.1 * rng.standard_normal(true.shape), 0, 1)


def scipy_ssim_map(a, b):
    """The OpenFWI definition written with SciPy: 11 x 11 window, zeros beyond the edge."""
    distance = np.arange(11) - 5
    g = np.exp(-(distance**2) / (2 * 1.5**2))
    window = np.outer(g, g) / np.outer(g, g).sum()

    def blur(x):
        return scipy.ndimage.correlate(x, window, mode="constant", cval=0.0)

    mu_a, mu_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mu_a**2, blur(b * b) - mu_b**2
    cov = blur(a * b) - mu_a * mu_b
    return ((2 * mu_a * mu_b + 1e-4) * (2 * cov + 9e-4)) / (
        (mu_a**2 + mu_b**2 + 1e-4) * (var_a + var_b + 9e-4)
    )


def result(metric, true, estimate):
    metric.reset_state()
    metric.update_state(true, estimate)
    return float(metric.result())


def test_ssim_equals_a_scipy_formulation(rng):
    true, noisy = images(rng)
    expected = np.mean([scipy_ssim_map(a, b) for a, b in zip(true, noisy, strict=True)])
    assert abs(result(ks.metrics.SSIM(), true[..., None], noisy[..., None]) - expected) < 1e-5


def test_ssim_of_flat_and_dark_images_keeps_its_precision():
    # Almost no variance: where float32 loses it, C2 = 9e-4 does not hide the loss.
    true = np.full((1, 40, 40), 0.9)
    other = true + 0.003 * np.sin(np.arange(40))
    expected = scipy_ssim_map(true[0], other[0]).mean()
    assert abs(result(ks.metrics.SSIM(), true, other) - expected) < 1e-5


def test_ssim_map_equals_scikit_image_inside(rng):
    true, noisy = images(rng, 1)
    _, expected = structural_similarity(
        true[0], noisy[0], data_range=1.0, gaussian_weights=True, sigma=1.5, truncate=3.34,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    metric = ks.metrics.SSIM()
    a, b = (keras.ops.cast(x, "float32") for x in (true, noisy))
    ours = keras.ops.convert_to_numpy(metric.map(a, b))[0, ..., 0]
    np.testing.assert_allclose(ours[5:-5, 5:-5], expected[5:-5, 5:-5], atol=1e-5)


def test_ssim_scales_its_range(rng):
    true, noisy = images(rng)
    plain = result(ks.metrics.SSIM(), true, noisy)
    network = result(ks.metrics.SSIM(minimum=-1, maximum=1), 2 * true - 1, 2 * noisy - 1)
    meters = result(ks.metrics.SSIM(1500, 4500), 1500 + 3000 * true, 1500 + 3000 * noisy)
    assert network == pytest.approx(plain, abs=1e-5)
    assert meters == pytest.approx(plain, abs=1e-5)


def test_velocity_errors(rng):
    true = rng.uniform(1500, 4500, (5, 8, 9, 1))
    estimate = true + rng.normal(0, 100, true.shape)
    error = estimate - true
    mae = result(ks.metrics.MeanAbsoluteVelocityError(), true, estimate)
    rmse = result(ks.metrics.RootMeanSquaredVelocityError(), true, estimate)
    assert mae == pytest.approx(np.abs(error).mean(), rel=1e-4)
    assert rmse == pytest.approx(np.sqrt((error**2).mean()), rel=1e-4)
    scaled = result(ks.metrics.MeanAbsoluteVelocityError(1500), true / 1500, estimate / 1500)
    assert scaled == pytest.approx(mae, rel=1e-4)
    scaled = result(ks.metrics.RootMeanSquaredVelocityError(1500), true / 1500, estimate / 1500)
    assert scaled == pytest.approx(rmse, rel=1e-4)


def test_signal_to_noise_ratio(rng):
    clean = rng.standard_normal((2, 30, 20, 1)) * 1e6
    estimate = clean + rng.standard_normal(clean.shape) * 1e5
    expected = 10 * np.log10((clean**2).sum() / ((clean - estimate) ** 2).sum())
    metric = ks.metrics.SignalToNoiseRatio()
    assert result(metric, clean, estimate) == pytest.approx(expected, abs=1e-3)
    assert np.isfinite(result(metric, clean, clean))


METRICS = [
    ks.metrics.MeanAbsoluteVelocityError(1500),
    ks.metrics.RootMeanSquaredVelocityError(1500),
    ks.metrics.SSIM(-1, 1),
    ks.metrics.SignalToNoiseRatio(),
]


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_result_does_not_depend_on_the_batches(rng, metric):
    true = rng.uniform(-1, 1, (7, 20, 20, 1))
    # Errors that grow: a mean of batch means would come out wrong.
    estimate = true + np.arange(7)[:, None, None, None] * rng.normal(0, 0.1, true.shape)
    whole = result(metric, true, estimate)
    metric.reset_state()
    for part in (slice(0, 1), slice(1, 5), slice(5, 7)):
        metric.update_state(true[part], estimate[part])
    assert float(metric.result()) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_metrics_survive_serialization_and_weight_samples(rng, metric):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert copy.get_config() == metric.get_config()
    true, estimate = rng.random((2, 3, 12, 12, 1))
    copy.update_state(true, estimate, sample_weight=[0, 1, 0])
    assert float(copy.result()) == pytest.approx(result(metric, true[1:2], estimate[1:2]), rel=1e-4)


def test_shapes_must_agree():
    for metric in METRICS:
        with pytest.raises(ValueError, match="same shape"):
            metric.update_state(np.zeros((1, 4, 4)), np.zeros((1, 4, 5)))
    with pytest.raises(ValueError, match="SSIM"):
        ks.metrics.SSIM().update_state(np.zeros((4, 4)), np.zeros((4, 4)))
    with pytest.raises(ValueError, match="minimum"):
        ks.metrics.SSIM(1, 1)
    with pytest.raises(ValueError, match="scale"):
        ks.metrics.MeanAbsoluteVelocityError(0)


def test_velocity_snr_is_the_mean_over_models(rng):
    true = rng.uniform(1500, 4500, (3, 20, 30, 1))
    error = rng.standard_normal(true.shape) * np.array([10, 100, 500]).reshape(3, 1, 1, 1)
    metric = ks.metrics.VelocitySignalToNoiseRatio()
    expected = [
        10 * np.log10(np.mean(v**2) / np.mean(e**2)) for v, e in zip(true, error, strict=True)
    ]
    assert result(metric, true, true + error) == pytest.approx(np.mean(expected), abs=1e-3)
    # Not over all cells: the models count alike, however they are batched.
    metric.reset_state()
    for v, e in zip(true, error, strict=True):
        metric.update_state(v[None], (v + e)[None])
    assert float(metric.result()) == pytest.approx(np.mean(expected), abs=1e-3)
    assert np.isfinite(result(metric, true, true))
