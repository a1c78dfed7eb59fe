"""What the README promises."""

import re
from pathlib import Path

import keras_seismic as ks
from keras_seismic.models.catalog import CATALOG, model_table

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_model_table_is_the_codes():
    table = model_table()
    assert table in README, f"paste this into README.md:\n{table}"


def test_model_table_names_every_network():
    code = " ".join(entry.code for entry in CATALOG)
    for name in ks.models.__all__:
        if isinstance(getattr(ks.models, name), type):
            assert f"{name}(" in code


def test_files_it_shows_are_there():
    for line in README.splitlines():
        for part in line.split("](")[1:]:
            target, _, anchor = part.split(")")[0].partition("#")
            if "://" in target:
                continue
            path = Path(__file__).parent.parent / target
            assert path.exists(), target
            if anchor:
                headings = [row for row in path.read_text().splitlines() if row.startswith("#")]
                slugs = [re.sub(r"[^\w -]", "", row).strip().lower() for row in headings]
                assert anchor in [slug.replace(" ", "-") for slug in slugs], f"{target}#{anchor}"
