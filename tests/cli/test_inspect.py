"""``keras-seismic inspect``: what it prints and writes, and that what it proposes works."""

import json
import sys

import h5py
import matplotlib.image
import numpy as np
import pytest
import scipy.io
from typer.testing import CliRunner

import keras_seismic as ks
import keras_seismic.cli.main
from keras_seismic.cli.app import app
from keras_seismic.cli.next_steps import next_steps


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def section(here):
    np.save("line.npy", sampled())
    return "line.npy"


def sampled():
    return ks.simulation.sample_sections(1, 3)[0]


def velocity():
    return ks.simulation.sample_velocity("curvevel_a", 3, 0, shape=(40, 50))


def run(*arguments):
    return CliRunner().invoke(app, ["inspect", *arguments])


def refusal(*arguments):
    """The one line that the command ends with."""
    with pytest.raises(SystemExit) as ended:
        keras_seismic.cli.main.main(["inspect", *arguments])
    return str(ended.value)


def test_the_report_and_the_figure(section, here):
    ended = run(section)
    assert ended.exit_code == 0
    assert ended.stdout.startswith(section)
    assert "content" in ended.stdout
    assert "  next\n    keras-seismic " in ended.stdout
    assert ended.stderr.strip() == "figure: line.npy.inspection.png"
    picture = matplotlib.image.imread(here / "line.npy.inspection.png")
    assert picture.shape[0] > 500
    assert picture[..., :3].std() > 0.1  # something is drawn


def test_unreadable_files_end_with_1(here):
    (here / "a.npy").write_text("nothing")
    ended = run("a.npy")
    assert ended.exit_code == 1
    assert "PROBLEM" in ended.stdout
    ended = run("a.npy", "--json")
    assert ended.exit_code == 1
    assert "as no such file does" in json.loads(ended.stdout)["problem"]
    assert "gone.npy: no such file or folder" in refusal("gone.npy")
    assert sorted(p.name for p in here.iterdir()) == ["a.npy"]


def test_an_existing_figure_is_kept(section, here):
    (here / "line.npy.inspection.png").write_text("mine")
    ended = run(section)
    assert ended.exit_code == 0
    assert "exists already and was kept" in ended.stderr
    assert (here / "line.npy.inspection.png").read_text() == "mine"
    assert run(section, "--overwrite").exit_code == 0
    assert (here / "line.npy.inspection.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--figure", "mine.png"], "mine.png: exists already; pass --overwrite"),
        (["--figure", "x.txt"], "expected .png, .pdf or .svg, received '.txt'"),
        (["--figure", "gone/x.png"], "its folder does not exist"),
        (["--samples", "0"], "samples must be positive"),
    ],
)
def test_bad_arguments_are_refused_before_work(section, here, capsys, arguments, text):
    (here / "mine.png").write_text("mine")
    assert text in refusal(section, *arguments)
    assert capsys.readouterr().out == ""
    assert (here / "mine.png").read_text() == "mine"


def test_figures_elsewhere_or_none(section, here):
    assert run(section, "--figure", "x.pdf").exit_code == 0
    assert (here / "x.pdf").read_bytes().startswith(b"%PDF")
    assert run(section, "--no-figure").exit_code == 0
    assert sorted(p.name for p in here.iterdir()) == ["line.npy", "x.pdf"]


def test_without_matplotlib(section, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    ended = run(section)
    assert ended.exit_code == 0
    assert "no figure: figures need matplotlib: pip install" in ended.stderr
    assert "figures need matplotlib" in refusal(section, "--figure", "x.png")


@pytest.mark.parametrize(
    ("array", "name", "kind", "shape"),
    [
        (velocity() / 1000, "a.npy", "velocity", (3, 40, 50)),
        (velocity()[:, None], "a.npy", "velocity", (3, 40, 50)),
        (velocity().swapaxes(1, 2), "a.npy", "velocity", (3, 40, 50)),
        (velocity()[0], "a.npz", "velocity", (40, 50)),
        (velocity()[0], "a.mat", "velocity", (40, 50)),
        (velocity()[0], "a.h5", "velocity", (40, 50)),
        (sampled().T, "a.npy", "section", (256, 140)),
        (np.where(np.eye(256, 140) > 0, np.nan, sampled()), "a.npy", "section", (256, 140)),
    ],
)
def test_proposed_changes_lead_to_files_that_programs_take(here, array, name, kind, shape):
    """The proposed Python runs; what it saves is read by the reader of the programs."""
    array = array.astype("f4")
    if name.endswith(".npy"):
        np.save(name, array)
    elif name.endswith(".npz"):
        np.savez(name, x=array)
    elif name.endswith(".mat"):
        scipy.io.savemat(name, {"x": array})
    else:
        with h5py.File(name, "w") as file:
            file["x"] = array
    step, *_ = next_steps(ks.inspection.inspect(name))
    assert step.startswith(">>> ")
    exec(step[4:], {"numpy": np, "scipy": scipy, "h5py": h5py, "keras_seismic": ks})
    (saved,) = here.glob("a_*.npy")
    (again,) = ks.inspection.inspect(saved).arrays
    assert (again.kind, again.shape) == (kind, shape)
    read = ks.io.read_velocity if kind == "velocity" else ks.io.read_section
    read(saved)
