"""train.velocitygan as a user runs it, on little data."""

import json

import keras
import numpy as np
import pytest

import keras_seismic as ks
import train.velocitygan
from keras_seismic.training import RunFolder


@pytest.fixture
def eagerly():
    """Without tracing, which takes longer than these trainings."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The pairs of a --smoke run, simulated beforehand."""
    folder = tmp_path_factory.mktemp("cache")
    acquisition = ks.simulation.Acquisition.openfwi(boundary="cpml")
    for count, seed in ((6, 0), (2, (0, 1))):
        ks.datasets.SimulatedPairs("flatvel_a", count, acquisition, seed, folder).prepare(
            progress=False
        )
    return str(folder)


def arguments(folder, cache, *more):
    return ["--smoke", "--epochs", "2", "--out", str(folder), "--cache-dir", cache, *more]


def test_interrupted_and_resumed_it_leaves_the_same_run(tmp_path, cache, eagerly, monkeypatch):
    metrics = train.velocitygan.main(arguments(tmp_path / "whole", cache))

    def killed(self, but=None):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "forget_progress", killed)  # the end of the first epoch
        with pytest.raises(KeyboardInterrupt):
            train.velocitygan.main(arguments(tmp_path / "broken", cache))
    again = train.velocitygan.main(arguments(tmp_path / "broken", cache, "--resume"))
    assert again == pytest.approx(metrics, rel=1e-4)

    folder = tmp_path / "broken"
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} == {
        "config.json", "history.csv", "metrics.json", "best.keras", "model.keras",
        "figures/loss.png", "figures/velocity.png",
    }  # fmt: skip
    assert json.loads((folder / "metrics.json").read_text()) == again
    history = RunFolder(folder, overwrite=True).read_history()
    assert {"critic_loss", "gradient_penalty", "val_loss"} <= set(history)
    assert len(history["loss"]) == 2

    # best.keras is the whole GAN, model.keras its generator in physical units.
    gan = keras.models.load_model(folder / "best.keras")
    assert int(gan.critic_optimizer.iterations) > int(gan.generator_optimizer.iterations) > 0
    model = ks.inference.load_model(folder / "model.keras")
    gathers = np.random.default_rng(0).normal(size=(1, 1000, 70, 5)).astype("float32")
    normalized = model.input_normalization(gathers)
    expected = model.output_scaling(gan.generator(normalized, training=False))
    np.testing.assert_allclose(model(gathers), expected, atol=0.1)
    assert model.acquisition.gather_shape == (1000, 70, 5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--generator", "fcnvmb"), ks.models.FCNVMB),
        (("--patch-size", "4", "--normalization", "none"), ks.models.InversionNet),
    ],
)
def test_options_choose_the_networks(options, expected):
    parsed = train.velocitygan.parser().parse_args(["--out", "x", "--smoke", *options])
    raw = ks.simulation.Acquisition.openfwi().gather_shape
    prepared = train.velocitygan.preparation(parsed)
    gan = train.velocitygan.build(parsed, prepared.compute_output_shape((1, *raw))[1:], (70, 70))
    assert isinstance(gan.generator, expected)
    patches = 16 if "--patch-size" in options else 1
    assert gan.critic.output_shape == (None, patches)
    assert (gan.l1, gan.l2, gan.adversarial, gan.generator_every) == (100, 0, 1, 2)
    # What arrives late matters: the network sees the whole record.
    gathers = np.random.default_rng(0).normal(size=(2, *raw)).astype("float32")
    late = gathers.copy()
    late[0, 700:] *= -1  # of one of two: batch normalization would hide a common change
    outputs = [np.asarray(gan.generator(prepared(g), training=True)) for g in (gathers, late)]
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--batch-size", "64"), "make no whole batch of 64"),
        (("--patch-size", "36"), "patch_size=36"),
        (("--l1", "-1"), "l1=-1"),
        (("--resume",), "nothing to resume"),
    ],
)
def test_bad_input_is_refused_with_nothing_written(tmp_path, cache, options, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        train.velocitygan.main(arguments(tmp_path / "run", cache, *options))
    assert not (tmp_path / "run").exists()
