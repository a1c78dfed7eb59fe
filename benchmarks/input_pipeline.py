"""Samples per second of the OpenFWI pipeline and of a PyTorch DataLoader over the same files.

    python -m benchmarks.input_pipeline

Writes files of random numbers in OpenFWI's layout to a temporary folder (--scratch), and reads
them in shuffled batches with the published normalization: here as tf.data and as a PyDataset,
there with a memory map or whole files in memory, 0, 1, 2 or 4 workers, and the transforms either
in NumPy, as in the published loader, or in PyTorch and in place, as fast as we could make them.
Cold is the first epoch after the files were dropped from the page cache, including the start of
workers, loading of whole files and compilation, but after a small epoch over another file, which
loads the libraries; warm is the best of the later ones. Every variant has its own process,
which reports its largest resident memory (mapped file pages count in it). Last, the fraction of an
InversionNet training step that waits for data. Writes benchmarks/results/input_pipeline.json.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._report import report

BATCH = 16
FAMILY = "flatvel_a"
LOW, HIGH = -26.95, 52.77  # the published range of that family
WORKERS = (0, 1, 2, 4)


def write_files(folder: Path, files: int, samples: int) -> None:
    """Random gathers and velocity models; their contents do not affect the speed."""
    random = np.random.default_rng(0)
    for name in ("data", "model"):
        (folder / name).mkdir(parents=True)
    for i in range(1, files + 1):
        shape = (samples, 5, 1000, 70)
        np.save(folder / "data" / f"data{i}.npy", random.standard_normal(shape, np.float32))
        velocity = random.uniform(1500, 4500, (samples, 1, 70, 70)).astype(np.float32)
        np.save(folder / "model" / f"model{i}.npy", velocity)
    for path in folder.rglob("*.npy"):
        with path.open("rb") as file:
            os.fsync(file.fileno())


def drop_from_cache(folder: Path) -> None:
    """Drop the files' contents from the page cache."""
    for path in folder.rglob("*.npy"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


# The pipelines: each returns a function that runs through one epoch.


def our_dataset(folder: Path, **_: Any) -> Callable[[], Iterator]:
    import keras_seismic as ks

    dataset = ks.datasets.OpenFWIPairs(folder, FAMILY).dataset(batch_size=BATCH)
    return lambda: iter(dataset)


def our_sequence(folder: Path, **_: Any) -> Callable[[], Iterator]:
    import keras_seismic as ks

    sequence = ks.datasets.OpenFWIPairs(folder, FAMILY).pydataset(batch_size=BATCH)

    def epoch() -> Iterator:
        for i in range(len(sequence)):
            yield sequence[i]
        sequence.on_epoch_end()

    return epoch


def torch_loader(
    folder: Path, files: str, transforms: str, workers: int, **_: Any
) -> Callable[[], Iterator]:
    import torch
    from torch.utils.data import DataLoader, Dataset

    low, high = (float(np.sign(x) * np.log1p(abs(x))) for x in (LOW, HIGH))

    def in_numpy(x: np.ndarray, v: np.ndarray):
        x = np.log1p(np.abs(x)) * np.sign(x)
        x = (x - np.float32(low)) / np.float32(high - low)
        return (x - 0.5) * 2, ((v - 1500) / 3000 - 0.5) * 2

    def in_torch(x: np.ndarray, v: np.ndarray):
        x, v = torch.from_numpy(np.array(x)), torch.from_numpy(np.array(v))
        y = x.abs().log1p_().copysign_(x).mul_(2 / (high - low))
        return y.sub_(2 * low / (high - low) + 1), v.div_(1500).sub_(2)

    transform = {"NumPy": in_numpy, "PyTorch": in_torch}[transforms]

    class Pairs(Dataset):
        def __init__(self) -> None:
            mode = "r" if files == "memory-mapped" else None
            paths = sorted((folder / "data").glob("*.npy"))
            models = [folder / "model" / p.name.replace("data", "model") for p in paths]
            self.gathers, self.velocity = (
                [np.load(p, allow_pickle=False, mmap_mode=mode) for p in some]
                for some in (paths, models)
            )
            self.size = len(self.gathers[0])

        def __len__(self) -> int:
            return self.size * len(self.gathers)

        def __getitem__(self, number: int):
            file, row = divmod(number, self.size)
            return transform(self.gathers[file][row], self.velocity[file][row])

    loader = DataLoader(
        Pairs(), BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    return lambda: iter(loader)


PIPELINES = {"dataset": our_dataset, "pydataset": our_sequence, "torch": torch_loader}


def measure(pipeline: str, folder: Path, epochs: int, **options: Any) -> dict[str, Any]:
    """Rates and memory of one pipeline, in this process."""
    for _ in PIPELINES[pipeline](folder.with_name("small"), **options)():
        pass
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rates = []
    drop_from_cache(folder)
    start = time.perf_counter()
    epoch = PIPELINES[pipeline](folder, **options)
    for _ in range(epochs + 1):
        count = sum(len(gathers) for gathers, _ in epoch())
        rates.append(count / (time.perf_counter() - start))
        start = time.perf_counter()
    del epoch  # ends the workers, whose memory is known then
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "cold": round(rates[0]),
        "warm": round(max(rates[1:])),
        "warm_epochs": [round(rate) for rate in rates[1:]],
        "peak_mb": peak // 1024,
        "grown_mb": (peak - before) // 1024,
        "largest_worker_mb": children // 1024 if options.get("workers") else 0,
    }


def measure_training(folder: Path, filters: int, steps: int, **_: Any) -> dict[str, Any]:
    """Fraction of training steps spent waiting, and the steps' time with the batch in memory."""
    import keras_seismic as ks

    network = ks.models.InversionNet(filters=filters)
    compile_options = {"jit_compile": ks.training.jit_compile()}
    network.compile(ks.training.adamw(1e-4, 100), "mean_absolute_error", **compile_options)
    batches = ks.datasets.OpenFWIPairs(folder, FAMILY).dataset(
        batch_size=BATCH, drop_remainder=True
    )
    batches = iter(batches.repeat())
    fixed = next(batches)
    for _ in range(2):
        network.train_on_batch(*fixed)
    waiting, together, alone = [], [], []
    for _ in range(steps):
        start = time.perf_counter()
        batch = next(batches)
        waiting.append(time.perf_counter() - start)
        network.train_on_batch(*batch)
        together.append(time.perf_counter() - start)
    for _ in range(steps):  # the pipeline stands still: its buffers are full
        start = time.perf_counter()
        network.train_on_batch(*fixed)
        alone.append(time.perf_counter() - start)
    return {
        "filters": filters,
        "waiting_fraction": round(sum(waiting) / sum(together), 5),
        "longest_wait_ms": round(1e3 * max(waiting), 2),
        "step_s": round(float(np.median(together)), 4),
        "step_with_batch_in_memory_s": round(float(np.median(alone)), 4),
    }


def in_process(**arguments: Any) -> dict[str, Any]:
    """What ``measure`` or ``measure_training`` returns when run in its own process."""
    command = [sys.executable, "-m", "benchmarks.input_pipeline", "--one", json.dumps(arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{arguments}: {result.stderr[-3000:]}")
    return json.loads(result.stdout.splitlines()[-1])


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--samples", type=int, default=500, help="pairs a file")
    parser.add_argument("--epochs", type=int, default=4, help="warm epochs, the best one counts")
    parser.add_argument("--steps", type=int, default=20, help="training steps")
    parser.add_argument("--scratch", type=Path, help="where to write the files (700 MB each)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one = json.loads(arguments.one)
        one["folder"] = Path(one["folder"])
        print(json.dumps((measure_training if "filters" in one else measure)(**one)))
        return
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        folder = Path(scratch) / "FlatVel_A"
        write_files(folder, arguments.files, arguments.samples)
        write_files(folder.with_name("small"), 1, 2 * BATCH)
        rows = compare(str(folder), arguments.epochs)
        training = [
            in_process(folder=str(folder), filters=filters, steps=arguments.steps)
            for filters in (8, 32)
        ]
    present(rows, training, arguments.files * arguments.samples)


def compare(folder: str, epochs: int) -> list[dict[str, Any]]:
    """All variants; ours first and last, since machines change during measurements."""
    ours = [{"pipeline": "dataset"}, {"pipeline": "pydataset"}]
    theirs = [
        {"pipeline": "torch", "files": files, "transforms": transforms, "workers": workers}
        for files in ("memory-mapped", "whole")
        for transforms in ("NumPy", "PyTorch")
        for workers in WORKERS
    ]
    rows = []
    for variant in (*ours, *theirs, *ours):
        row = variant | in_process(folder=folder, epochs=epochs, **variant)
        print(json.dumps(row), flush=True)
        rows.append(row)
    return rows


def present(rows: list[dict], training: list[dict], count: int) -> None:
    """The best of each kind, the ratios, and the file."""
    names = {"dataset": "here, tf.data", "pydataset": "here, PyDataset"}
    kinds: dict[str, list[dict]] = {}
    for row in rows:
        name = names.get(row["pipeline"])
        name = name or f"DataLoader, {row['files']} files, transforms in {row['transforms']}"
        kinds.setdefault(name, []).append(row)
    table, ratios = [], {}
    for name, some in kinds.items():
        best = {when: max(some, key=lambda row: row[when]) for when in ("cold", "warm")}
        cells = [
            f"{row[when]}" + (f" ({row['workers']} workers)" if "workers" in row else "")
            for when, row in best.items()
        ]
        warm = best["warm"]
        table.append((name, *cells, warm["peak_mb"], warm["grown_mb"], warm["largest_worker_mb"]))
    for when in ("cold", "warm"):
        own = max(row[when] for row in rows if row["pipeline"] == "dataset")
        for transforms in ("NumPy", "PyTorch"):
            peers = [row for row in rows if row.get("transforms") == transforms]
            ratios[f"{when}_against_{transforms}"] = round(own / max(r[when] for r in peers), 2)
    print(
        f"{count} pairs of 1.4 MB, batches of {BATCH}; ratios of tf.data here to the best: {ratios}"
    )
    for row in training:
        print(f"training step: {row}")
    report(
        "input_pipeline",
        {"variants": rows, "ratios": ratios, "training": training},
        ("", "cold (samples/s)", "warm (samples/s)", "peak MB", "grown MB", "largest worker MB"),
        table,
        ["keras", "tensorflow", "torch", "numpy"],
    )


if __name__ == "__main__":
    main()
