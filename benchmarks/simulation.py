"""Simulation and its gradient, timed against deepwave and against the ``keras.ops`` form.

The OpenFWI experiment: 70 x 70 cells at 10 m, 1000 steps of 1 ms, 5 shots, order 2 in time and 4
in space, float32; with 20 boundary cells (ours: cpml, deepwave: its PML) and 120 (ours: the exact
damping layer of the OpenFWI data, deepwave: its PML). Gradients are those of half the squared
gathers with respect to velocity, the simulation included. deepwave runs at the quickest of the
thread counts that it is given. The programs take turns, so that other work on the machine affects
them equally, a few calls each turn, of which the first does not count; figures are medians over
families of medians over calls. Gathers and gradients are compared to check that all solve the same
problem.

Then the compiled loops alone: over grid, record length, shots, models and threads; cell updates a
second, beside what the machine's memory and its arithmetic would allow.

``python -m benchmarks.simulation``, five minutes on two idle cores; needs deepwave.
"""

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import deepwave  # before Keras: its compiler's library and TensorFlow's only load in this order
import numpy as np
import torch

from benchmarks._report import report
from keras_seismic.backend import available_cores
from keras_seismic.simulation import Acquisition, sample_velocity, simulate
from keras_seismic.simulation.compiled import linearize, propagate

FAMILIES = ("flatvel_a", "curvefault_a", "style_b")
BOUNDARIES = {"cpml": 20, "openfwi": 120}


def peer(
    velocity: np.ndarray, cells: int, gradient: bool = False
) -> tuple[np.ndarray, np.ndarray | None]:
    """Gather of one model by deepwave, in our sign and time axis, and the gradient."""
    acquisition = Acquisition.openfwi()
    shots = len(acquisition.sources)
    places = {
        kind: torch.tensor(np.stack(acquisition.grid_indices(kind, velocity.shape), 1))
        for kind in ("sources", "receivers")
    }
    model = torch.tensor(velocity, dtype=torch.float32, requires_grad=gradient)
    with torch.set_grad_enabled(gradient):
        *_, records = deepwave.scalar(
            model,
            acquisition.dx,
            acquisition.dt,
            source_amplitudes=-torch.tensor(acquisition.wavelet).float().repeat(shots, 1, 1),
            source_locations=places["sources"][:, None],
            receiver_locations=places["receivers"].repeat(shots, 1, 1),
            accuracy=4,
            pml_width=cells,
            pml_freq=acquisition.peak_frequency,
        )
        if gradient:
            (0.5 * records**2).sum().backward()
    # deepwave records before it injects: sample k + 1 there is sample k here.
    gathers = np.roll(records.detach().numpy().transpose(2, 1, 0), -1, axis=0)
    return gathers, model.grad.numpy() if gradient else None


def our_gradient(velocity: np.ndarray, boundary: str) -> np.ndarray:
    linearization = linearize(velocity[None], Acquisition.openfwi(boundary))
    return linearization.pullback(linearization.gathers).velocity[0]


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def median_seconds(function: Callable[[], object], calls: int = 5) -> float:
    function()
    return float(np.median([seconds(function) for _ in range(calls)]))


def quickest_threads(velocity: np.ndarray) -> int:
    """The number of threads with which deepwave is quickest, forward and gradient together."""
    times = {}
    for threads in {1, available_cores()}:
        torch.set_num_threads(threads)
        times[threads] = median_seconds(lambda: peer(velocity, 20), 3)
        times[threads] += median_seconds(lambda: peer(velocity, 20, gradient=True), 3)
    return min(times, key=times.__getitem__)


def programs(velocity: np.ndarray, boundary: str) -> dict[str, Callable[[], object]]:
    acquisition, cells = Acquisition.openfwi(boundary), BOUNDARIES[boundary]
    return {
        "ours": lambda: simulate(velocity[None], acquisition, progress=False),
        "ops (XLA)": lambda: simulate(velocity[None], acquisition, progress=False, method="ops"),
        "deepwave": lambda: peer(velocity, cells),
        "our gradient": lambda: our_gradient(velocity, boundary),
        "deepwave's gradient": lambda: peer(velocity, cells, gradient=True),
    }


def compare(boundary: str, turns: int, families: tuple[str, ...]) -> dict[str, float]:
    """Seconds of every program, median over families, and the differences of the results."""
    times: dict[str, list[float]] = {}
    differences: dict[str, list[float]] = {"gathers differ": [], "gradients differ": []}
    for family in families:
        velocity = sample_velocity(family, 1, seed=1)[0].astype(np.float64)
        runs = programs(velocity, boundary)
        calls: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(turns):
            for name, run in runs.items():
                heavy = name == "deepwave's gradient" and boundary == "openfwi"
                calls[name] += [seconds(run) for _ in range(2 if heavy else 4)][1:]
        for name, values in calls.items():
            times.setdefault(name, []).append(float(np.median(values)))
        gathers, gradient = peer(velocity, BOUNDARIES[boundary], gradient=True)
        ours = simulate(velocity[None], Acquisition.openfwi(boundary), progress=False)[0]
        differences["gathers differ"].append(relative(ours[:-1], gathers[:-1]))
        inside = np.s_[2:-2, 2:-2]  # deepwave leaves the boundary's part of the edge to the user
        ours = our_gradient(velocity, boundary)
        differences["gradients differ"].append(relative(ours[inside], gradient[inside]))
    return {name: float(np.median(v)) for name, v in (times | differences).items()}


