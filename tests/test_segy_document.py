"""docs/segy.md: its commands and its Python run as they stand."""

import re
import shlex
from pathlib import Path

import numpy as np

import keras_seismic as ks
from tests.command import keras_seismic
from tests.segy_files import write_line, write_segy

TEXT = (Path(__file__).parent.parent / "docs" / "segy.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    section = ks.simulation.sample_sections(1, 0)[0]
    write_segy(tmp_path / "stack.segy", section.T)
    commands = blocks("sh")[0].splitlines()
    assert len(commands) == 2
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "keras-seismic"
        small = ["--patches", "64", "--filters", "2"] if "train" in arguments else []
        keras_seismic(*arguments, *small)
    assert (tmp_path / "clean.png").exists()
    exec(blocks("python")[0], {})
    before, after = (ks.io.read_segy(tmp_path / f"{n}.segy")[0] for n in ("stack", "halved"))
    np.testing.assert_allclose(after, before / 2, atol=1e-5 * np.abs(before).max())


def test_gathers_to_velocity(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    acquisition = ks.simulation.Acquisition.surface(
        width=32, dx=10.0, dt=0.001, nt=300, peak_frequency=15.0, shots=2, boundary="cpml"
    )
    gathers = ks.simulation.simulate(np.full((1, 40, 32), 2000.0), acquisition)[0]
    source_x, receiver_x = (np.array(p)[:, 0] for p in (acquisition.sources, acquisition.receivers))
    write_line(tmp_path / "line.segy", 100 * gathers, source_x, receiver_x)
    model = ks.models.with_physical_units(
        ks.models.InversionNet(acquisition.gather_shape, (40, 32), filters=1),
        ks.layers.GatherNormalization(-27, 53),
        ks.layers.VelocityScaling(1500, 4500),
        acquisition,
    )
    model.save(tmp_path / "model.keras")
    names = {}
    exec(blocks("python")[1], names)
    assert names["velocity"].shape == (1, 40, 32, 1)
    np.testing.assert_allclose(names["calibration"].scale, 0.01, rtol=0.01)
    printed = capsys.readouterr().out
    assert "2 shots, x 0 to 310 m; 32 receivers 10 m apart, fixed spread; regular" in printed
    assert "x=0 is 0 m on the line" in printed
    name, *arguments = shlex.split(blocks("sh")[1])
    assert name == "keras-seismic"
    keras_seismic(*arguments)
    predicted = np.load("velocity.npy", allow_pickle=False)
    np.testing.assert_allclose(predicted, names["velocity"][0, ..., 0], atol=0.5)
    assert (tmp_path / "velocity.png").exists()
