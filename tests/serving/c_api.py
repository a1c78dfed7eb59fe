"""Signatures of SavedModels through TensorFlow's C API, for tests: see c_api_runner.py."""

import subprocess
import sys
from pathlib import Path

import numpy as np

import keras_seismic as ks

RUNNER = Path(__file__).parent / "c_api_runner.py"


def run_in_c(folder, runs, target):
    """Outputs of signatures, from one process that loads the model once.

    Args:
        folder: A SavedModel's.
        runs: A signature's name and an input, for each run.
        target: A folder for the files that go to and fro.

    Raises:
        RuntimeError: With TensorFlow's words, if it refuses a run; the others are done.
    """
    described = ks.serving.read_signatures(folder)
    arguments = []
    for i, (signature, array) in enumerate(runs):
        (given,), (returned,) = (
            tensors.values()
            for tensors in (described[signature].inputs, described[signature].outputs)
        )
        np.save(target / f"in{i}.npy", array)
        arguments += [given.tensor, target / f"in{i}.npy", returned.tensor, target / f"out{i}.npy"]
    # -I: no PYTHONPATH and no working folder, so that nothing of ours can be imported.
    result = subprocess.run(
        [sys.executable, "-I", RUNNER, folder, *arguments],
        capture_output=True, text=True, cwd=target,
    )  # fmt: skip
    if result.returncode:
        raise RuntimeError(result.stderr)
    return [np.load(target / f"out{i}.npy", allow_pickle=False) for i in range(len(runs))]
