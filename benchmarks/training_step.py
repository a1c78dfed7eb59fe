"""Seconds per InversionNet training step: Keras with and without XLA, and PyTorch.

    python -m benchmarks.training_step

The published network (24 million parameters), mean absolute error, AdamW, float32, on this
machine's processor, all in one run; the best of several repeats. PyTorch trains the same
network in its channels-last memory format.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

import keras_seismic as ks
from benchmarks._report import report
from benchmarks._torch_networks import inversion_net

BATCH, REPEATS = 8, 4


def torch_step(gathers: np.ndarray, velocity: np.ndarray) -> Callable[[], None]:
    """One update of the PyTorch network, as a function."""
    network = inversion_net().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=1e-4)
    x, y = (torch.tensor(np.moveaxis(a, -1, 1).copy()) for a in (gathers, velocity))
    x = x.to(memory_format=torch.channels_last)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.l1_loss(network(x), y).backward()
        optimizer.step()

    return step


def keras_step(gathers: np.ndarray, velocity: np.ndarray, xla: bool) -> Callable[[], None]:
    """One update of the Keras network, as a function."""
    network = ks.models.InversionNet()
    network.compile(ks.training.adamw(1e-4, 100), "mean_absolute_error", jit_compile=xla)
    return lambda: network.train_on_batch(gathers, velocity)


def seconds(step: Callable[[], None]) -> tuple[float, float]:
    """Seconds of the first step, with its compilation, and of the fastest later one."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return times[0], min(times[1:])


def main() -> None:
    """Measure, print and write."""
    rng = np.random.default_rng(0)
    gathers = rng.uniform(-1, 1, (BATCH, 1000, 70, 5)).astype("float32")
    velocity = rng.uniform(-1, 1, (BATCH, 70, 70, 1)).astype("float32")
    steps = {
        "PyTorch, channels-last": torch_step(gathers, velocity),
        "Keras": keras_step(gathers, velocity, xla=False),
        "Keras, XLA": keras_step(gathers, velocity, xla=True),
    }
    measured = {name: seconds(step) for name, step in steps.items()}
    peer = measured["PyTorch, channels-last"][1]
    rows = [
        (name, f"{first:.1f}", f"{later / BATCH:.3f}", f"{peer / later:.2f}")
        for name, (first, later) in measured.items()
    ]
    results = {
        "batch": BATCH,
        "seconds": {name: {"first": a, "later": b} for name, (a, b) in measured.items()},
        "speed_relative_to_pytorch": {name: peer / later for name, (_, later) in measured.items()},
    }
    header = ("", "first step (s)", "later steps (s a sample)", "speed relative to PyTorch")
    report("training_step", results, header, rows, ["keras", "tensorflow", "torch", "numpy"])


if __name__ == "__main__":
    main()
