"""The documents: every page is found, every command parses, every link leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.cli.hints import commands_in, parse

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [page for page in PAGES if page.name != "generated_commands.md"]
DOCUMENTS = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
EXAMPLES = sorted((ROOT / "examples" / "gallery").glob("plot_*.py"))


def name(path):
    return str(path.relative_to(ROOT))


def code(path):
    """The fenced and the indented blocks of a document, continued lines joined."""
    text = path.read_text()
    fenced = re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^ {4}(?=keras-seismic).*(?:\\\n.*)*", text, re.MULTILINE)
    return re.sub(r"\\\n\s*", " ", "\n".join([*fenced, *indented]))


def test_every_page_is_in_a_toctree():
    listed = set()
    for page in PAGES:
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text(), re.DOTALL | re.M):
            entries = [line for line in tree.splitlines() if line and not line.startswith(":")]
            listed |= {(page.parent / f"{entry}").resolve() for entry in entries}
    assert (ROOT / "docs" / "gallery" / "index").resolve() in listed
    for page in PAGES:
        if page.name != "index.md" or page.parent.name != "docs":
            assert page.with_suffix("").resolve() in listed, f"{name(page)} is in no toctree"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_commands_parse(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "runs" / "first"  # whose config.json a command repeats
    run.mkdir(parents=True)
    (run / "config.json").write_text('{"command": "train inversionnet", "arguments": {}}')
    assert not re.search(r"python -m (train|export)\b", path.read_text())
    for command in commands_in(code(path)):
        parse(command)


def test_commands_are_found():
    commands = [command for path in DOCUMENTS for command in commands_in(code(path))]
    programs = {" ".join(command.split()[1:3]) for command in commands}
    assert {"train inversionnet", "train transfer", "export onnx"} <= programs
    assert any(command.endswith("--out runs/flatvel_a") for command in commands)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if "://" in target:
            continue
        if file.startswith("gallery/"):  # made of the examples
            assert file == "gallery/index" or (ROOT / "examples" / f"{file}.py").exists(), target
            continue
        found = (path.parent / file) if file else path
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", row).strip().lower() for row in headings]
            assert anchor in [slug.replace(" ", "-") for slug in slugs], target


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_examples_refer_to_examples(path):
    for other in re.findall(r":doc:`(\w+)`", path.read_text()):
        assert (path.parent / f"{other}.py").exists(), other
