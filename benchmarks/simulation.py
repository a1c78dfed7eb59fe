"""Seconds per model of the OpenFWI experiment, compared with deepwave in the same run.

70 x 70 cells at 10 m, 1000 steps of 1 ms, 5 shots, order 2 in time and 4 in space, float32;
20 boundary cells (ours: cpml, deepwave: its PML) and 120 (ours: the exact damping layer of
the OpenFWI data, deepwave: its PML, which needs more arithmetic per cell). The four take
turns, so that other work on the machine affects them equally, with a few calls per turn. The
first does not count, because the thread pools of the two libraries stay busy for a while after
a call. The result is the best of all calls. The gathers are compared to check that both
solve the same problem.

``python -m benchmarks.simulation``, half a minute on two idle cores; needs deepwave.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks._report import report
from keras_seismic.simulation import Acquisition, sample_velocity, simulate


def ours(velocity: np.ndarray, boundary: str) -> np.ndarray:
    """Gather ``(time, receivers, shots)`` of one model."""
    return simulate(velocity[None], Acquisition.openfwi(boundary), progress=False)[0]


def peer(velocity: np.ndarray, cells: int) -> np.ndarray:
    """The same gather by deepwave, with its sign and time axis converted to ours."""
    import deepwave
    import torch

    acquisition = Acquisition.openfwi()
    shots = len(acquisition.sources)
    positions = {}
    for kind in ("sources", "receivers"):
        positions[kind] = torch.tensor(np.stack(acquisition.grid_indices(kind, velocity.shape), 1))
    wavelet = torch.tensor(acquisition.wavelet, dtype=torch.float32)
    with torch.no_grad():
        *_, records = deepwave.scalar(
            torch.tensor(velocity, dtype=torch.float32),
            acquisition.dx,
            acquisition.dt,
            source_amplitudes=-wavelet.repeat(shots, 1, 1),
            source_locations=positions["sources"][:, None],
            receiver_locations=positions["receivers"].repeat(shots, 1, 1),
            accuracy=4,
            pml_width=cells,
            pml_freq=acquisition.peak_frequency,
        )
    # deepwave records before it injects: sample k + 1 there is sample k here.
    return np.roll(records.numpy().transpose(2, 1, 0), -1, axis=0)


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3, help="turns of four calls each")
    turns = parser.parse_args().turns

    velocity = sample_velocity("curvefault_a", 1)[0].astype(np.float64)
    programs: dict[str, Callable[[], np.ndarray]] = {
        "keras_seismic cpml 20": lambda: ours(velocity, "cpml"),
        "deepwave PML 20": lambda: peer(velocity, 20),
        "keras_seismic openfwi 120": lambda: ours(velocity, "openfwi"),
        "deepwave PML 120": lambda: peer(velocity, 120),
    }
    # The first call compiles; its gather is the one that is compared.
    gathers = {name: program()[:-1] for name, program in programs.items()}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(turns):
        for name, program in programs.items():
            times[name] += [seconds(program) for _ in range(4)][1:]

    results, rows = {}, []
    names = list(programs)
    for our_name, peer_name in (names[:2], names[2:]):
        best, other = min(times[our_name]), min(times[peer_name])
        error = gathers[our_name] - gathers[peer_name]
        results[our_name] = {
            "seconds": best,
            "median_seconds": float(np.median(times[our_name])),
            "peer": peer_name,
            "peer_seconds": other,
            "peer_median_seconds": float(np.median(times[peer_name])),
            "ratio": best / other,
            "calls": 3 * turns,
            "difference_percent": float(
                100 * np.sqrt(np.mean(error**2) / np.mean(gathers[peer_name] ** 2))
            ),
        }
        rows.append(
            [
                our_name,
                f"{best:.3f}",
                peer_name,
                f"{other:.3f}",
                f"{best / other:.2f}",
                f"{results[our_name]['difference_percent']:.3f}",
            ]
        )
    header = ["ours", "s a model", "peer", "s a model", "ratio", "gathers differ by %"]
    packages = ["keras", "tensorflow", "numpy", "deepwave", "torch"]
    report("simulation", results, header, rows, packages)


if __name__ == "__main__":
    main()
