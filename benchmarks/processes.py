"""InversionNet by two processes against one with the same batches, on one host.

    python -m benchmarks.processes

Both train by ``keras-seismic train inversionnet`` on JAX, on two cores: one process has both, two
processes one each, over the loopback interface. Compared are losses and samples a second
(the median of Keras' times of the epochs after the first, which compiles). On such a host several
processes cannot be quicker than one; what is measured is the cost of exchanging gradients. A minute
or two, after simulating 46 pairs once.
"""

import argparse
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

from benchmarks._report import RESULTS, report
from keras_seismic.training import RunFolder

BATCH = 8


def train(folder: pathlib.Path, out: str, processes: int, options: Any) -> tuple[float, list[Any]]:
    """Samples a second, and the columns of the history."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["train", "inversionnet", "--boundary", "cpml", "--samples", "42", "--held-out", "4"]
    words += ["--batch-size", str(BATCH), "--epochs", str(options.epochs)]
    words += ["--filters", str(options.filters), "--cache-dir", str(options.cache)]
    words += ["--out", str(folder / out)]
    cores, started = sorted(os.sched_getaffinity(0))[:2], []
    for number in range(processes):
        place = ["--coordinator", f"127.0.0.1:{port}", "--num-processes", str(processes)]
        place += ["--process-id", str(number)]
        own = ",".join(map(str, cores if processes == 1 else cores[number : number + 1]))
        started.append(
            subprocess.Popen(
                ["taskset", "-c", own, sys.executable, "-m", "train.inversionnet", *words[2:]]
                + (place if processes > 1 else []),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=os.environ | {"KERAS_BACKEND": "jax"},
            )
        )
    outputs = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise SystemExit("\n".join(outputs))
    steps = [
        float(value) / {"ms": 1000, "s": 1}[unit]
        for value, unit in re.findall(r" (\d+)(ms|s)/step - loss", outputs[0])
    ]
    history = RunFolder(folder / out, overwrite=True).read_history()
    return BATCH / statistics.median(steps[1:]), [history["loss"], history["val_loss"]]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--filters", type=int, default=8)
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path("cache"))
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        found = {count: train(folder, f"{count}", count, options) for count in (1, 2)}
    one, two = (np.array(found[count][1]) for count in (1, 2))
    differences = np.abs(two / one - 1).max(axis=1).tolist()
    results: dict[str, Any] = {
        "samples a second": {count: round(found[count][0], 2) for count in found},
        "relative difference of loss, val_loss": differences,
    }
    header = ["processes", "samples/s", "loss, relative to one", "val_loss, relative to one"]
    rows = [[1, f"{found[1][0]:.2f}", "", ""]]
    rows += [[2, f"{found[2][0]:.2f}", *(f"{value:.1e}" for value in differences)]]
    report("processes", results, header, rows, ("keras", "jax"), options.out)


if __name__ == "__main__":
    main()
