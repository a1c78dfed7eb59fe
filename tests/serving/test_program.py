"""python -m export.serving: from folders of models to a server and back to the model's answer."""

import subprocess
import sys

import numpy as np
import pytest

import keras_seismic as ks
from export import serving as program
from tests.serving.served_models import gathers


def test_what_it_writes_can_be_served(exported, tmp_path, capsys):
    loopback = pytest.importorskip("tests.serving.loopback")
    core = pytest.importorskip("tests.serving.served_core")
    root = exported.root
    commands = program.main(
        [str(tmp_path / "serving"), f"net={root / 'inversion'}", str(root / "denoiser"),
         "--label", "net:stable=1", "--label", "net:canary=2"]
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert "net: version 1, 2, stable is 1, canary is 2" in printed
    assert "denoiser: version 7" in printed
    assert "docker run" in printed
    assert "ks.serving.Client" in printed
    server = loopback.GrpcServer(core.Core(commands.folder / "models.config"))
    for label, number in (("stable", 1), ("canary", 2)):
        with ks.serving.Client(server.address, "net", label) as client:
            right = np.asarray(exported.inversion[number](gathers(1)))
            np.testing.assert_allclose(client.invert(gathers(1)), right, atol=0.5)
    server.stop()


def test_options_reach_the_configuration(exported, tmp_path):
    commands = program.main(
        [str(tmp_path / "serving"), str(exported.root / "inversion"), "--versions", "1",
         "--port", "9500", "--rest-port", "0", "--batching", "--max-batch-size", "4",
         "--max-megabytes", "16", "--image", "tensorflow/serving:2.20.0"]
    )  # fmt: skip
    assert (commands.port, commands.rest_port, commands.monitoring) == (9500, None, False)
    assert commands.max_message_bytes == 2**24
    assert "tensorflow/serving:2.20.0" in commands.docker
    text = (tmp_path / "serving" / "batching_parameters.txt").read_text()
    assert "max_batch_size { value: 4 }" in text


def test_errors_are_one_line(tmp_path):
    command = [sys.executable, "-m", "export.serving", tmp_path / "serving", tmp_path / "absent"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    (line,) = (s for s in result.stderr.splitlines() if s.startswith("error:"))
    assert "absent: no such folder of model versions" in line
    assert "Traceback" not in result.stderr
