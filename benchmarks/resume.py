"""Trainings killed again and again, against one that nobody disturbed.

    python -m benchmarks.resume

For InversionNet and VelocityGAN: a small run is made without interruption, and made again by a
process that SIGKILL ends at a random moment, and the same command with ``--resume``, until it was
killed 12 times: the last three times after the last epoch, while scores and figures are made.
Weights, history and metrics of both are compared, by one thread, so that they can be equal to the
last bit. Two to three minutes a network on two cores.
"""

import argparse
import csv
import functools
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import keras_seismic as ks
from benchmarks._report import RESULTS, report

EPOCHS = 20
PROGRAMS = {"InversionNet": "inversionnet", "VelocityGAN": "velocitygan"}
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")}


def start(program: str, out: pathlib.Path) -> subprocess.Popen[str]:
    """Begin or continue a run."""
    words = ["train", program, "--smoke", "--epochs", str(EPOCHS), "--resume"]
    words += ["--cache-dir", str(out.parent / "cache"), "--out", str(out)]
    code = "import sys; from keras_seismic.cli.main import main; main(sys.argv[1:])"
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | _ONE_THREAD,
    )


def finished(process: subprocess.Popen[str]) -> str:
    """What a run says that has to succeed."""
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the run failed:\n{output}")
    return output


def written(path: pathlib.Path) -> Callable[[subprocess.Popen[str]], None]:
    """Waits until a process has written a file."""
    before = path.stat().st_mtime_ns if path.exists() else None

    def wait(process: subprocess.Popen[str]) -> None:
        while not path.exists() or path.stat().st_mtime_ns == before:
            if process.poll() is not None:
                raise SystemExit(f"{path.name} was not written:\n{finished(process)}")
            time.sleep(0.002)

    return wait


def training(process: subprocess.Popen[str], epochs: int = 0) -> None:
    """Waits until a process has begun to train, and then for some epochs."""
    assert process.stdout is not None
    for line in process.stdout:
        epochs -= line.startswith("Epoch")
        if epochs < 0:
            return
    raise SystemExit("the run ended before it was killed; give it more epochs")


def compare(one: pathlib.Path, other: pathlib.Path) -> dict[str, float]:
    """Largest differences of two runs; 0 where they are equal."""
    weights = [
        [ks.inference.load_model(run / name).get_weights() for run in (one, other)]
        for name in ("best.keras", "model.keras")
    ]
    histories = []
    for run in (one, other):
        with (run / "history.csv").open() as file:
            histories.append([[float(x) for x in row.values()] for row in csv.DictReader(file)])
    metrics = [json.loads((run / "metrics.json").read_text()) for run in (one, other)]
    if metrics[0].keys() != metrics[1].keys():
        raise SystemExit(f"{other}: other metrics than {one}")
    return {
        "weights": max(
            float(np.abs(ours - theirs).max())
            for ours_all, theirs_all in weights
            for ours, theirs in zip(ours_all, theirs_all, strict=True)
        ),
        "history": float(np.abs(np.subtract(*histories)).max()),
        "metrics": max(abs(metrics[0][name] - metrics[1][name]) for name in metrics[0]),
    }


def killed_run(
    program: str, out: pathlib.Path, kills: int, seconds: tuple[float, float], seed: int
) -> list[str]:
    """Kill a run again and again and let it end; returns when it was killed.

    Args:
        program: Name of the training program.
        out: The run folder.
        kills: How often.
        seconds: That a process takes for its first epoch, and for a later one.
        seed: Of the moments.
    """
    draw, moments = random.Random(seed), []
    late = [out / name for name in ("model.keras", "figures/loss.png", "figures/velocity.png")]
    for number in range(kills):
        after = number - (kills - kills // 4)
        if after < 0:
            epochs = draw.randrange(3)
            wait = functools.partial(training, epochs=epochs)
            delay = draw.uniform(0, seconds[epochs > 0])
        elif after == 0:
            wait, delay = written(out / f"last-{EPOCHS}.keras"), draw.uniform(0, 0.2)
        else:
            wait, delay = written(draw.choice(late)), draw.uniform(0, 0.05)
        process = start(program, out)
        wait(process)
        time.sleep(delay)
        process.kill()
        process.communicate()
        done = sorted(int(path.stem.split("-")[1]) for path in out.glob("last-*.keras"))
        moments.append("before epoch 1" if not done else f"after epoch {done[-1]}")
        if (out / "metrics.json").exists():
            moments[-1] = "complete"
        print(f"  kill {number + 1}: {moments[-1]}", flush=True)
    finished(start(program, out))
    return moments


def measure(program: str, kills: int, folder: pathlib.Path, seed: int) -> dict[str, Any]:
    """Both runs of a network, and their differences."""
    whole, times = start(program, folder / "whole"), []
    for _ in range(3):
        training(whole)
        times.append(time.monotonic())
    finished(whole)
    seconds = times[1] - times[0], times[2] - times[1]
    moments = killed_run(program, folder / "killed", kills, seconds, seed)
    left = [run.name for run in (folder / "killed").rglob("*") if "partial" in run.name]
    return {"kills": moments, "left over": left} | compare(folder / "whole", folder / "killed")


def main() -> None:
    """Measure and report; fails if a run differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=12, help="of each network")
    parser.add_argument("--network", choices=PROGRAMS, action="append", help="by default both")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    results = {}
    for name in options.network or PROGRAMS:
        with tempfile.TemporaryDirectory() as folder:
            print(name, flush=True)
            found = measure(PROGRAMS[name], options.kills, pathlib.Path(folder), options.seed)
            results[name] = found
    names = ("weights", "history", "metrics")
    rows = [
        [name, len(r["kills"]), *(f"{r[what]:.2g}" for what in names), len(r["left over"])]
        for name, r in results.items()
    ]
    header = ["network", "kills", *(f"difference of {what}" for what in names), "files left over"]
    report("resume", results, header, rows, ("keras", "tensorflow"), options.out)
    if any(r[what] or r["left over"] for r in results.values() for what in names):
        raise SystemExit("a killed run differs from the undisturbed one")


if __name__ == "__main__":
    main()
