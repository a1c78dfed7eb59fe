"""``keras-seismic train transfer`` as a user runs it, on little data."""

import json
import shutil

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.cli.main import main
from keras_seismic.cli.train import transfer, velocitygan


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, small_data):
    """model.keras of a network for gathers as in ``small_data``."""
    pairs = ks.datasets.open_pairs(small_data)
    model = ks.models.with_physical_units(
        ks.models.InversionNet(pairs.gather_shape, pairs.velocity_shape, filters=1),
        ks.layers.GatherNormalization(-27, 53),
        ks.layers.VelocityScaling(1500, 4500),
        pairs.acquisition,
    )
    path = tmp_path_factory.mktemp("pretrained") / "model.keras"
    model.save(path)
    return path


def test_it_goes_on_with_a_network_in_its_units(tmp_path, pretrained, small_data, eagerly, files):
    run = tmp_path / "run"
    options = {"encoder_rate": 0.1, "reset_head": True, "epochs": 1, "batch_size": 4}
    metrics = transfer(run, pretrained, small_data, freeze="5", samples=8, **options)
    assert files(run) == {
        "config.json", "history.csv", "metrics.json", "best.keras", "model.keras",
        "figures/loss.png", "figures/velocity.png", "figures/gathers.png",
        "figures/cases.png", "figures/errors.png", "report.html",
    }  # fmt: skip
    assert json.loads((run / "metrics.json").read_text()) == metrics
    config = json.loads((run / "config.json").read_text())
    assert (config["command"], config["arguments"]["samples"]) == ("train transfer", 8)
    pairs = ks.datasets.open_pairs(small_data)
    _, held_out = pairs.held_out(seed=0)
    before, after = (ks.inference.load_model(path) for path in (pretrained, run / "model.keras"))
    predicted = ks.inference.predict(before, pairs[held_out][0])
    error = np.abs(predicted - pairs[held_out][1]).mean()
    assert metrics["pretrained_mae_m_s"] == pytest.approx(error, rel=1e-4)
    assert after.acquisition == before.acquisition
    assert after.input_normalization.get_config() == before.input_normalization.get_config()
    for name, same in (("encoder_4b", True), ("encoder_6a", False), ("decoder_1b", False)):
        kernels = [m.network.get_layer(f"{name}_convolution").kernel for m in (before, after)]
        assert np.array_equal(*kernels) == same, name
    compiled = keras.models.load_model(run / "best.keras")
    assert compiled.optimizer.multipliers["vector_convolution"] == 0.1
    assert "encoder_4b_convolution" not in compiled.optimizer.multipliers


def test_pairs_of_a_family_are_simulated_for_the_network(tmp_path, pretrained, monkeypatch):
    """As the acquisition of the network has it, and of its size."""
    monkeypatch.setattr(ks.training, "fit_pairs", lambda model, *arguments, **options: model)
    monkeypatch.setattr(ks.training.RunFolder, "read_history", lambda run: {"loss": [1.0, 0.5]})
    cache = tmp_path / "cache"
    transfer(tmp_path / "run", pretrained, samples=3, held_out=1, cache_dir=cache)
    (folder,) = cache.iterdir()
    parameters = json.loads((folder / "parameters.json").read_text())
    assert parameters["family"] == "curvevel_a"
    assert parameters["acquisition"]["nt"] == 128


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--family", "flatland"], "flatland"),
        (["--pretrained", "absent.keras"], "no such model file"),
        (["--freeze", "9"], "8 encoder stages"),
        (["--freeze", "all"], "expected none, encoder or a number, received 'all'"),
        (["--encoder-rate", "-1"], "expected a number of at least 0"),
    ],
)
def test_bad_input_is_refused_with_nothing_written(tmp_path, pretrained, options, message):
    folders = ["--out", str(tmp_path / "run"), "--cache-dir", str(tmp_path / "cache")]
    words = [*folders, "--pretrained", str(pretrained), *options]
    with pytest.raises(SystemExit, match=rf"error: .*{message}"):
        main(["train", "transfer", *words])
    assert list(tmp_path.iterdir()) == []


def test_the_critic_goes_on_too(tmp_path, small_data, eagerly):
    """And so does a transfer of the transfer; without it, the run's model goes on alone."""
    options = {"samples": 5, "epochs": 1, "batch_size": 2}
    first, second = tmp_path / "first", tmp_path / "second"
    velocitygan(first, small_data, filters=2, generator_every=2, l2=7.0, **options)
    slow = {"learning_rate": 1e-7, "freeze": "encoder"} | options
    metrics = transfer(second, first / "model.keras", small_data, **slow)
    score = json.loads((first / "metrics.json").read_text())["velocity_mae_m_s"]
    assert metrics["pretrained_mae_m_s"] == pytest.approx(score, rel=1e-5)
    before, after = (keras.models.load_model(run / "best.keras") for run in (first, second))
    assert type(after) is ks.models.VelocityGAN
    assert after.recipe == before.recipe
    assert (after.l2, after.generator_every) == (7, 2)
    # At such a rate, the critic is still that of the first run, but has learned.
    assert int(after.critic_optimizer.iterations) == 2
    for ours, theirs in zip(before.critic.weights, after.critic.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, err_msg=ours.path)
    assert len(after.generator.trainable_weights) < len(before.generator.trainable_weights)
    # A model that is not of that run is not continued with its critic.
    shutil.copy(second / "model.keras", first / "model.keras")
    with pytest.raises(ValueError, match=r"expected the generator of model\.keras and its critic"):
        transfer(tmp_path / "third", first / "model.keras", small_data, **slow)


def test_other_models_are_refused(tmp_path, pretrained, small_data):
    path = tmp_path / "model.keras"
    ks.models.InversionNet((64, 8, 1), (16, 16), filters=1).save(path)
    with pytest.raises(ValueError, match=r"model\.keras: expected model\.keras of an inversion"):
        transfer(tmp_path / "run", path, small_data)
    acquisition = ks.simulation.Acquisition.surface(
        width=70, dx=10.0, dt=0.001, nt=64, peak_frequency=15.0, shots=1, boundary="cpml"
    )
    model = ks.inference.load_model(pretrained)
    network = ks.models.InversionNet(acquisition.gather_shape, (70, 70), filters=1)
    units = model.input_normalization, model.output_scaling
    ks.models.with_physical_units(network, *units, acquisition).save(path)
    with pytest.raises(ValueError, match=r"expects gathers .*64.* received .*128"):
        transfer(tmp_path / "run", path, small_data)
    assert not (tmp_path / "run").exists()
