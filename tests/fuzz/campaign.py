"""Many cases in several child processes, watched from outside."""

import collections
import functools
import multiprocessing
import os
import shutil
import signal
import threading
import time
from pathlib import Path

from tests.fuzz.mutations import write_sample
from tests.fuzz.worker import HARMLESS, Cases, Kinds, Verdict, make_samples, work

#: Seconds of processor time and of waiting that a case may take, by all its readers together.
PROCESSOR_SECONDS, WAITING_SECONDS = 20.0, 120.0

#: Bytes at which a child is stopped, whatever it does.
MOST_MEMORY = 4 * 2**30

#: Failures of the same kind, reader and place of which the files are kept.
KEPT = 3

_TICK = os.sysconf("SC_CLK_TCK")


class Campaign:
    """Cases of some kinds, their verdicts counted.

    Args:
        kinds: Returns the kinds by name; called in the children as well.
        names: Of those to try.
        seed: Decides all the damage.
        out: Folder for the files of failures.
    """

    def __init__(self, kinds: Kinds, names: list[str], seed: int, out: Path) -> None:
        self.kinds, self.names, self.seed, self.out = kinds, names, seed, out
        self.counts: dict[str, collections.Counter[str]] = {
            name: collections.Counter() for name in names
        }
        self.cases = dict.fromkeys(names, 0)
        self.failures: dict[tuple[str, str, str], list[str]] = {}
        self._spent = dict.fromkeys(names, 0.0)
        self._next = dict.fromkeys(names, 0)
        self._read: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._context = multiprocessing.get_context("spawn")

    def run(self, seconds: float, processes: int, first: int = 0, cases: int | None = None) -> None:
        """Make the samples, then try cases for some time.

        Args:
            seconds: How long.
            processes: Children that work at the same time.
            first: Number of the first case of each kind.
            cases: Of each kind, at most.
        """
        shutil.rmtree(self.out, ignore_errors=True)
        self.samples = self.out / "samples"
        (self.out / "failures").mkdir(parents=True)
        maker = self._context.Process(
            target=make_samples,
            args=(self.kinds, self.samples, self.names, self.out / "samples.log"),
        )
        maker.start()
        maker.join()
        if maker.exitcode:
            raise RuntimeError((self.out / "samples.log").read_text()[-3000:])
        self._next = dict.fromkeys(self.names, first)
        self._last = first + cases if cases else None
        deadline = time.monotonic() + seconds
        watchers = [
            threading.Thread(target=self._watch, args=(i, deadline)) for i in range(processes)
        ]
        for watcher in watchers:
            watcher.start()
        for watcher in watchers:
            watcher.join()
        if not first:
            self._check_whole_read()
        shutil.rmtree(self.samples)

    def report(self, seconds: float) -> str:
        """Counts by kind and outcome, and the failures."""
        outcomes = sorted({o for counts in self.counts.values() for o in counts},
                          key=lambda o: (o not in HARMLESS, o))  # fmt: skip
        rows = [["kind", "cases", *outcomes]]
        rows += [
            [name, f"{self.cases[name]}", *(f"{self.counts[name][o]}" for o in outcomes)]
            for name in self.names
        ]
        total = [sum(counts[o] for counts in self.counts.values()) for o in outcomes]
        rows.append(["all", f"{sum(self.cases.values())}", *map(str, total)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
                 for row in rows]  # fmt: skip
        for (kind, reader, place), cases in sorted(self.failures.items()):
            lines.append(f"FAILED {len(cases)} x {kind}, {reader}: {place}; cases {cases[:KEPT]}")
        failed = sum(map(len, self.failures.values()))
        lines.append(
            f"{sum(self.cases.values())} cases (seed {self.seed}, {seconds:.0f} s), "
            + (f"{failed} failures, kept in {self.out / 'failures'}" if failed else "no failure")
        )
        return "\n".join(lines)

    def _take(self) -> tuple[str, int] | None:
        """The next case, of the kind that had the least time so far."""
        with self._lock:
            names = [n for n in self.names if self._last is None or self._next[n] < self._last]
            if not names:
                return None
            name = min(names, key=lambda name: self._spent[name])
            number = self._next[name]
            self._next[name] += 1
            self._spent[name] += 0.001  # so that others get a turn meanwhile
        return name, number

    def _watch(self, index: int, deadline: float) -> None:
        """Feed one child after the other: a new one takes the place of one that ended."""
        log = self.out / f"child{index}.log"
        child = None
        try:
            while time.monotonic() < deadline and (case := self._take()):
                child = child if child and child.alive else Child(self._context, self, log)
                name, number = case
                start = time.monotonic()
                sample, verdicts = child.ask(name, number)
                with self._lock:
                    self._spent[name] += time.monotonic() - start
                    self._note(name, number, sample, verdicts)
        finally:
            if child:
                child.end()

    def _note(self, name: str, number: int, sample: str, verdicts: list[Verdict]) -> None:
        self.cases[name] += 1
        for reader, outcome, detail in verdicts:
            self.counts[name][outcome] += 1
            if outcome == "read" and number < len(self._cases(name).names):
                self._read |= {(name, sample), (name, reader)}
            if outcome in HARMLESS:
                continue
            at_place = "(" in detail and outcome != "crash"
            place = detail.rsplit("(", 1)[-1].rstrip(")") if at_place else detail
            cases = self.failures.setdefault((name, reader, f"{outcome}: {place}"), [])
            cases.append(f"{number} of {sample}: {detail}")
            if len(cases) <= KEPT:
                suffix = self.kinds()[name].suffix
                kept = self.out / "failures" / f"{name}-{number}{suffix}"
                if not kept.exists():
                    write_sample(kept, self._cases(name)[number][1])
                    with (self.out / "failures.txt").open("a") as file:
                        file.write(f"{kept.name}: {reader}: {outcome}: {detail}\n")

    def _check_whole_read(self) -> None:
        """What is whole must be read, and every reader must read something."""
        for name in self.names:
            cases = self._cases(name)
            if self.cases[name] < len(cases.names):
                continue  # the time was too short
            for wanted in (*cases.whole, *self.kinds()[name].readers):
                if (name, wanted) not in self._read:
                    self.failures[name, wanted, "nothing whole was read"] = ["all"]

    @functools.cache  # noqa: B019
    def _cases(self, name: str) -> Cases:
        return Cases(self.kinds()[name], self.samples / name, self.seed)


class Child:
    """A process that works on cases, and what is seen of it from outside."""

    def __init__(
        self, context: multiprocessing.context.SpawnContext, campaign: Campaign, log: Path
    ):
        self.connection, theirs = context.Pipe()
        self.log = log
        self.process = context.Process(
            target=work, args=(campaign.kinds, theirs, campaign.samples, campaign.seed, log)
        )
        self.process.start()
        theirs.close()
        if not self.connection.poll(180):
            raise RuntimeError(f"no child came up in 180 s: {log.read_text()[-2000:]}")
        self.connection.recv()
        self.alive = True

    def ask(self, name: str, number: int) -> tuple[str, list[Verdict]]:
        """The verdicts on a case; a crash, a hang and a flood are verdicts as well."""
        self.connection.send((name, number))
        used, start = self._processor_seconds(), time.monotonic()
        try:
            while not self.connection.poll(0.05):
                if self._memory() > MOST_MEMORY:
                    return self._stopped("memory", f"more than {MOST_MEMORY / 1e9:.1f} GB")
                if self._processor_seconds() - used > PROCESSOR_SECONDS:
                    return self._stopped("hang", f"more than {PROCESSOR_SECONDS:.0f} s")
                if time.monotonic() - start > WAITING_SECONDS:
                    return self._stopped("hang", f"nothing in {WAITING_SECONDS:.0f} s")
            return self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            cause = signal.Signals(-code).name if code < 0 else f"exit status {code}"
            return self._stopped("crash", f"{cause} {self._last_words()}")

    def end(self) -> None:
        """Let it go."""
        if self.alive:
            self.connection.send(None)
            self.process.join(20)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def _stopped(self, outcome: str, detail: str) -> tuple[str, list[Verdict]]:
        self.alive = False
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        return "?", [Verdict("any reader", outcome, detail)]

    def _last_words(self) -> str:
        """Where a crash came from, as Python's fault handler says it."""
        lines = self.log.read_text(errors="replace").splitlines()[-200:]
        starts = [i for i, line in enumerate(lines) if line.startswith("Fatal Python error")]
        frames = [line.strip() for line in lines[starts[-1] :] if "File " in line] if starts else []
        return "".join(f"({frame})" for frame in frames[:1])

    def _memory(self) -> int:
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def _processor_seconds(self) -> float:
        text = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(text[11]) + int(text[12])) / _TICK
