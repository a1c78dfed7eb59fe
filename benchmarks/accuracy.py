"""Accuracy after equal time: the recommended network and OpenFWI's recipe in PyTorch.

    python -m benchmarks.accuracy

Trains the package's recommended network by its own recipe (that of ``make demo``) and OpenFWI's
InversionNet, at its full width and with its optimizer, in PyTorch, for the same wall time on two
cores: 2000 pairs of a family, three seeds, and the error on 200 held-out models. Both have warm-up
and cosine decay by the share of the time that is used. What counts is the time in training steps;
reading, evaluating, and the first step, which compiles, count for neither.

The learning rate, the batch and the loss of InversionNet are first tuned on each family, on its
learning pairs; the recommended network is not tuned to a family. PyTorch computes in the quickest
of four forms, measured first: channels-last, eager or compiled, float32 or bfloat16.

Takes about six hours, in runs that are kept in the work folder one by one: the same command goes on
where it was stopped. ``--only FAMILY/SEED/NETWORK`` makes a part of them, with ``*`` for any and
``tune`` in the place of a seed for the tuning: ``--only curvefault_a/0``, ``--only
'*/*/TimeDepthUNet'``. The table is written when nothing is missing.
"""

import argparse
import fnmatch
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._report import RESULTS, machine, markdown, report

FAMILIES = ("flatvel_a", "curvefault_a")
OURS, PEER = "TimeDepthUNet", "InversionNet"
SEEDS = (0, 1, 2)
#: What is tried of the peer's: rates and batches with the published loss, then the other loss.
RATES, BATCHES, LOSSES = (1e-4, 3e-4, 1e-3), (16, 64), ("L1 + L2", "L1")
FORMS = ("float32", "bfloat16", "float32, compiled", "bfloat16, compiled")
PACKAGES = ("keras_seismic", "keras", "tensorflow", "torch", "numba", "numpy")
HEADER = ("family", "network", "MAE by seed, m/s", "mean", "SSIM", "epochs", "ratio")


