"""``keras-seismic train velocitygan`` as a user runs it, on little data."""

import json
import shlex

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.cli.main import main
from keras_seismic.cli.train import velocitygan
from keras_seismic.cli.train.velocitygan import FORMS
from keras_seismic.training import RunFolder

QUICK = {"samples": 6, "epochs": 2, "batch_size": 2, "filters": 2, "generator_every": 2}


def test_interrupted_and_resumed_it_leaves_the_same_run(
    tmp_path, small_data, eagerly, files, monkeypatch, capsys
):
    metrics = velocitygan(tmp_path / "whole", small_data, **QUICK)
    folder = tmp_path / "broken"

    def killed(self, but=()):
        raise KeyboardInterrupt

    options = (f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items())
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "_forget_progress", killed)  # the end of the first epoch
        with pytest.raises(SystemExit) as ended:
            main(["train", "velocitygan", f"--out={folder}", f"--data={small_data}", *options])
    assert ended.value.code == 130
    *_, hint = capsys.readouterr().err.splitlines()
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(hint)[1:])
    assert ended.value.code == 0
    again = json.loads((folder / "metrics.json").read_text())
    assert again == pytest.approx(metrics, rel=1e-4)
    assert files(folder) == {
        "config.json", "history.csv", "metrics.json", "best.keras", "model.keras",
        "figures/loss.png", "figures/velocity.png", "figures/gathers.png",
        "figures/cases.png", "figures/errors.png", "report.html",
    }  # fmt: skip
    history = RunFolder(folder, overwrite=True).read_history()
    assert {"critic_loss", "gradient_penalty", "val_loss"} <= set(history)
    assert len(history["loss"]) == 2

    # best.keras is the whole GAN, model.keras its generator in physical units.
    gan = keras.models.load_model(folder / "best.keras")
    assert int(gan.critic_optimizer.iterations) > int(gan.generator_optimizer.iterations) > 0
    model = ks.inference.load_model(folder / "model.keras")
    gathers = np.random.default_rng(0).normal(size=(1, 128, 70, 2)).astype("float32")
    normalized = model.input_normalization(gathers)
    expected = model.output_scaling(gan.generator(normalized, training=False))
    np.testing.assert_allclose(model(gathers), expected, atol=0.1)
    assert model.acquisition.gather_shape == (128, 70, 2)


@pytest.mark.parametrize(
    ("form", "normalized", "layers", "l2"),
    [
        ("recommended", "layer", 9, 0), ("code", "batch", 9, 100), ("benchmark", "batch", 9, 0),
        ("paper", "batch", 6, 100), ("patchgan", "batch", 5, 100),
    ],
)  # fmt: skip
def test_one_option_sets_critic_and_losses(form, normalized, layers, l2):
    """The counts of layers with kernels are those of the code and of the paper."""
    arguments, squared = FORMS[form]
    critic = ks.models.VelocityCritic(filters=1, **arguments)
    assert (critic.normalization, squared) == (normalized, l2)
    assert len([layer for layer in critic.layers if hasattr(layer, "kernel")]) == layers


class _BuiltError(Exception):
    """Carries what was about to be trained."""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"generator": "fcnvmb"}, ks.models.FCNVMB),
        ({"form": "patchgan"}, ks.models.InversionNet),
    ],
)
def test_options_choose_the_networks(options, expected, tmp_path, monkeypatch):
    def batches(pairs, learning, preparation, *arguments, **more):
        return preparation, None

    def fit(gan, training, *arguments, **options):
        raise _BuiltError(gan, training)

    monkeypatch.setattr(ks.training, "training_batches", batches)
    monkeypatch.setattr(ks.training, "fit", fit)
    monkeypatch.setattr(ks.datasets.SimulatedPairs, "prepare", lambda self: self)
    with pytest.raises(_BuiltError) as built:
        velocitygan(tmp_path / "run", **(QUICK | options), cache_dir=tmp_path / "cache")
    gan, prepared = built.value.args
    assert isinstance(gan.generator, expected)
    patches = 16 if "form" in options else 1
    assert gan.critic.output_shape == (None, patches)
    assert (gan.l1, gan.adversarial, gan.generator_every) == (100, 1, 2)
    assert gan.l2 == (100 if "form" in options else 0)
    # What arrives late matters: the network sees the whole record.
    gathers = np.random.default_rng(0).normal(size=(2, 1000, 70, 5)).astype("float32")
    late = gathers.copy()
    late[0, 700:] *= -1  # of one of two: batch normalization would hide a common change
    outputs = [np.asarray(gan.generator(prepared(g), training=True)) for g in (gathers, late)]
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-4


def test_it_learns_from_mat_files(tmp_path, mat_data, monkeypatch):
    """Which are thinned already, and know no acquisition."""

    def fit(gan, training, *arguments, **options):
        x, y = next(iter(training))
        raise _BuiltError(gan.generator(x).shape == y.shape)

    monkeypatch.setattr(ks.training, "fit", fit)
    with pytest.raises(_BuiltError) as built:
        velocitygan(tmp_path / "run", mat_data, generator="fcnvmb", **QUICK)
    assert built.value.args == (True,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 64}, "make no whole batch of 64"),
        ({"l1": -1.0}, "l1=-1"),
    ],
)
def test_bad_input_is_refused_with_nothing_written(tmp_path, small_data, options, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        velocitygan(tmp_path / "run", small_data, **(QUICK | options))
    assert not (tmp_path / "run").exists()
