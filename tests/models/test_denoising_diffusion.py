"""DenoisingDiffusion against closed forms, on TensorFlow and JAX."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

import keras_seismic as ks
from benchmarks.runtimes import RUNTIMES, Case, differences
from keras_seismic.models import diffusion_process as process
from keras_seismic.models.diffusion_sampling import denoised
from keras_seismic.models.diffusion_unet import PowerEmbedding

MEAN = np.array([0.5, -1.0, 0.2])
COVARIANCE = np.array([[1.0, 0.6, 0.0], [0.6, 0.8, -0.2], [0.0, -0.2, 0.3]])


@keras.saving.register_keras_serializable(package="tests")
class BestPrediction(keras.layers.Layer):
    """The best prediction there is for normal data of this mean and covariance.

    ``E[x | z] = m + sqrt(p) C (p C + (1 - p) I)^-1 (z - sqrt(p) m)``, and by that ``E[e | z]``.
    The data may depend on a map that is added to the mean.
    """

    def __init__(self, prediction, **kwargs):
        super().__init__(**kwargs)
        self.prediction = prediction

    def call(self, noisy, power, condition=None):
        mean = ops.convert_to_tensor(MEAN[None, :, None], "float32")
        if condition is not None:
            mean = mean + condition[..., 0]
        p = power[:, None, None]
        covariance = ops.convert_to_tensor(COVARIANCE[None], "float32")
        within = p * covariance + (1 - p) * ops.eye(3)
        z = noisy[..., 0]
        by_data = ops.solve(within, z - ops.sqrt(p) * mean)
        clean = mean + ops.sqrt(p) * ops.matmul(covariance, by_data)
        noise = (z - ops.sqrt(p) * clean) / ops.sqrt(1 - p)
        return process.target(self.prediction, clean, noise, p)[..., None]

    def get_config(self):
        return super().get_config() | {"prediction": self.prediction}


def best(prediction="v", conditional=False):
    """Its samples have 2,000 columns, independent of each other."""
    inputs = [keras.Input((3, 2000, 1)), keras.Input(())]
    inputs += [keras.Input((3, 2000, 1))] * conditional
    denoiser = keras.Model(inputs, BestPrediction(prediction)(*inputs))
    return ks.models.DenoisingDiffusion(denoiser, prediction=prediction)


def small(network=None):
    """Two convolutions, or another network."""
    if network is None:
        noisy, power, given = inputs = [
            keras.Input((9, 6, 1)), keras.Input(()), keras.Input((9, 6, 1)),
        ]  # fmt: skip
        level = ops.reshape(power, (-1, 1, 1, 1)) * ops.ones_like(noisy)
        x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(
            ops.concatenate([noisy, level, given], axis=-1)
        )
        network = keras.Model(inputs, keras.layers.Conv2D(1, (9, 1), padding="same")(x))
    return ks.models.DenoisingDiffusion(network, steps=40)


def pairs(count=4):
    rng = np.random.default_rng(0)
    clean = np.sign(rng.normal(size=(count, 1, 6, 1)))
    clean = np.repeat(clean, 9, axis=1).astype("float32")
    return clean + rng.normal(size=clean.shape).astype("float32"), clean


@pytest.mark.parametrize("prediction", process.PREDICTIONS)
@pytest.mark.parametrize(("sampler", "steps"), [("ddim", 40), ("ddpm", 60)])
def test_samples_of_the_best_denoiser_have_the_data_distribution(prediction, sampler, steps):
    """Mean and covariance of normal data.

    What so few steps change is known too: by powers of these steps, 0.06 and 0.07 of the
    covariance. 16,000 samples scatter by a hundredth.
    """
    samples = best(prediction).sample(8, sampler=sampler, steps=steps, seed=1, progress=False)
    samples = np.moveaxis(samples[..., 0], 1, 0).reshape(3, -1)
    np.testing.assert_allclose(samples.mean(axis=1), MEAN, atol=0.05)
    np.testing.assert_allclose(np.cov(samples), COVARIANCE, atol=0.12)


def test_samples_depend_on_their_condition():
    condition = np.stack([np.full((3, 2000, 1), shift, np.float32) for shift in (0, 4)])
    samples = best(conditional=True).sample(1, condition, steps=30)
    assert samples.shape == (2, 1, 3, 2000, 1)
    for drawn, shift in zip(samples[:, 0, ..., 0], (0, 4), strict=True):
        np.testing.assert_allclose(drawn.mean(axis=1), MEAN + shift, atol=0.25)


@pytest.mark.parametrize("prediction", process.PREDICTIONS)
def test_every_prediction_says_the_same(prediction):
    clean, noise = np.random.default_rng(0).normal(size=(2, 50))
    for power in (0.01, 0.5, 0.99):
        noisy = process.with_noise(clean, noise, power)
        predicted = process.target(prediction, clean, noise, power)
        found = process.clean_and_noise(prediction, predicted, noisy, power)
        np.testing.assert_allclose(found, (clean, noise), atol=1e-5)


@pytest.mark.parametrize("random", [False, True])
def test_a_step_back_leads_to_the_noise_of_that_level(random):
    """What is left in front of the clean sample is noise of variance ``1 - q``."""
    noise, fresh = np.random.default_rng(0).normal(size=(2, 20_000))
    stepped = process.step_back(np.full(20_000, 3.0), noise, 0.2, 0.6, fresh if random else None)
    left = np.asarray(stepped) - np.sqrt(0.6) * 3
    assert left.var() == pytest.approx(0.4, rel=0.05)
    assert np.corrcoef(left, noise)[0, 1] == pytest.approx(
        np.sqrt(0.2 * 0.4 / (0.6 * 0.8)) if random else 1, abs=0.05
    )


def test_schedules_are_the_published_ones():
    linear, cosine = (process.signal_powers(name, 1000) for name in ("linear", "cosine"))
    np.testing.assert_allclose(linear[[1, 2]], [1 - 1e-4, (1 - 1e-4) * (1 - 1e-4 - 0.0199 / 999)])
    assert linear[-1] == pytest.approx(4.04e-5, rel=0.01)  # Ho et al.: "alpha_T close to 0"
    angle = lambda t: np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2  # noqa: E731
    np.testing.assert_allclose(
        cosine[[250, 500, 900]], [angle(t) / angle(0) for t in (0.25, 0.5, 0.9)]
    )
    for powers in (linear, cosine):
        assert powers[0] == 1
        assert (np.diff(powers) < 0).all()
    # Fewer steps end with as much noise.
    assert process.signal_powers("linear", 100)[-1] < 1e-4
    np.testing.assert_array_equal(process.sampling_times(1000, 4), [1000, 750, 500, 250, 0])


def test_samples_depend_on_seed_and_number_alone():
    model, (noisy, _) = small(), pairs(2)
    options = {"steps": 4, "sampler": "ddpm", "seed": 5}
    together = model.sample(3, noisy, **options)
    alone = model.sample(2, noisy[:1], batch_size=1, **options)
    np.testing.assert_allclose(alone[0], together[0, :2], atol=1e-5)
    np.testing.assert_array_equal(
        model.predict(noisy, **options), model.sample(1, noisy, **options)[:, 0]
    )
    others = model.sample(2, noisy[:1], **options | {"seed": 6})
    assert np.abs(others - alone).min(axis=(2, 3, 4)).max() > 1e-3
    assert np.abs(together[:, 0] - together[:, 1]).max() > 1e-3


def test_training_goes_on_after_saving_as_if_never_saved(tmp_path):
    """With the noise that would have come next."""
    model, data = small(), pairs()
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    model.train_on_batch(*data)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for network in (model, loaded):
        network.train_on_batch(*data)
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)
    assert loaded.evaluate(*data, verbose=0) == loaded.evaluate(*data, verbose=0)


LEARN = """
import keras, numpy as np, sys
from tests.models.test_denoising_diffusion import pairs, small
keras.utils.set_random_seed(0)
model = small()
model.compile(keras.optimizers.Adam(1e-2), jit_compile=keras.backend.backend() == "jax")
noisy, clean = pairs(32)
losses = model.fit(noisy, clean, epochs=40, batch_size=32, verbose=0).history["loss"]
assert np.mean(losses[-5:]) < 0.6 * losses[0], losses
drawn = model.sample(1, noisy, steps=2)[:, 0]
error, before = np.abs(drawn - clean).mean(), np.abs(noisy - clean).mean()
assert error < 0.6 * before, (error, before)
print(error, before, losses[::8])
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_learns_to_take_noise_from_what_it_is_given(backend):
    if backend == "tensorflow":
        exec(LEARN, {})
        return
    pytest.importorskip("jax", reason="needs jax: pip install 'keras_seismic[jax]'")
    environment = os.environ | {"KERAS_BACKEND": backend}
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # compiles in half the time
    subprocess.run([sys.executable, "-c", LEARN], check=True, timeout=600, env=environment)


