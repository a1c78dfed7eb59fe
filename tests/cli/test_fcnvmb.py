"""``keras-seismic train fcnvmb`` as a user runs it, on little data."""

import json
import shutil

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.cli.main import main
from keras_seismic.cli.train import fcnvmb, transfer


def test_a_low_cut_belongs_to_the_model(tmp_path, small_data, eagerly, files):
    run = tmp_path / "run"
    metrics = fcnvmb(
        run, small_data, samples=6, keep_every=1, low_cut=8.0, epochs=1, filters=2, batch_size=4,
        schedule="cosine", average=0.9, clip_norm=1.0, accumulate=2, patience=3,
    )  # fmt: skip
    optimizer = keras.models.load_model(run / "best.keras").optimizer
    assert (optimizer.global_clipnorm, optimizer.gradient_accumulation_steps) == (1, 2)
    assert optimizer.ema_momentum == pytest.approx(0.9**0.5)
    assert files(run) == {
        "config.json", "history.csv", "metrics.json", "best.keras", "model.keras",
        "figures/loss.png", "figures/velocity.png", "figures/gathers.png",
        "figures/cases.png", "figures/errors.png", "report.html",
    }  # fmt: skip
    assert json.loads((run / "metrics.json").read_text()) == metrics
    config = json.loads((run / "config.json").read_text())
    assert (config["command"], config["arguments"]["keep_every"]) == ("train fcnvmb", 1)
    model = ks.inference.load_model(run / "model.keras")
    assert (model.input_shape, model.output_shape) == ((None, 128, 70, 2), (None, 70, 70, 1))
    # Of 2 Hz it keeps little.
    low_cut, normalization = model.input_normalization.steps
    assert (low_cut.frequency, low_cut.dt) == (8, 0.001)
    slow = np.sin(4 * np.pi * np.arange(128) * 0.001)[None, :, None, None]
    assert np.abs(low_cut(np.broadcast_to(slow, (1, 128, 70, 2)))).max() < 0.6
    assert normalization.data_min < 0 < normalization.data_max


def test_it_learns_from_mat_files_and_starts_from_what_it_learned(
    tmp_path, mat_data, eagerly, files
):
    data, run = mat_data, tmp_path / "run"
    metrics = fcnvmb(run, data, samples=10, epochs=1, filters=2)
    assert {"metrics.json", "model.keras", "figures/gathers.png"} < files(run)
    config = json.loads((run / "config.json").read_text())
    assert (config["acquisition"], config["arguments"]["samples"]) == (None, 10)
    # One of twelve is held out, ten of the others are learned from.
    pairs = ks.datasets.open_pairs(data)
    learning, held_out = pairs.held_out(seed=0)
    assert (len(learning), len(held_out)) == (11, 1)
    velocity = pairs[range(12)][1]
    baseline = np.abs(velocity[held_out[0]] - velocity[learning[:10]].mean(axis=0)).mean()
    assert metrics["baseline_mae_m_s"] == pytest.approx(baseline, rel=1e-5)
    model = ks.inference.load_model(run / "model.keras")
    assert (model.input_shape, model.output_shape) == ((None, 40, 40, 2), (None, 40, 40, 1))
    # What does not fit the thinned samples is refused; what was learned stays.
    with pytest.raises(ValueError, match="between 0 and 100 Hz"):
        fcnvmb(run, data, low_cut=150.0, overwrite=True)
    assert json.loads((run / "metrics.json").read_text()) == metrics
    # Another run goes on from there, in the same units and at the same width.
    slow = {"samples": 10, "epochs": 1, "learning_rate": 1e-9}
    again = fcnvmb(tmp_path / "again", data, pretrained=run / "model.keras", **slow)
    for name in ("pretrained_mae_m_s", "velocity_mae_m_s"):
        assert again[name] == pytest.approx(metrics["velocity_mae_m_s"], rel=0.01)
    after = ks.inference.load_model(tmp_path / "again" / "model.keras")
    assert after.network.filters == 2
    assert after.input_normalization.get_config() == model.input_normalization.get_config()
    # So does train transfer, which knows no acquisition either.
    transferred = transfer(tmp_path / "transfer", run / "model.keras", data, epochs=1)
    assert transferred["pretrained_mae_m_s"] == pytest.approx(metrics["velocity_mae_m_s"])
    after = ks.inference.load_model(tmp_path / "transfer" / "model.keras")
    assert type(after.network) is ks.models.FCNVMB
    with pytest.raises(ValueError, match="does not know its acquisition"):
        transfer(tmp_path / "simulated", run / "model.keras")


def test_it_starts_from_fcnvmb_only(tmp_path, small_data):
    model = ks.models.with_physical_units(
        ks.models.InversionNet((128, 70, 2), filters=1),
        ks.layers.GatherNormalization(-27, 53),
        ks.layers.VelocityScaling(1500, 4500),
    )
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="expected FCNVMB, received InversionNet"):
        fcnvmb(tmp_path / "run", small_data, pretrained=tmp_path / "model.keras")
    assert not (tmp_path / "run").exists()


def test_thinning_needs_the_acquisition(tmp_path, small_data):
    """Without it the model in physical units could not be made, after all the training."""
    data = shutil.copytree(small_data, tmp_path / "FlatVel_A")
    (data / "acquisition.json").unlink()
    with pytest.raises(ValueError, match="thinning needs the acquisition"):
        fcnvmb(tmp_path / "run", data)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--low-cut", "-2"], "frequency"),
        (["--low-cut", "0.01"], "less than a tenth of a period"),
        (["--low-cut", "600"], "between 0 and 500 Hz"),
        (["--keep-every", "20"], r"velocity_shape must be at most \(63, 79\)"),
        (["--family", "flatland"], "flatland"),
    ],
)
def test_what_does_not_fit_is_refused_with_nothing_written(tmp_path, options, message):
    words = ["--out", str(tmp_path / "run"), "--cache-dir", str(tmp_path / "cache")]
    with pytest.raises(SystemExit, match=rf"error: .*{message}"):
        main(["train", "fcnvmb", *words, *options])
    assert list(tmp_path.iterdir()) == []
