"""Seconds per training step: this package on TensorFlow beside PyTorch.

    python -m benchmarks.training_step            # everything: about half an hour on two cores
    python -m benchmarks.training_step --quick    # InversionNet alone: about five minutes
    python -m benchmarks.training_step --profile  # where a step's time goes, on one thread
    python -m benchmarks.training_step --busy     # one thread's processor time, beside other work

Published widths, mean absolute error, AdamW. PyTorch trains the same networks as written, in its
channels-last layout, and compiled in that layout; its bfloat16 is autocast, its AdamW the fused
one. Each framework has a process of its own, and their steps take turns, so that whatever else
the machine does meets all of them. Medians; "relative" is the time of the best PyTorch over ours.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks._report import report

PEERS = {
    "keras_seismic": "keras",
    "PyTorch eager": "eager",
    "PyTorch channels-last": "channels-last",
    "PyTorch compiled": "compiled",
    "keras_seismic, XLA": "keras-xla",
}
OURS, *THEIRS, _ = PEERS
PRECISIONS = ("float32", "bfloat16")
NETWORKS = ("InversionNet", "FCNVMB", "ConvDenoiser")


class Peer:
    """A framework in its own process."""

    def __init__(self, kind: str, threads: int, clock: str) -> None:
        # PyTorch crashes beside TensorFlow, and none of its twins needs it.
        backend = "tensorflow" if kind.startswith("keras") else "numpy"
        command = [sys.executable, "-m", "benchmarks._training_peers", kind, str(threads), clock]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": str(threads), "KERAS_BACKEND": backend},
        )

    def asked(self, question: Any) -> Any:
        """The answer to a question; see ``benchmarks._training_peers``."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("answer "):
                return json.loads(line.removeprefix("answer "))
        raise RuntimeError(f"{self.process.args}: ended without an answer to {question}")

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure(
    peers: dict[str, Peer], case: Sequence[Any], rounds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of the first step and, medians over rounds in turn, of later ones."""
    first = {name: peer.asked(list(case)) for name, peer in peers.items()}
    times: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, peer in peers.items():
            times[name].append(peer.asked("step"))
    return first, {name: statistics.median(values) for name, values in times.items()}


def compare(peers: dict[str, Peer], given: argparse.Namespace) -> None:
    """Print and write a line for each network, precision and batch size."""
    rows, results = [], []
    for network in given.networks:
        for precision in given.precisions:
            for batch in given.batches:
                first, later = measure(peers, (network, precision, batch), given.rounds)
                relative = min(later[name] for name in THEIRS if name in later) / later[OURS]
                results.append(
                    {
                        "network": network,
                        "precision": precision,
                        "batch": batch,
                        "first_step_s": first,
                        "step_s": later,
                        "relative_to_best_pytorch": relative,
                    }
                )
                per_sample = (f"{1000 * later[name] / batch:.1f}" for name in peers)
                rows.append((network, precision, batch, *per_sample, f"{relative:.2f}"))
                print(*rows[-1], flush=True)
    header = (
        "network",
        "precision",
        "batch",
        *(f"{name}, ms/sample" for name in peers),
        "relative",
    )
    name = "training_step_busy" if given.busy else "training_step"
    report(name, results, header, rows, ["keras", "tensorflow", "torch", "numpy"])


def profile(peers: dict[str, Peer], given: argparse.Namespace) -> None:
    """Print and write milliseconds by kind of operation, of InversionNet."""
    batch, columns = given.batches[0], {}
    for precision in given.precisions:
        for peer in peers.values():
            peer.asked(["InversionNet", precision, batch])
        for name, peer in peers.items():
            columns[f"{name}, {precision}"] = peer.asked("profile")
    kinds = next(iter(columns.values()))
    rows = [(kind, *(f"{1000 * c[kind]:.0f}" for c in columns.values())) for kind in kinds]
    rows.append(("all", *(f"{1000 * sum(c.values()):.0f}" for c in columns.values())))
    header = (f"ms, one thread, batch {batch}", *columns)
    packages = ["keras", "tensorflow", "torch", "numpy"]
    report("training_step_profile", columns, header, rows, packages)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--batches", nargs="+", type=int, default=[8, 32])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=[OURS, *THEIRS])
    parser.add_argument("--quick", action="store_true", help="InversionNet, batch 8, 5 rounds")
    parser.add_argument("--profile", action="store_true", help="time by kind of operation")
    parser.add_argument("--busy", action="store_true", help="processor time on one thread")
    given = parser.parse_args()
    if given.quick:
        given.networks, given.batches, given.rounds = ["InversionNet"], [8], 5
    threads = 1 if given.profile or given.busy else len(os.sched_getaffinity(0))
    clock = "process_time" if given.busy else "perf_counter"
    if given.profile:
        given.peers = [OURS, "PyTorch channels-last"]
    peers = {
        name: Peer(PEERS[name], threads, clock) for name in dict.fromkeys([OURS, *given.peers])
    }
    try:
        (profile if given.profile else compare)(peers, given)
    finally:
        for peer in peers.values():
            peer.close()


if __name__ == "__main__":
    main()
