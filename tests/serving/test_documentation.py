"""docs/serving.md: its Python is run, its options and error names exist."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")

import keras_seismic as ks
from export.serving import parser
from tests.serving.served_models import gathers

TEXT = (Path(__file__).parent.parent.parent / "docs" / "serving.md").read_text()


def test_the_python_in_it_runs(server, exported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 3
    names = {"gathers": gathers(2)}
    for block in blocks:
        for port, protocol in ((8500, "grpc"), (8501, "rest")):
            block = block.replace(f"127.0.0.1:{port}", server.addresses[protocol])
        exec(block, names)
        right = np.asarray(exported.inversion[2](names["gathers"]))
        np.testing.assert_allclose(names["velocity"], right, atol=0.5)
        names["velocity"] = right
    assert (tmp_path / "request.json").stat().st_size > 1000


def test_what_curl_would_send_is_answered(server, exported):
    """The same request as the documentation's, by nothing but the standard library."""
    import json
    import urllib.request

    raw = gathers(1)
    request = {"signature_name": "serving_default", "inputs": {"shot_gather": raw.tolist()}}
    url = f"http://{server.addresses['rest']}/v1/models/inversion:predict"
    answer = json.load(urllib.request.urlopen(url, json.dumps(request).encode()))
    right = np.asarray(exported.inversion[2](raw))
    np.testing.assert_allclose(answer["outputs"], right, atol=0.5)
    rows = json.dumps({"instances": raw.tolist()}).encode()
    answer = json.load(urllib.request.urlopen(url, rows))
    np.testing.assert_allclose(answer["predictions"], right, atol=0.5)


def test_its_commands_are_understood():
    lines = re.findall(r"python -m export\.serving ([^`#\n]*)", TEXT)
    assert len(lines) >= 5
    for line in lines:
        parser().parse_args(line.split())
    known = {option for action in parser()._actions for option in action.option_strings}
    assert set(re.findall(r"`(--[a-z-]+)", TEXT)) <= known


def test_its_errors_are_there():
    for name in set(re.findall(r"`(?:ks\.serving\.)?([A-Z]\w+Error)`", TEXT)):
        assert issubclass(getattr(ks.serving, name), ks.serving.ServingError)