class Runs:
    """Finished runs, a line of JSON each."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.path = options.work / "runs.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def find(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to what was asked, if it is there; a line that was cut off is not."""
        if not self.path.exists():
            return None
        for line in self.path.read_text().splitlines():
            try:
                kept = json.loads(line)
            except ValueError:
                continue
            if kept["asked"] == json.loads(json.dumps(asked)):
                return kept["answer"]
        return None

    def answer(self, asked: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The answer, kept or by a run in a process of its own.

        Args:
            asked: What decides about the result.
            **more: What the process has to know besides.
        """
        found = self.find(asked)
        if found is not None:
            return found
        print(f"{time.strftime('%H:%M:%S')} {json.dumps(asked)}", flush=True)
        given = asked | {"cache_dir": str(self.options.cache_dir), "threads": self.options.threads}
        given |= more
        environment = os.environ | {"OMP_NUM_THREADS": str(self.options.threads)}
        process = subprocess.run(
            [sys.executable, "-m", "benchmarks._accuracy_run", json.dumps(given)],
            stdout=subprocess.PIPE, text=True, check=True, env=environment,
        )  # fmt: skip
        last = [line for line in process.stdout.splitlines() if line.startswith("answer ")][-1]
        answer = json.loads(last.removeprefix("answer ")) | {"processor": machine()["processor"]}
        cut_off = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("a") as file:
            file.write("\n" * cut_off + json.dumps({"asked": asked, "answer": answer}) + "\n")
        print(f"{time.strftime('%H:%M:%S')} {json.dumps(answer)}", flush=True)
        return answer


class Contest:
    """What is run, and what is known of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.runs = options, Runs(options)

    def asked(self, family: str, network: str, kind: str, seed: int, **more: Any) -> dict[str, Any]:
        """A run, by all that matters for its result."""
        minutes = self.options.tuning_minutes if kind == "tune" else self.options.minutes
        sizes = {"pairs": self.options.pairs, "held_out": self.options.held_out}
        names = {"kind": kind, "family": family, "network": network, "seed": seed}
        return names | sizes | {"seconds": 60 * minutes} | more

    def form(self) -> str:
        """The quickest form of PyTorch on this processor."""
        names = {"kind": "form", "family": FAMILIES[0], "network": PEER, "seed": 0}
        more = {"batch_size": 16, "filters": self.options.filters, "loss": "L1"}
        more |= {"learning_rate": 1e-4, "on": machine(), "forms": self.options.forms}
        answer = self.runs.answer(names | more)
        seconds = {name: value for name, value in answer.items() if name != "processor"}
        return min(seconds, key=seconds.__getitem__)

    def settings(self) -> Iterator[dict[str, Any]]:
        """The peer's, to choose from."""
        for rate in self.options.rates:
            for batch in self.options.batches:
                yield {"learning_rate": rate, "batch_size": batch, "loss": LOSSES[0]}

    def tuning(self, family: str, run: bool) -> list[tuple[float, dict[str, Any]]] | None:
        """Errors of the peer's settings on a family, the best first; ``None`` if not complete."""
        tried = []
        for setting in self.settings():
            tried.append((self.error(family, setting, run), setting))
        if any(error is None for error, _ in tried):
            return None
        best = min(tried, key=lambda one: one[0])[1] | {"loss": LOSSES[1]}
        tried.append((self.error(family, best, run), best))
        if tried[-1][0] is None:
            return None
        return sorted(tried, key=lambda one: one[0])

    def error(self, family: str, setting: dict[str, Any], run: bool) -> float | None:
        asked = self.asked(family, PEER, "tune", 0, filters=self.options.filters, **setting)
        answer = self.made(asked, run)
        return None if answer is None else answer["velocity_mae_m_s"]

    def scored(self, family: str, network: str, seed: int, run: bool) -> dict[str, Any] | None:
        """The scores of one run; ``None`` if it is not there and not to be made."""
        more: dict[str, Any] = {"recipe": recipe()}
        if network == PEER:
            tuned = self.tuning(family, run)
            if tuned is None:
                return None
            more = {"filters": self.options.filters, **tuned[0][1]}
        return self.made(self.asked(family, network, "score", seed, **more), run)

    def made(self, asked: dict[str, Any], run: bool) -> dict[str, Any] | None:
        """An answer in the form that this machine is quickest with, whichever that was."""
        kept = self.runs.find(asked)
        if kept is not None or not run:
            return kept
        form = {"form": self.form()} if asked["network"] == PEER else {}
        return self.runs.answer(asked, **form)

    def wanted(self, label: str) -> bool:
        parts = zip(label.split("/"), self.options.only.split("/"), strict=False)
        return all(fnmatch.fnmatch(part, pattern) for part, pattern in parts)


def main() -> None:
    options = parsed()
    contest = Contest(options)
    scores: dict[tuple[str, str], list[dict[str, Any]]] = {}
    tunings, missing = {}, []
    for family in options.families:
        run = contest.wanted(f"{family}/tune/{PEER}")
        tunings[family] = contest.tuning(family, run)
        for seed in options.seeds:
            for network in (OURS, PEER):
                label = f"{family}/{seed}/{network}"
                answer = contest.scored(family, network, seed, contest.wanted(label))
                if answer is None:
                    missing.append(label)
                else:
                    scores.setdefault((family, network), []).append(answer | {"seed": seed})
    table = list(rows(scores))
    if missing:
        print(markdown(HEADER, table))
        print("missing: " + ", ".join(missing))
        return
    settings = {
        name: getattr(options, name) for name in ("minutes", "pairs", "held_out", "filters")
    }
    results = {
        "settings": settings,
        "form": contest.form(),
        "recipe": recipe(),
        "tuning": {family: [[e, s] for e, s in tuned] for family, tuned in tunings.items()},
        "runs": [
            {"family": family, "network": network} | answer
            for (family, network), answers in scores.items()
            for answer in answers
        ],
        "ratios": {family: ratio(scores, family) for family in options.families},
    }
    report("accuracy", results, HEADER, table, PACKAGES, options.out)


@functools.cache
def recipe() -> dict[str, Any]:
    """Of the recommended network: with another one, its runs are others."""
    from examples.demo import RECIPES

    found = RECIPES[OURS]
    parameters = found.network(**found.arguments).count_params()
    names = ("batch_size", "learning_rate", "weight_decay", "updates")
    return {name: getattr(found, name) for name in names} | {"parameters": parameters}


def ratio(scores: dict[tuple[str, str], list[dict[str, Any]]], family: str) -> float | None:
    """Our mean error over the peer's."""
    if (family, OURS) not in scores or (family, PEER) not in scores:
        return None
    return mean(scores[family, OURS]) / mean(scores[family, PEER])


def mean(answers: list[dict[str, Any]], name: str = "velocity_mae_m_s") -> float:
    return float(np.mean([answer[name] for answer in answers]))


def rows(scores: dict[tuple[str, str], list[dict[str, Any]]]) -> Iterator[list[str]]:
    for (family, network), answers in scores.items():
        errors = ", ".join(f"{answer['velocity_mae_m_s']:.1f}" for answer in answers)
        found = ratio(scores, family) if network == OURS else None
        yield [
            family,
            network,
            errors,
            f"{mean(answers):.1f}",
            f"{mean(answers, 'velocity_ssim'):.3f}",
            f"{mean(answers, 'epochs'):.0f}",
            "" if found is None else f"{found:.2f}",
        ]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="*", metavar="FAMILY/SEED/NETWORK")
    parser.add_argument("--minutes", type=float, default=20.0, help="of each training")
    parser.add_argument("--tuning-minutes", type=float, default=5.0)
    parser.add_argument("--families", nargs="+", default=FAMILIES)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--pairs", type=int, default=2000, help="to learn from")
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--filters", type=int, default=32, help="of InversionNet")
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--forms", nargs="+", default=FORMS, help="of PyTorch, to choose from")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("runs/accuracy"))
    parser.add_argument("--cache-dir", type=Path, default=Path("cache"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
