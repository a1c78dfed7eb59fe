"""Run folders."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import keras_seismic as ks
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
    with pytest.raises(FileExistsError, match="--overwrite"):
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
    import keras

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
