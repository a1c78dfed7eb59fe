"""docs/serving.md: its Python is run, and the errors that it names exist."""

import json
import re
import urllib.request
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")

import keras_seismic as ks
from tests.serving.served_models import gathers

TEXT = (Path(__file__).parent.parent.parent / "docs" / "serving.md").read_text()


def test_the_python_in_it_runs(server, exported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    client, request = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names = {"gathers": gathers(2)}
    exec(client.replace("127.0.0.1:8500", server.address), names)
    right = np.asarray(exported.inversion[2](names["gathers"]))
    np.testing.assert_allclose(names["velocity"], right, atol=0.5)
    exec(request, names)
    sent = json.loads((tmp_path / "request.json").read_text())["inputs"]["shot_gather"]
    np.testing.assert_array_equal(sent, names["gathers"])


def test_its_rest_request_is_answered(server, exported):
    """The same request as in the documentation, with only the standard library."""
    if server.rest is None:
        pytest.skip("only the real server speaks REST")
    raw = gathers(1)
    request = {"signature_name": "serving_default", "inputs": {"shot_gather": raw.tolist()}}
    url = f"http://{server.rest}/v1/models/inversion:predict"
    answer = json.load(urllib.request.urlopen(url, json.dumps(request).encode()))
    right = np.asarray(exported.inversion[2](raw))
    np.testing.assert_allclose(answer["outputs"], right, atol=0.5)


def test_its_errors_are_there():
    for name in set(re.findall(r"`(?:ks\.serving\.)?([A-Z]\w+Error)`", TEXT)):
        assert issubclass(getattr(ks.serving, name), ks.serving.ServingError)
