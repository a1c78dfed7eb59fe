"""What GitHub runs: existing targets, on the Pythons that are promised, with no rights to spare."""

import configparser
import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parent.parent
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
TEXTS = {path.stem: path.read_text() for path in WORKFLOWS}


def jobs(name):
    return yaml.safe_load(TEXTS[name])["jobs"]


def test_the_workflows_are_there():
    assert sorted(TEXTS) == ["docs", "lint", "release", "tests"]


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_rights_and_time_are_limited_and_actions_pinned(name):
    workflow = yaml.safe_load(TEXTS[name])
    assert workflow["permissions"] == {}
    assert "group" in workflow["concurrency"]
    for job in workflow["jobs"].values():
        assert "write-all" not in str(job["permissions"])
        assert "timeout-minutes" in job or "uses" in job
    actions = re.findall(r"uses: (?!\./)(\S+)", TEXTS[name])
    assert all(re.search(r"@(v\d+|release/v\d+|[0-9a-f]{40})$", action) for action in actions)
    assert "secrets." not in TEXTS[name]  # releases are published by trust, not by a token


def test_every_target_that_is_made_exists():
    targets = set(re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    used = set(re.findall(r"run: make ([\w-]+)", "".join(TEXTS.values())))
    assert {"test", "lint"} <= used <= targets


def test_the_tested_pythons_are_those_that_are_promised():
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    promised = re.findall(r":: (3\.\d+)", setup["metadata"]["classifiers"])
    assert jobs("tests")["tests"]["strategy"]["matrix"]["python"] == promised


def test_only_the_publishing_job_may_speak_for_the_project():
    rights = {name: job["permissions"] for name, job in jobs("release").items()}
    assert {name for name, right in rights.items() if "id-token" in right} == {"publish"}
    assert jobs("release")["publish"]["needs"] == ["tests", "build"]
    assert not [s for s in jobs("release")["publish"]["steps"] if "run" in s]
