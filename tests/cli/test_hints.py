"""Whatever is proposed to the user is a command that exists, with options that it has."""

import ast
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

import keras_seismic as ks
from keras_seismic.cli.next_steps import next_steps
from keras_seismic.cli.program import _interrupted, finish
from tests.cli.hints import commands_in, parse
from tests.command import keras_seismic
from tests.segy_files import write_line, write_segy

PACKAGE = Path(ks.__file__).parent
ROOMS = sorted(p for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists())
MODULES = [
    path
    for folder in ("export", "train")
    for path in sorted((PACKAGE.parent / folder).glob("[!_]*.py"))
]


def texts(path):
    """The string literals of a module; of an f-string, a word in the place of each value."""
    tree = ast.parse(path.read_text())
    formatted = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in formatted for part in node.values}
    for node in formatted:
        yield "".join(
            part.value if isinstance(part, ast.Constant) else "VALUE" for part in node.values
        )
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def test_a_hint_that_does_not_exist_is_noticed():
    assert commands_in("go on with\n  keras-seismic inspect a.npy\nor not") == [
        "keras-seismic inspect a.npy"
    ]
    assert parse("keras-seismic predict 'my line.segy' o.npy --model m.keras  # so")[1:3] == [
        "my line.segy",
        "o.npy",
    ]
    for wrong in ("inspekt a.npy", "inspect a.npy --colour", "predict a.npy", "export onnx"):
        with pytest.raises(AssertionError, match="not understood"):
            parse(f"keras-seismic {wrong}")


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: path.name)
def test_what_the_package_proposes_exists(room):
    """In messages and docstrings; nobody is sent to a program that only a checkout has."""
    for path in [room] if room.is_file() else room.rglob("*.py"):
        for text in texts(path):
            assert not re.search(r"python -m (train|export|examples)\b", text), path
            for command in commands_in(text):
                mentioned = len(command.split()) < 4 and not re.search(r"[./=_A-Z]", command)
                parse(f"{command} --help" if mentioned else command)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_the_modules_of_a_checkout_are_programs(path):
    """``python -m export.onnx`` and its like; the package's docstrings name none of them."""
    (words,) = re.findall(r"^    run\((.*)\)$", path.read_text(), re.MULTILINE)
    parse(f"keras-seismic {' '.join(ast.literal_eval(f'({words},)'))} --help")


def test_nothing_below_the_command_knows_an_option():
    """Options of other commands, such as Docker's, stand in serving's commands."""
    known = "overwrite|resume|out|data|family|version|versions|label|line|dt|model|section"
    for path in PACKAGE.rglob("*.py"):
        if path.is_relative_to(PACKAGE / "cli"):
            continue
        for text in texts(path):
            assert not re.search(rf"(^|\s|`)--({known})\b(?!=)", text), (path, text)


def section():
    return ks.simulation.sample_sections(1, 3)[0]


def gathers(rng):
    return np.diff(rng.standard_normal((2, 3, 66, 18)), axis=2).astype("f4")


def velocity():
    return ks.simulation.sample_velocity("curvevel_a", 3, 0, shape=(40, 50))