def test_conditioner_learns_too_and_everything_is_saved(tmp_path):
    gathers = np.random.default_rng(0).normal(size=(2, 20, 8, 2)).astype("float32")
    given = keras.Input((20, 8, 2))
    x = keras.layers.Dense(54)(keras.layers.Flatten()(given))
    conditioner = keras.Model(given, keras.layers.Reshape((9, 6, 1))(x))
    denoiser = ks.models.DiffusionUNet((9, 6, 1), 1, filters=2, depth=1)
    model = ks.models.DenoisingDiffusion(denoiser, conditioner, "linear", "epsilon", steps=20)
    model.compile("adam", run_eagerly=True)
    before = conditioner.get_weights()
    for _ in range(2):  # the denoiser's last layer begins with zeros
        model.train_on_batch(gathers, np.ones((2, 9, 6, 1)))
    assert any((a != b).any() for a, b in zip(before, conditioner.get_weights(), strict=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert (loaded.schedule, loaded.prediction, loaded.steps) == ("linear", "epsilon", 20)
    np.testing.assert_array_equal(loaded.predict(gathers, steps=3), model.predict(gathers, steps=3))


def test_posterior_mean_is_the_mean_and_exports_compute_the_same(tmp_path):
    keras.utils.set_random_seed(0)
    unet = ks.models.DiffusionUNet((9, 6, 1), condition_channels=1, filters=2, depth=1)
    diffusion, (noisy, _) = small(unet), pairs(3)
    diffusion.denoiser.set_weights(
        [
            w + 0.1 * np.random.default_rng(1).normal(size=w.shape)
            for w in diffusion.denoiser.get_weights()
        ]
    )
    mean = ks.models.PosteriorMean(diffusion, samples=2, steps=2, output_name="clean_section")
    noise = np.random.default_rng(0).standard_normal((2, 9, 6, 1)).astype("float32")
    for one, found in zip(noisy, np.asarray(mean(noisy)), strict=True):
        drawn = denoised(diffusion, noise, np.stack([one, one]), 2)
        np.testing.assert_allclose(found, np.mean(drawn, axis=0), atol=1e-5)
    model = ks.models.with_physical_units(mean, ks.layers.SectionNormalization("maximum"))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(noisy), model(noisy))
    assert ks.inference.ModelCard.of(loaded).task == "noisy section to clean section"
    found = differences(Case(model, noisy), tmp_path)
    for runtime in RUNTIMES:
        assert isinstance(found[runtime], float), f"{runtime}: {found[runtime]}"
        assert found[runtime] <= 1e-3, runtime


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float64"])
def test_network_in_other_precisions(dtype):
    network = ks.models.DiffusionUNet((9, 7, 2), 3, filters=2, depth=2, dtype=dtype)
    inputs = [np.ones((2, 9, 7, 2)), np.full(2, 0.3), np.ones((2, 9, 7, 3))]
    assert keras.backend.standardize_dtype(network(inputs).dtype) == network.output.dtype
    exact = ks.models.in_float32(network)
    assert {layer.compute_dtype for layer in exact.layers} == {"float32"}
    assert exact.get_config() == network.get_config() | {"dtype": "float32"}


def test_powers_are_told_apart():
    """Also those near 1, where an arc cosine in float32 could not."""
    powers = np.array([1.0, 1 - 1e-5, 0.99, 0.5, 1e-4, 0.0], "float32")
    told = np.asarray(PowerEmbedding(8)(powers))
    np.testing.assert_allclose((told**2).reshape(6, 2, 8).sum(axis=1), 1, atol=1e-5)
    assert np.abs(np.diff(told, axis=0)).max(axis=1).min() > 0.1


@pytest.mark.parametrize(
    ("act", "word"),
    [
        (lambda: process.signal_powers("square", 5), "schedule"),
        (lambda: best("noise"), "prediction"),
        (lambda: ks.models.DenoisingDiffusion(ks.models.CNN(2)), "denoiser"),
        (lambda: ks.models.DenoisingDiffusion(small().denoiser, ks.models.CNN(2)), "conditioner"),
        (lambda: ks.models.DiffusionUNet((4, 4)), "sample_shape"),
        (lambda: best().sample(1, sampler="euler"), "sampler"),
        (lambda: best().sample(1, steps=1001), "1001"),
        (lambda: best().sample(1, np.zeros((1, 3, 2000, 1))), "depend on nothing"),
        (lambda: small().sample(1, steps=2), "condition"),
        (lambda: small().sample(1, np.zeros((1, 9, 7, 1)), steps=2), "9, 7"),
        (lambda: small().compile(metrics=["mae"]), "metrics"),
        (lambda: ks.models.PosteriorMean(best()), "depend on nothing"),
        (lambda: ks.models.PosteriorMean(small(), samples=0), "samples"),
    ],
)
def test_bad_arguments_are_refused(act, word):
    with pytest.raises(ValueError, match=word):
        act()
