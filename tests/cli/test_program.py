"""What every program has from its signature: options, --config, --smoke, and short errors."""

import importlib
import json
import pkgutil
import shlex
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

import keras_seismic
import keras_seismic.cli.train
import train
from keras_seismic.cli import app as groups
from keras_seismic.cli.main import main
from keras_seismic.cli.options import CacheDir, Epochs, NoiseKinds, Out, Overwrite, Resume
from keras_seismic.cli.program import configuration, print_table, program
from keras_seismic.training import RunFolder


class Toy:
    """A group with one program, ``toy``, and what it was called with."""

    def __init__(self):
        self.calls = []
        self.group = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
        self.group.callback()(lambda: None)
        self.error = None

        @program(self.group, smoke={"epochs": 1, "shape": (2, 3)})
        def toy(
            out: Out,
            epochs: Epochs = 10,
            noise: NoiseKinds = None,
            shape: Annotated[tuple[int, int] | None, typer.Option()] = None,
            flag: Annotated[bool, typer.Option("--flag")] = False,
            cache_dir: CacheDir = Path("cache"),
            overwrite: Overwrite = False,
            resume: Resume = False,
        ):
            """Do nothing.

                keras-seismic toy --out here
                keras-seismic toy --out there

            At length.
            """
            arguments = dict(locals())
            del arguments["self"]
            self.calls.append(arguments)
            run = RunFolder(out, overwrite, resume).create(configuration("toy", arguments))
            if self.error:
                raise self.error

        self.function = toy

    def __call__(self, *words):
        result = CliRunner().invoke(self.group, ["toy", *map(str, words)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result


@pytest.fixture
def toy():
    return Toy()


def test_smoke_sets_tiny_values_and_what_is_given_wins(toy, tmp_path):
    def given(*words):
        toy("--out", tmp_path / str(len(toy.calls)), *words)
        return toy.calls[-1]["epochs"], toy.calls[-1]["shape"]

    assert given() == (10, None)
    assert given("--smoke") == (1, (2, 3))
    for words in (["--smoke", "--epochs", "10"], ["--epochs", "10", "--smoke"]):
        assert given(*words) == (10, (2, 3))  # also a value that is the default
    with pytest.raises(TypeError, match=r"smoke sets \['epoch'\], which are no arguments"):
        program(toy.group, smoke={"epoch": 1})(toy.function)


def test_a_run_is_repeated_from_its_config(toy, tmp_path):
    first = tmp_path / "a"
    toy("--out", first, "--noise", "hum=6", "--noise", "white", "--shape", 4, 5, "--flag")
    config = first / "config.json"
    assert json.loads(config.read_text())["arguments"]["noise"] == ["hum=6", "white"]
    toy("--config", config, "--out", tmp_path / "b")
    assert toy.calls[1] == toy.calls[0] | {"out": tmp_path / "b"}
    toy("--out", tmp_path / "c", "--config", config, "--epochs", "3", "--noise", "swell")
    changed = {"out": tmp_path / "c", "epochs": 3, "noise": ["swell"]}
    assert toy.calls[2] == toy.calls[0] | changed
    toy("--config", config, "--smoke", "--overwrite")  # replaces the first: out is recorded too
    assert toy.calls[3] == toy.calls[0] | {"epochs": 1, "shape": (2, 3), "overwrite": True}
    # Whether it was to replace another run is not repeated.
    assert toy("--config", config, "--out", tmp_path / "d").exit_code == 0
    assert not toy.calls[4]["overwrite"]


def test_what_was_recorded_before_an_option_became_repeatable_is_read(toy, tmp_path):
    config = tmp_path / "config.json"
    config.write_text('{"command": "toy", "arguments": {"noise": "hum=6"}}')
    toy("--config", config, "--out", tmp_path / "run")
    assert toy.calls[0]["noise"] == ["hum=6"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("{", "expected the config.json of a run"),
        ('{"a": 1}', "expected the config.json of a run"),
        ('{"command": "train fcnvmb", "arguments": {}}', "expected a run of 'toy', .*fcnvmb"),
        ('{"command": "toy", "arguments": {"speed": 1}}', "'toy' has no argument speed"),
    ],
)
def test_a_wrong_config_is_refused_by_name(toy, tmp_path, content, message):
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises((ValueError, FileNotFoundError), match=rf"config\.json: .*{message}"):
        toy("--config", path, "--out", tmp_path / "run")
    assert not toy.calls


def test_an_interrupted_run_says_how_to_go_on(toy, tmp_path):
    toy.error = KeyboardInterrupt()
    result = toy("--out", tmp_path / "run", "--epochs", 4)
    assert result.exit_code == 130
    *_, hint = result.output.splitlines()
    command, *words = shlex.split(hint)
    assert command == "keras-seismic"
    toy.error = None
    assert toy(*words[1:]).exit_code == 0
    assert toy.calls[1] == toy.calls[0] | {"resume": True}
    toy.error = KeyboardInterrupt()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "create", lambda self, config: self)
        result = toy("--out", tmp_path / "other")
    assert (result.exit_code, result.output) == (130, "interrupted\n")


def test_a_finished_run_is_not_resumed_but_says_so(toy, tmp_path):
    toy("--out", tmp_path / "run")
    RunFolder(tmp_path / "run", resume=True).finish({"mae": 1.0})
    result = toy("--out", tmp_path / "run", "--resume")
    assert (result.exit_code, "this run is finished" in result.output) == (0, True)


def test_help_keeps_the_lines_of_examples(toy):
    text = toy("--help").output
    assert "keras-seismic toy --out here\n" in text
    assert "--smoke" in text
    assert "epochs 1, shape [2, 3]" in " ".join(text.split())


def test_errors_are_one_line(capsys, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(SystemExit) as ended:
        main(["train", "denoiser", "--out", str(tmp_path)])
    assert str(ended.value).startswith(f"error: {tmp_path}: the folder is not empty")
    assert "\n" not in str(ended.value)
    with pytest.raises(SystemExit) as ended:
        main(["train", "denoiser", "--out", "x", "--epochs", "0"])
    assert ended.value.code == 2
    assert "--epochs" in capsys.readouterr().err


def test_the_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"keras_seismic {keras_seismic.__version__}\n"


@pytest.mark.parametrize("name", keras_seismic.cli.train.__all__)
def test_training_programs_have_what_they_need(name):
    result = CliRunner().invoke(groups.app, ["train", name.replace("_", "-"), "--help"])
    assert result.exit_code == 0
    for option in ("--out", "--overwrite", "--config", "--smoke", "--seed", "--epochs"):
        assert option in result.output, option
    function = getattr(keras_seismic.cli.train, name)
    assert function.__doc__.splitlines()[0] in " ".join(result.output.split())


def test_modules_of_the_checkout_are_programs(monkeypatch):
    """``python -m train.inversionnet --help`` is ``keras-seismic train inversionnet --help``."""
    modules = {module.name for module in pkgutil.iter_modules(train.__path__)}
    assert modules == {*keras_seismic.cli.train.__all__, "evaluate"}
    for name in modules:
        text = Path(importlib.import_module(f"train.{name}").__file__).read_text()
        words = f'"{name}"' if name == "evaluate" else f'"train", "{name.replace("_", "-")}"'
        assert f"run({words})" in text


def test_tables_are_aligned(capsys):
    print_table({"a": 1.23456, "long": 3, "text": "x"})
    assert capsys.readouterr().out == "  a     1.235\n  long  3\n  text  x\n"
