"""``keras-seismic simulate``: gathers of the library, written as .npy."""

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.cli.main import main


def simulate(*words):
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *map(str, words)])
    return ended.value


def test_gathers_are_those_of_the_library(tmp_path, capsys):
    velocity = np.linspace(1800, 3000, 24, dtype="float32")[:, None].repeat(20, axis=1)
    np.save(tmp_path / "velocity.npy", velocity)
    paths = tmp_path / "velocity.npy", tmp_path / "gathers.npy"
    words = ["--samples=100", "--shots=2", "--receiver-step=4", "--boundary=cpml", "--dx=12.5"]
    assert simulate(*paths, *words).code == 0
    assert "(1, 100, 5, 2)" in capsys.readouterr().out
    acquisition = ks.simulation.Acquisition.surface(
        width=20, dx=12.5, dt=0.001, nt=100, peak_frequency=15.0, shots=2, receiver_step=4,
        boundary="cpml",
    )  # fmt: skip
    expected = ks.simulation.simulate(velocity[None], acquisition)
    np.testing.assert_allclose(np.load(paths[1]), expected, rtol=1e-6)
    assert "exists already" in str(simulate(*paths, *words))
    assert simulate(*paths, *words, "--overwrite").code == 0


def test_the_defaults_are_openfwis_experiment():
    surface = ks.simulation.Acquisition.surface(
        width=70, dx=10.0, dt=0.001, nt=1000, peak_frequency=15.0
    )
    assert surface == ks.simulation.Acquisition.openfwi()


def test_bad_input_is_refused_with_nothing_written(tmp_path):
    np.save(tmp_path / "slow.npy", np.full((20, 20), 3.0))
    for output, message in (("a.npy", "km/s"), ("a.segy", r"written as \.npy")):
        assert message.replace("\\", "") in str(simulate(tmp_path / "slow.npy", tmp_path / output))
    assert "no such" in str(simulate(tmp_path / "absent.npy", tmp_path / "a.npy"))
    assert [p.name for p in tmp_path.iterdir()] == ["slow.npy"]
