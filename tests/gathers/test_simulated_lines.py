"""Gathers simulated into a file: the library's, also after an interruption."""

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.gathers import simulated_lines
from keras_seismic.simulation import Acquisition


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of two shots of the experiment below."""
    monkeypatch.setattr(simulated_lines, "_PART_UPDATES", 2.2 * (20 + 24) * (30 + 24) * 80)


@pytest.fixture(scope="module")
def velocity():
    return 2000 + 0.5 * (ks.simulation.sample_velocity("style_b", 2, 0, shape=(20, 30)) - 1500.0)


def experiment(**changes):
    arguments = {"width": 30, "dx": 10.0, "dt": 0.001, "nt": 80, "peak_frequency": 15.0}
    return Acquisition.streamer(
        offsets=(20.0, 40.0, 60.0), shots=5, free_surface=True, boundary="cpml", boundary_width=12,
        **arguments | changes,
    )  # fmt: skip


def interrupt_after(monkeypatch, parts):
    """Let so many parts be simulated, then stop as Ctrl-C does; returns what was simulated."""
    simulated = []
    simulate = ks.simulation.simulate

    def until_interrupted(models, acquisition, *options):
        if len(simulated) == parts:
            raise KeyboardInterrupt
        simulated.append((len(models), acquisition.sources))
        return simulate(models, acquisition, *options)

    monkeypatch.setattr(simulated_lines, "simulate", until_interrupted)
    return simulated


@pytest.mark.parametrize("name", ["gathers.npy", "line.segy"])
def test_an_interrupted_simulation_goes_on_to_the_same_bytes(
    tmp_path, monkeypatch, small_parts, velocity, name
):
    models = velocity[: 1 if name == "line.segy" else 2]
    whole = ks.gathers.simulate_to_file(models, experiment(), tmp_path / f"whole_{name}")
    (tmp_path / "again").mkdir()
    output = tmp_path / "again" / name
    with monkeypatch.context() as patch:
        begun = interrupt_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            ks.gathers.simulate_to_file(models, experiment(), output)
    assert [len(sources) for _, sources in begun] == [2, 2]
    assert [path.name for path in output.parent.iterdir()] == [f"{name}.parts"]
    with pytest.raises(FileExistsError, match=r"parts of another simulation .*overwrite=True"):
        ks.gathers.simulate_to_file(models + 1, experiment(), output)
    with monkeypatch.context() as patch:
        rest = interrupt_after(patch, 100)
        ks.gathers.simulate_to_file(models, experiment(), output)
    assert len(rest) == 3 * len(models) - 2
    assert output.read_bytes() == whole.read_bytes()
    assert [path.name for path in output.parent.iterdir()] == [name]


def test_they_are_the_gathers_of_the_library(tmp_path, small_parts, velocity):
    expected = ks.simulation.simulate(velocity, experiment())
    path = ks.gathers.simulate_to_file(velocity, experiment(), tmp_path / "gathers.npy")
    gathers = np.load(path, allow_pickle=False)
    np.testing.assert_allclose(gathers, expected, atol=1e-5 * np.abs(expected).max())
    ks.gathers.simulate_to_file(velocity[:1], experiment(), tmp_path / "line.segy")
    read = ks.gathers.read_shot_gathers(tmp_path / "line.segy")
    np.testing.assert_array_equal(read.amplitude, gathers[0, :, ::-1])
    x = experiment().receiver_positions[..., 0]
    np.testing.assert_array_equal(read.receiver_x, x[:, ::-1].T)


def test_many_small_models_are_a_part_together(tmp_path, monkeypatch, velocity):
    simulated = interrupt_after(monkeypatch, 100)
    ks.gathers.simulate_to_file(velocity, experiment(), tmp_path / "gathers.npy")
    assert [count for count, _ in simulated] == [2]


def test_overwriting_discards_the_parts_of_another_simulation(
    tmp_path, monkeypatch, small_parts, velocity
):
    output = tmp_path / "gathers.npy"
    with monkeypatch.context() as patch:
        interrupt_after(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            ks.gathers.simulate_to_file(velocity[:1], experiment(), output)
    ks.gathers.simulate_to_file(velocity[1:], experiment(), output, overwrite=True)
    expected = ks.simulation.simulate(velocity[1:], experiment())
    gathers = np.load(output, allow_pickle=False)
    np.testing.assert_allclose(gathers, expected, atol=1e-5 * np.abs(expected).max())
    with pytest.raises(FileExistsError, match="exists already"):
        ks.gathers.simulate_to_file(velocity[1:], experiment(), output)


@pytest.mark.parametrize(
    ("name", "models", "changes", "message"),
    [
        ("gathers.dat", 1, {}, r"expected a \.npy, \.segy or \.sgy file"),
        ("line.segy", 2, {}, r"holds one line, received 2 velocity models"),
        ("line.segy", 1, {"dt": 0.00123456}, r"whole microseconds"),
        ("gathers.npy", 0, {}, r"no velocity models"),
        ("gathers.npy", 1, {"width": 31}, r"sources\[4\] at x=300 m.* outside"),
        ("gathers.npy", 1, {"dt": 0.004}, r"unstable"),
    ],
)
def test_refused_with_nothing_written(tmp_path, velocity, name, models, changes, message):
    with pytest.raises(ValueError, match=message):
        ks.gathers.simulate_to_file(velocity[:models], experiment(**changes), tmp_path / name)
    assert not list(tmp_path.iterdir())
