"""``keras-seismic inspect``: what it prints and draws, and the commands it proposes."""

import json
import shlex
import subprocess
import sys

import h5py
import matplotlib.image
import numpy as np
import pytest
import scipy.io
from keras_seismic.inspection.program import main

import export.predict
import keras_seismic as ks
import train.deconvolution
import train.denoiser
import train.evaluate
import train.inversionnet

REAL = [
    "field_line_namss_88-22-V.segy",
    "field_stack_salt.npy",
    "field_stack_3d.npy",
    "marmousi2_vp_10m.npy",
    "overthrust_vp.npy",
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def section(here):
    np.save("line.npy", ks.simulation.sample_sections(1, 3)[0])
    return "line.npy"


@pytest.mark.parametrize("name", REAL)
def test_real_files(data_folder, here, capsys, name):
    assert main([str(data_folder / name)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(str(data_folder / name))
    assert "content" in out
    assert err.strip() == f"figure: {name}.inspection.png"
    picture = matplotlib.image.imread(here / f"{name}.inspection.png")
    assert picture.shape[0] > 500
    assert picture[..., :3].std() > 0.1  # something is drawn


def test_the_module_runs_and_its_exit_code_tells(here):
    """As a user starts it; a damaged file is reported without a traceback."""
    (here / "a.npy").write_text("nothing")
    command = [sys.executable, "-m", "keras_seismic", "inspect", "--json", "a.npy"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 1
    assert "does not begin like such a file" in json.loads(ended.stdout)["problem"]
    assert "Traceback" not in ended.stderr


def test_unreadable_files_end_with_1(here, capsys):
    (here / "a.npy").write_text("nothing")
    assert main(["a.npy"]) == 1
    assert "PROBLEM" in capsys.readouterr().out
    assert main(["gone.npy"]) == 1
    assert "error: gone.npy: no such file or folder" in capsys.readouterr().err
    assert sorted(p.name for p in here.iterdir()) == ["a.npy"]


def test_an_existing_figure_is_kept(section, here, capsys):
    (here / "line.npy.inspection.png").write_text("mine")
    assert main([section]) == 0
    assert "exists already and was kept" in capsys.readouterr().err
    assert (here / "line.npy.inspection.png").read_text() == "mine"
    assert main([section, "--overwrite"]) == 0
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
    assert main([section, *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert text in err
    assert (here / "mine.png").read_text() == "mine"


def test_figures_elsewhere_or_none(section, here):
    assert main([section, "--figure", "x.pdf"]) == 0
    assert (here / "x.pdf").read_bytes().startswith(b"%PDF")
    assert main([section, "--no-figure"]) == 0
    assert sorted(p.name for p in here.iterdir()) == ["line.npy", "x.pdf"]


def test_without_matplotlib(section, here, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main([section]) == 0
    assert "no figure: figures need matplotlib: pip install" in capsys.readouterr().err
    assert main([section, "--figure", "x.png"]) == 1
    assert "error: figures need matplotlib" in capsys.readouterr().err


def velocity():
    return ks.simulation.sample_velocity("curvevel_a", 3, 0, shape=(40, 50))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(40.0),
        np.ones((30, 30)),
        np.zeros((30, 30)),
        np.full((30, 30), np.nan),
        np.random.default_rng(0).standard_normal((50, 1)),
        np.random.default_rng(0).standard_normal((2, 3)),
        np.random.default_rng(0).standard_normal((40, 9, 9)),
        np.random.default_rng(0).standard_normal((9, 40, 9, 1)),
        np.random.default_rng(0).standard_normal((2, 2, 2, 2, 20)),
        np.where(np.eye(60) > 0, np.inf, np.random.default_rng(0).standard_normal((60, 60))),
        np.linspace(1500, 4000, 50),
        velocity(),
        velocity()[:, None] / 1000,
        np.where(np.eye(40) > 0, np.nan, 2000.0),
    ],
    ids=lambda a: "x".join(map(str, a.shape)),
)
def test_whatever_can_be_drawn_is_drawn(here, array):
    np.save("a.npy", array.astype("f4"))
    assert main(["a.npy"]) == 0
    report = ks.inspection.inspect("a.npy")
    assert (here / "a.npy.inspection.png").exists() == bool(np.isfinite(array).any())
    assert str(report)


def test_folders_and_archives_are_drawn(here, small_acquisition):
    recorded = ks.simulation.simulate(
        ks.simulation.sample_velocity("flatvel_a", 1, 0), small_acquisition, progress=False
    )
    np.savez("both.npz", gathers=recorded, velocity=velocity(), trace=recorded[0, :, 0, 0])
    assert main(["both.npz"]) == 0
    assert matplotlib.image.imread("both.npz.inspection.png").shape[0] > 1500
    with pytest.raises(ValueError, match="nothing that a figure could show"):
        ks.inspection.plot_inspection(ks.inspection.Inspection("x"))


def run_python(steps):
    """Run proposed Python lines; returns their names."""
    names = {"numpy": np, "scipy": scipy, "h5py": h5py, "keras_seismic": ks}
    for step in steps:
        assert step.startswith(">>> ")
        exec(step[4:], names)
    return names


@pytest.mark.parametrize(
    ("array", "name", "kind", "shape"),
    [
        (velocity() / 1000, "a.npy", "velocity", (3, 40, 50)),
        (velocity()[:, None], "a.npy", "velocity", (3, 40, 50)),
        (velocity().swapaxes(1, 2), "a.npy", "velocity", (3, 40, 50)),
        (velocity()[0], "a.npz", "velocity", (40, 50)),
        (velocity()[0], "a.mat", "velocity", (40, 50)),
        (velocity()[0], "a.h5", "velocity", (40, 50)),
        (ks.simulation.sample_sections(1, 3)[0].T, "a.npy", "section", (256, 140)),
        (np.full((256, 140), np.nan), "a.npy", "section", (256, 140)),
    ],
)
def test_proposed_changes_lead_to_files_that_programs_take(here, array, name, kind, shape):
    """The proposed Python runs; what it saves is read by the reader of the programs."""
    array = array.astype("f4")
    if np.isnan(array).all():
        array = ks.simulation.sample_sections(1, 3)[0]
        array[3, 4] = np.nan
    if name.endswith(".npy"):
        np.save(name, array)
    elif name.endswith(".npz"):
        np.savez(name, x=array)
    elif name.endswith(".mat"):
        scipy.io.savemat(name, {"x": array})
    else:
        with h5py.File(name, "w") as file:
            file["x"] = array
    report = ks.inspection.inspect(name)
    run_python(report.next_steps[:1])
    (saved,) = here.glob("a_*.npy")
    again = ks.inspection.inspect(saved)
    assert (again.arrays[0].kind, again.arrays[0].shape) == (kind, shape)
    read = ks.io.read_velocity if kind == "velocity" else ks.io.read_section
    read(saved)
    assert again.next_steps[0].startswith("python -m train.")


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 3, 1, 2)])
def test_proposed_gathers_are_in_the_networks_order(here, order):
    recorded = np.diff(np.random.default_rng(0).standard_normal((2, 65, 18, 3)), axis=1)
    np.save("g.npy", recorded.transpose(order))
    report = ks.inspection.inspect("g.npy")
    names = run_python(report.next_steps[:1])
    np.testing.assert_array_equal(names["gathers"], recorded)


PARSERS = {
    "export.predict": export.predict.parser,
    "train.denoiser": train.denoiser.parser,
    "train.deconvolution": train.deconvolution.parser,
    "train.evaluate": train.evaluate.parser,
    "train.inversionnet": train.inversionnet.parser,
}


@pytest.mark.parametrize("name", REAL)
def test_proposed_commands_are_understood(data_folder, name):
    """Every command is parsed by the program that it names, and names the file."""
    report = ks.inspection.inspect(data_folder / name)
    assert report.next_steps
    for step in report.next_steps:
        if step.startswith(">>> "):
            continue
        python, m, program, *arguments = shlex.split(step, comments=True)
        assert (python, m) == ("python", "-m")
        PARSERS[program]().parse_args(arguments)
        assert str(data_folder / name) in arguments
