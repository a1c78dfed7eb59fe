"""The recipes: each is complete, and its command is understood with all of its arguments."""

import json

import pytest

from tests.cli.hints import parse
from tests.conftest import REPOSITORY

RECIPES = sorted((REPOSITORY / "examples" / "recipes").glob("*.json"))


def test_there_is_one_for_every_network():
    commands = {json.loads(path.read_text())["command"] for path in RECIPES}
    assert {f"train {name}" for name in ("inversionnet", "fcnvmb", "denoiser")} <= commands


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_its_command_takes_all_of_its_arguments(path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    recipe = json.loads(path.read_text())
    assert set(recipe["about"]) == {"settings", "command", "duration", "hardware", "metric"}
    words = parse(recipe["about"]["command"])
    assert words[: words.index("--config")] == recipe["command"].split()
    assert words[words.index("--config") + 1] == f"examples/recipes/{path.name}"
    with pytest.raises(AssertionError, match="not understood"):
        parse(recipe["about"]["command"] + " --no-such-option")
