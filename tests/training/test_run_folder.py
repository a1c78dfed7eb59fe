"""Run folders."""

import os
import shutil
import warnings

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

import keras_seismic as ks
from keras_seismic.datasets.order import BatchOrder
from keras_seismic.files import machine_name
from keras_seismic.training import FinishedRunError, RunFolder


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
    network.compile(keras.optimizers.SGD(0.1, 0.9), "mse", run_eagerly=True)
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


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(16, 4)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")


def program(folder, data, resume=False):
    """What every training program does, with a tiny network."""
    run = RunFolder(folder, resume=resume).create({"arguments": {"epochs": 3, "resume": resume}})
    network = small_training(run, 3, data)
    run.save_model(network)
    run.save_figure(Figure(), "loss")
    run.finish({"loss": float(np.mean((network(data[0]) - data[1]) ** 2))})


@pytest.fixture(scope="module")
def whole(tmp_path_factory, data):
    """An uninterrupted run, and the names of what it wrote, in that order."""
    written, replace = [], os.replace
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", lambda *a: written.append(a[1].name) or replace(*a))
        path = tmp_path_factory.mktemp("runs") / "whole"
        program(path, data)
    return path, written


def assert_same_run(folder, expected):
    names = [sorted(str(p.relative_to(f)) for p in f.rglob("*")) for f in (folder, expected)]
    assert names[0] == names[1]
    for name in ("history.csv", "metrics.json"):
        assert (folder / name).read_text() == (expected / name).read_text()
    for name in ("model.keras", "best.keras"):
        ours, theirs = (keras.models.load_model(f / name).get_weights() for f in (folder, expected))
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


class _KilledError(BaseException):
    """The process ends here."""


def test_killed_at_any_file_it_is_resumed_as_if_never_interrupted(tmp_path, data, whole):
    """Before each file is in its place, and after the last."""
    expected, written = whole
    assert (written[0], written[-1]) == ("config.json", "metrics.json")
    replace, forget_progress, left = os.replace, RunFolder._forget_progress, 0

    def killed(*arguments):
        nonlocal left
        if not left:
            raise _KilledError
        left -= 1
        replace(*arguments)

    def forget(self, but=()):
        if not but:  # the run is complete
            raise _KilledError
        forget_progress(self, but)

    for number in range(len(written) + 1):
        folder, left = tmp_path / str(number), number
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "replace", killed)
            patch.setattr(RunFolder, "_forget_progress", forget)
            with pytest.raises(_KilledError):
                program(folder, data)
        assert left == 0
        (folder / f".{machine_name()}-99999999-x.partial.keras").write_text("left by the killed")
        if number == len(written):
            with pytest.raises(FinishedRunError, match="this run is finished"):
                program(folder, data, resume=True)
        else:
            program(folder, data, resume=True)
        assert_same_run(folder, expected)


def test_a_damaged_state_is_named_and_the_one_before_it_used(tmp_path, data, whole):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "finish", lambda *a: (_ for _ in ()).throw(_KilledError))
        with pytest.raises(_KilledError):
            program(tmp_path / "run", data)
    (tmp_path / "run" / "model.keras").unlink()
    for number, (names, epochs) in enumerate(
        [((), 3), (("last-3",), 2), (("last-3", "last-2"), 0)]
    ):
        folder = shutil.copytree(tmp_path / "run", tmp_path / str(number))
        for name in names:
            path = folder / f"{name}.keras"
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content if name == "last-3" else content[:-100])
        run = RunFolder(folder, resume=True)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            run.create(run.read("config.json"))
        assert run.epochs_done == epochs
        told = " ".join(str(w.message) for w in warned)
        assert [name in told for name in ("last-3", "last-2")] == [
            n in names for n in ("last-3", "last-2")
        ]
        if epochs:  # and the end is the same
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                program(folder, data, resume=True)
            assert_same_run(folder, whole[0])


def test_an_epoch_whose_loss_is_lost_is_no_progress(tmp_path, data):
    x, y = data
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    network.compile("sgd", "mse", jit_compile=False, run_eagerly=True)
    run = RunFolder(tmp_path / "run").create({})
    ks.training.fit(network, (x, y), (x, y), run, 1)
    again = RunFolder(tmp_path / "run", resume=True).create({})
    with pytest.raises(RuntimeError, match="infinite in epoch 2"):
        ks.training.fit(network, (np.nan * x, y), (x, y), again, 2)
    assert RunFolder(tmp_path / "run", resume=True).create({}).epochs_done == 1
    assert len(run.read_history()["loss"]) == 1


def test_a_run_is_resumed_with_its_arguments_or_begun(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    arguments = {"epochs": 5, "resume": True}
    run = RunFolder(tmp_path / "run", resume=True).create({"arguments": arguments})
    run.save_progress(model, {"loss": [1.0], "val_loss": [1.0]})
    again = RunFolder(tmp_path / "run", resume=True)
    with pytest.raises(ValueError, match="epochs: 5 then, 6 now"):
        again.create({"arguments": {"epochs": 6, "resume": True}})
    again.create({"arguments": {"epochs": 5, "resume": False}})
    assert again.epochs_done == 1
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="neither overwritten nor resumed"):
        RunFolder(tmp_path, resume=True)


def test_with_overwrite_another_run_is_replaced_and_the_same_resumed(tmp_path):
    def begin(epochs):
        run = RunFolder(tmp_path / "run", overwrite=True, resume=True)
        return run.create({"arguments": {"epochs": epochs}})

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    begin(5).save_progress(model, {"loss": [1.0], "val_loss": [1.0]})
    assert begin(5).epochs_done == 1
    assert begin(6).epochs_done == 0
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.json"]


def test_killed_while_it_is_emptied_the_folder_is_still_a_run(tmp_path, monkeypatch):
    RunFolder(tmp_path / "run").create({}).finish({"mae": 1.0})
    monkeypatch.setattr(RunFolder, "write", lambda *a: (_ for _ in ()).throw(_KilledError))
    with pytest.raises(_KilledError):
        RunFolder(tmp_path / "run", overwrite=True).create({"new": True})
    monkeypatch.undo()
    assert RunFolder(tmp_path / "run", overwrite=True).create({}).read("config.json") == {}
