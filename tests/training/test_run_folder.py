"""Run folders."""

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

import keras_seismic as ks
from keras_seismic.datasets.order import BatchOrder
from keras_seismic.training import RunFolder


def test_a_run_folder_keeps_what_it_is_given(tmp_path):
    run = RunFolder(tmp_path / "a" / "run").create({"seed": 1})
    run.write("metrics.json", {"mae": 2.5})
    run.write_history({"loss": [3.0, 2.0], "val_loss": [3.5, 2.5]})
    run.save_figure(Figure(), "empty")
    assert run.read("config.json") == {"seed": 1}
    assert run.read("metrics.json") == {"mae": 2.5}
    history = run.read_history()
    assert history == {"epoch": [1, 2], "loss": [3, 2], "val_loss": [3.5, 2.5]}
    names = sorted(str(p.relative_to(run.path)) for p in run.path.rglob("*") if p.is_file())
    assert names == ["config.json", "figures/empty.png", "history.csv", "metrics.json"]


def test_an_occupied_folder_is_refused(tmp_path):
    RunFolder(tmp_path / "run").create({"old": True})
    with pytest.raises(FileExistsError, match="pass overwrite=True"):
        RunFolder(tmp_path / "run")
    run = RunFolder(tmp_path / "run", overwrite=True)
    # Nothing is lost before the new run really begins.
    assert run.read("config.json") == {"old": True}
    run.create({"new": True})
    assert run.read("config.json") == {"new": True}


def test_overwriting_spares_folders_that_are_no_runs(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="no run folder"):
        RunFolder(tmp_path, overwrite=True)
    with pytest.raises(FileExistsError, match="found a file"):
        RunFolder(tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").exists()


def test_an_empty_folder_will_do(tmp_path):
    assert RunFolder(tmp_path).create({}).read("config.json") == {}


def test_fit_returns_the_best_epoch(tmp_path, rng):
    model = ks.models.ConvDenoiser(num_filters=2)
    model.compile(keras.optimizers.SGD(0.5), "mean_squared_error", jit_compile=False)
    x = rng.uniform(-1, 1, (8, 12, 12, 1)).astype("float32")
    run = RunFolder(tmp_path / "run").create({})
    best = ks.training.fit(model, (x, x), (x, x), run, epochs=4)
    history = run.read_history()
    assert len(history["val_loss"]) == 4
    loss = np.mean((best(x) - x) ** 2)
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-5)
    assert keras.models.load_model(run.path / "best.keras").optimizer is not None


def test_fit_says_when_the_loss_is_lost(tmp_path, rng):
    model = ks.models.ConvDenoiser(num_filters=2)
    model.compile("sgd", "mean_squared_error", jit_compile=False)
    x = np.full((4, 8, 8, 1), np.nan, "float32")
    run = RunFolder(tmp_path / "run").create({})
    with pytest.raises(RuntimeError, match="NaN"):
        ks.training.fit(model, (x, x), (x, x), run, epochs=2)


def test_adamw_warms_up_and_decays():
    optimizer = ks.training.adamw(1e-3, steps=1000, warmup=0.1)
    rate = [float(optimizer._learning_rate(step)) for step in (0, 100, 550, 1000)]
    assert rate[0] == pytest.approx(4e-5)
    assert rate[1] == pytest.approx(1e-3)
    assert rate[2] == pytest.approx(5e-4)
    assert rate[3] == pytest.approx(0, abs=1e-9)
    assert (optimizer.epsilon, optimizer.weight_decay) == (1e-8, 1e-4)


def small_training(run, epochs, data):
    """A training whose epochs have different orders."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
    network = keras.Sequential(layers)
    network.compile(ks.training.adamw(1e-2, 40), "mse", jit_compile=False)
    x, y = data
    order = BatchOrder(np.arange(len(x)), batch_size=8, seed=5)

    class Batches(keras.utils.PyDataset):
        epoch = run.epochs_done

        def __len__(self):
            return len(order)

        def __getitem__(self, i):
            numbers = order.epoch(self.epoch)[8 * i : 8 * i + 8]
            return x[numbers], y[numbers]

        def on_epoch_end(self):
            self.epoch += 1

    return ks.training.fit(network, Batches(), (x, y), run, epochs)


def test_an_interrupted_run_goes_on_as_if_never_interrupted(tmp_path, rng, monkeypatch):
    data = rng.normal(size=(32, 4)).astype("float32"), rng.normal(size=(32, 1)).astype("float32")
    config = {"arguments": {"epochs": 5, "out": "x"}}
    whole = small_training(RunFolder(tmp_path / "whole").create(config), 5, data)
    assert not list((tmp_path / "whole").glob("last-*"))

    write = RunFolder.write_history

    def killed_in_the_third_epoch(self, history):
        if len(history["loss"]) == 3:
            raise KeyboardInterrupt
        return write(self, history)

    broken = RunFolder(tmp_path / "broken").create(config)
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write_history", killed_in_the_third_epoch)
        with pytest.raises(KeyboardInterrupt):
            small_training(broken, 5, data)
    resumed = RunFolder(tmp_path / "broken", resume=True).create(config)
    assert resumed.epochs_done == 2
    network = small_training(resumed, 5, data)
    for ours, theirs in zip(network.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    history = RunFolder(tmp_path / "whole", overwrite=True).read_history()
    assert resumed.read_history().keys() == history.keys()
    for name, column in resumed.read_history().items():
        assert column == pytest.approx(history[name]), name
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        RunFolder(tmp_path / "broken", resume=True)


def test_resuming_needs_a_run_and_its_arguments(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing to resume: config\.json"):
        RunFolder(tmp_path / "none", resume=True)
    run = RunFolder(tmp_path / "run").create({"arguments": {"epochs": 5, "resume": False}})
    with pytest.raises(FileNotFoundError, match=r"history.csv is missing"):
        RunFolder(tmp_path / "run", resume=True)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    run.save_progress(model, {"loss": [1.0]})
    again = RunFolder(tmp_path / "run", resume=True)
    with pytest.raises(ValueError, match="epochs: 5 then, 6 now"):
        again.create({"arguments": {"epochs": 6, "resume": True}})
    again.create({"arguments": {"epochs": 5, "resume": True}})
    assert again.last(1).is_file()
