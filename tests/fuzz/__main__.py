"""Try to break the promises of docs/trust.md with damaged files and answers.

    python -m tests.fuzz --minutes 2 --seed 0

Each case is read in a child process and is a failure if a reader raises anything but ValueError
or OSError, or one that does not name the file; crashes, hangs or takes more memory than it may;
returns other numbers from a changed model, or what was not asked for from a server; or if a
killed writer lost something. Failures are kept in build/fuzz, and ``--kind "mat 5" --case 17``
runs one again. The exit status is 1 if there was any.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
for threads in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(threads, "1")  # there is a process for each core


def main() -> None:
    from tests.fuzz.campaign import Campaign
    from tests.fuzz.kinds import all_kinds

    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--minutes", type=float, default=2.0, help="how long (default 2)")
    parser.add_argument("--seed", type=int, default=0, help="other damage (default 0)")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--kind", action="append", choices=list(all_kinds()), help="only these")
    parser.add_argument("--case", type=int, help="only this one, of the one kind")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"), help="for the failures")
    arguments = parser.parse_args()
    start = time.monotonic()
    campaign = Campaign(
        all_kinds, arguments.kind or list(all_kinds()), arguments.seed, arguments.out
    )
    single = {"first": arguments.case, "cases": 1} if arguments.case is not None else {}
    campaign.run(60 * arguments.minutes, arguments.processes, **single)
    print(campaign.report(time.monotonic() - start))
    sys.exit(bool(campaign.failures))


if __name__ == "__main__":
    main()