def write_kinds(here, rng):
    """A file or folder of every kind, with a space in its name where it may have one."""
    np.save(here / "a section.npy", section())
    np.save(here / "turned.npy", section().T)
    np.save(here / "patches.npy", np.stack([section()[:64, :64, None]] * 9))
    np.save(here / "cube.npy", np.stack([section()] * 7, axis=2))
    np.save(here / "velocity.npy", velocity())
    np.save(here / "km.npy", velocity()[:, None] / 1000)
    np.save(here / "openfwi.npy", gathers(rng))
    np.save(here / "keras.npy", gathers(rng).transpose(0, 2, 3, 1))
    np.save(here / "broken.npy", np.where(np.eye(256, 140) > 0, np.nan, section()))
    np.savez(here / "both.npz", g=gathers(rng), v=velocity())
    scipy.io.savemat(here / "section.mat", {"x": section()})
    with h5py.File(here / "velocity.h5", "w") as file:
        file["v"] = velocity()
    write_segy(here / "stack.segy", section().T)
    recorded = gathers(rng)[0].transpose(1, 2, 0)
    write_line(here / "shots.segy", recorded, np.array([0.0, 60, 120]), 10.0 * np.arange(18))
    model = ks.models.with_physical_units(
        ks.models.ConvDenoiser(2, 1), ks.layers.SectionNormalization()
    )
    run = ks.training.RunFolder(here / "run").create({"arguments": {}})
    run.save_model(model)
    run.write("metrics.json", {})
    model.save(here / "model.keras")
    (here / "model.onnx").write_bytes(b"any bytes")
    (here / "saved" / "variables").mkdir(parents=True)
    (here / "saved" / "saved_model.pb").write_bytes(b"any bytes")
    for family in ("FlatVel_A", "unnamed"):
        (here / family / "data").mkdir(parents=True)
        (here / family / "model").mkdir()
        np.save(here / family / "data" / "data1.npy", gathers(rng))
        np.save(here / family / "model" / "model1.npy", velocity()[:2, None])
    (here / "some" / "inner folder").mkdir(parents=True)
    np.save(here / "some" / "inner folder" / "x.npy", section())


def test_what_inspections_propose(tmp_path, rng):
    write_kinds(tmp_path, rng)
    for path in [*sorted(tmp_path.iterdir()), tmp_path / "FlatVel_A" / "data", tmp_path]:
        steps = next_steps(ks.inspect(path))
        assert steps, path
        for step in steps:
            if step.startswith(">>> "):
                compile(step[4:], "a hint", "exec")
                continue
            words = parse(step)
            assert any(str(tmp_path) in word for word in words), step


def test_the_inspections_text_and_json_have_the_same_steps(tmp_path, capsys):
    import json

    np.save(tmp_path / "velocity.npy", velocity())
    keras_seismic("inspect", tmp_path / "velocity.npy", "--no-figure")
    steps = commands_in(capsys.readouterr().out)
    keras_seismic("inspect", tmp_path / "velocity.npy", "--no-figure", "--json")
    proposed = json.loads(capsys.readouterr().out)["next_steps"]
    assert [step.partition("  #")[0] for step in proposed] == [
        step.partition("  #")[0] for step in steps
    ]
    assert len(proposed) == 2
    (tmp_path / "bad.npy").write_text("nothing")
    assert next_steps(ks.inspect(tmp_path / "bad.npy")) == []


def test_what_exports_propose(tmp_path, capsys):
    model = ks.models.with_physical_units(
        ks.models.ConvDenoiser(2, 1), ks.layers.SectionNormalization()
    )
    model.save(tmp_path / "model.keras")
    keras_seismic("export", "saved-model", tmp_path / "model.keras", tmp_path / "de noiser")
    (step,) = commands_in(capsys.readouterr().out)
    assert parse(step)[0] == "serve"


def test_what_runs_propose_at_their_end(tmp_path, capsys):
    run = ks.training.RunFolder(tmp_path / "a run").create({"command": "train denoiser"})
    finish(run, {"loss": 0.1})
    (step,) = commands_in(capsys.readouterr().out)
    assert parse(step)[:3] == ["export", "onnx", str(run.path / "model.keras")]


def test_what_interrupted_runs_propose(tmp_path):
    config = {"command": "train inversionnet", "arguments": {"out": str(tmp_path / "a run")}}
    run = ks.training.RunFolder(tmp_path / "a run").create(config)
    run.last(1).write_bytes(b"any bytes")
    (step,) = commands_in(_interrupted({"out": run.path, "resume": False}))
    assert parse(step)[:2] == ["train", "inversionnet"]


def test_what_serving_proposes(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as ended:
        keras_seismic("serve", tmp_path / "empty", "--out", tmp_path / "serving")
    (step,) = commands_in(str(ended.value))
    assert parse(step)[:2] == ["export", "saved-model"]