def relative(values: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(values - expected) / np.linalg.norm(expected))


def cell_updates(velocity: np.ndarray, acquisition: Acquisition) -> int:
    """Cells times steps of all shots over one model, boundary included."""
    free = acquisition.free_surface
    depth, width = (n + 2 * acquisition.boundary_width for n in velocity.shape)
    depth -= acquisition.boundary_width * free
    return depth * width * acquisition.nt * len(acquisition.sources)


def scaling() -> Iterator[tuple[str, float, float]]:
    """What is varied, seconds, and cell updates a second (those left out count as done)."""
    base = Acquisition.openfwi("cpml")
    cases: list[tuple[str, int, int, Acquisition, int | None]] = []
    for size in (70, 140, 280, 560):
        wide = Acquisition.surface(size, 10.0, 0.001, 1000, 15.0, shots=5, boundary="cpml")
        cases.append((f"grid {size} x {size}", size, 1, wide, None))
    for nt in (500, 1000, 2000, 4000):
        cases.append((f"{nt} samples", 70, 1, dataclasses.replace(base, nt=nt), None))
    for shots in (1, 5, 20):
        many = Acquisition.surface(70, 10.0, 0.001, 1000, 15.0, shots=shots, boundary="cpml")
        cases.append((f"{shots} shots", 70, 1, many, None))
    for models in (1, 4, 16):
        cases.append((f"{models} models", 70, models, base, None))
    for threads in range(1, available_cores() + 1):
        cases.append((f"{threads} threads", 70, 4, base, threads))
    for name, size, models, acquisition, threads in cases:
        velocity = sample_velocity("curvefault_a", models, seed=1, shape=(size, size))
        velocity = velocity.astype(np.float64)
        taken = median_seconds(
            lambda v=velocity, a=acquisition, t=threads: propagate(v, a, threads=t)
        )
        yield name, taken, models * cell_updates(velocity[0], acquisition) / taken


_FIRST_CALL = """
import sys, time
import numpy as np
from keras_seismic.simulation import Acquisition, simulate
velocity, acquisition = np.full((1, 70, 70), 2000.0), Acquisition.openfwi(sys.argv[1])
start = time.perf_counter()
simulate(velocity, acquisition, progress=False)
print(time.perf_counter() - start)
"""


def first_calls() -> dict[str, float]:
    """Seconds of a process's first simulation, importing Numba, without and with its cache."""
    found = {}
    for boundary in BOUNDARIES:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("compiling", "from the cache"):
                output = subprocess.run(
                    [sys.executable, "-c", _FIRST_CALL, boundary],
                    env=os.environ | {"NUMBA_CACHE_DIR": folder},
                    stdout=subprocess.PIPE,
                    check=True,
                ).stdout
                found[f"first call, {boundary}, {name}"] = float(output)
    return found


def limits() -> dict[str, float]:
    """Bytes a second copied from memory, and float32 operations a second, all cores."""
    big = np.ones(2**26, np.float32)
    copy = np.empty_like(big)
    bandwidth = 2 * big.nbytes / min(seconds(lambda: np.copyto(copy, big)) for _ in range(5))
    n = 1500
    a = np.ones((n, n), np.float32)
    product = np.empty_like(a)
    arithmetic = 2 * n**3 / min(seconds(lambda: np.matmul(a, a, out=product)) for _ in range(5))
    return {"bytes a second": bandwidth, "float32 operations a second": arithmetic}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=2, help="turns of each program")
    turns = parser.parse_args().turns

    first = sample_velocity("curvefault_a", 1, seed=1)[0].astype(np.float64)
    threads = quickest_threads(first)
    torch.set_num_threads(threads)
    print(f"deepwave with {threads} threads")
    results: dict[str, object] = {"deepwave's threads": threads, "families": FAMILIES}
    rows = []
    for boundary, cells in BOUNDARIES.items():
        found = compare(boundary, turns, FAMILIES)
        both = {
            "deepwave / ours": found["deepwave"] / found["ours"],
            "ops / ours": found["ops (XLA)"] / found["ours"],
            "deepwave's gradient / ours": found["deepwave's gradient"] / found["our gradient"],
            "our gradient / our forward": found["our gradient"] / found["ours"],
        }
        results[f"{boundary} {cells}"] = found | both
        rows += [
            [f"{boundary} {cells}", name, f"{value:.4g}"] for name, value in (found | both).items()
        ]
    results["first calls"] = first_calls()
    rows += [
        ["new process", name, f"{value:.2f}"] for name, value in results["first calls"].items()
    ]
    results["scaling"] = {}
    for name, taken, updates in scaling():
        results["scaling"][name] = {"seconds": taken, "cell updates a second": updates}
        rows.append(["cpml 20", name, f"{taken:.4g} s, {updates / 1e9:.2f}e9 cell updates/s"])
    results["limits"] = limits()
    rows += [["machine", name, f"{value / 1e9:.3g}e9"] for name, value in results["limits"].items()]
    packages = ["keras", "tensorflow", "numpy", "numba", "deepwave", "torch"]
    report("simulation", results, ["case", "what", "value"], rows, packages)


if __name__ == "__main__":
    main()
