"""Training on several devices, and by several processes on JAX."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml

import keras_seismic as ks
from keras_seismic.training import RunFolder, on_devices
from tests.cli.hints import commands_in, parse

PROGRAM = Path(__file__).with_name("together.py")


def start(folder, kind, process=0, backend="jax"):
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, PROGRAM, folder, kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"KERAS_BACKEND": backend, "JOB_COMPLETION_INDEX": str(process)},
    )


def assert_equal_runs(one, other):
    histories = [RunFolder(run, overwrite=True).read_history() for run in (one, other)]
    assert histories[0].keys() == histories[1].keys()
    for name, column in histories[0].items():
        assert column == pytest.approx(histories[1][name], rel=1e-5), name
    for name in ("model.keras", "best.keras"):
        ours, theirs = (keras.models.load_model(run / name).get_weights() for run in (one, other))
        for weight, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_two_processes_train_as_one_and_end_when_one_is_killed(tmp_path):
    pytest.importorskip("jax", reason="needs jax: pip install 'keras_seismic[jax]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = "127.0.0.1:{1}".format(*free.getsockname())
    alone = start(tmp_path / "alone", "alone")
    pair = [start(tmp_path / "two", coordinator, process) for process in range(2)]
    first, second = (process.communicate(timeout=300)[0] for process in pair)
    output, _ = alone.communicate(timeout=300)
    assert alone.returncode == 0, output
    run = tmp_path / "two" / "run"
    assert (run / "metrics.json").is_file(), first + second
    assert_equal_runs(run, tmp_path / "alone" / "run")
    # The first one wrote, once, and what it wrote is the same on TensorFlow.
    files = sorted(path.name for path in run.iterdir())
    assert files == ["best.keras", "config.json", "history.csv", "metrics.json", "model.keras"]
    gathers = np.random.default_rng(0).uniform(-1, 1, (24, 1, 8, 8)).astype("float32")[:3]
    predicted = ks.inference.load_model(run / "model.keras")(np.moveaxis(gathers, 1, -1))
    expected = RunFolder(run, overwrite=True).read("metrics.json")["predicted"]
    np.testing.assert_allclose(np.ravel(predicted), expected, rtol=1e-6)
    # In a second training, the second one killed itself.
    assert [process.returncode < 0 or process.returncode == 1 for process in pair] == [True, True]
    for output, name in ((first, "process 0 of 2"), (second, "process 1 of 2")):
        assert f"error: {name} has ended before the training was finished" in output
        assert "Start all processes again with resume=True" in output
    assert (tmp_path / "two" / "ended" / "config.json").is_file()


@pytest.mark.slow
def test_mirrored_devices_train_as_one(tmp_path):
    """The network has no batch normalization, which would be by device."""
    program = start(tmp_path / "mirrored", "mirrored", backend="tensorflow")
    output, _ = program.communicate(timeout=300)
    assert program.returncode == 0, output
    assert_equal_runs(tmp_path / "mirrored" / "run", tmp_path / "mirrored" / "alone")


def test_what_a_strategy_needs_is_said(monkeypatch):
    with pytest.raises(RuntimeError, match="needs KERAS_BACKEND=jax, found tensorflow"):
        on_devices(coordinator="here:1234").__enter__()
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    with pytest.raises(ValueError, match="expected coordinator, num_processes"):
        on_devices("hosts").__enter__()


def test_the_scripts_of_the_guide_fit_together(tmp_path):
    page = PROGRAM.parents[2] / "docs" / "several_machines.md"
    blocks = dict(re.findall(r"^```(bash|yaml)\n(.*?)^```", page.read_text(), re.DOTALL | re.M))
    subprocess.run(["bash", "-n"], input=blocks["bash"], text=True, check=True)
    assert blocks["bash"].splitlines()[0] == "#!/bin/bash"
    service, job = yaml.safe_load_all(blocks["yaml"])
    assert (service["kind"], job["kind"]) == ("Service", "Job")
    pod, name = job["spec"]["template"]["spec"], job["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": name}
    assert service["spec"]["clusterIP"] == "None"
    assert pod["subdomain"] == service["metadata"]["name"]
    (container,) = pod["containers"]
    script = container["command"][-1]
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    (command,) = commands_in(script.partition(";")[0])
    words = parse(command)
    assert words[words.index("--coordinator") + 1].startswith(f"{name}-0.{pod['subdomain']}:")
    processes = int(words[words.index("--num-processes") + 1])
    assert processes == job["spec"]["completions"] == job["spec"]["parallelism"]
    assert job["spec"]["completionMode"] == "Indexed"
    (mount,), (volume,) = container["volumeMounts"], pod["volumes"]
    assert mount["name"] == volume["name"]
