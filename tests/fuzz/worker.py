"""The process that reads damaged files: what happens in it is judged here and by its parent."""

import contextlib
import faulthandler
import os
import shutil
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.fuzz import kinds as all_of
from tests.fuzz.envelopes import Envelope
from tests.fuzz.kinds import BrokenPromise, Kind, Refusal
from tests.fuzz.mutations import Sample, mutated, read_sample, write_sample

#: The outcomes that are no failures.
HARMLESS = ("read", "refused")

#: Bytes of memory that reading may add, and how much more for each byte of the file.
MEMORY, MEMORY_PER_BYTE = 3 * 2**27, 16


Kinds = Callable[[], dict[str, Kind]]


class Verdict(NamedTuple):
    """What a reader did with a case."""

    reader: str
    outcome: str
    detail: str = ""


class Cases:
    """Damaged samples of a kind, each determined by the seed and its number.

    The first ones are the samples as they are.
    """

    def __init__(self, kind: Kind, folder: Path, seed: int) -> None:
        self.kind, self.seed = kind, seed
        self.samples = {path.name: read_sample(path) for path in sorted(folder.iterdir())}
        self.names = list(self.samples)
        self.whole = [name for name in self.names if not name.startswith("bomb")]

    def __getitem__(self, number: int) -> tuple[str, Sample]:
        """The sample's name, and its content after the damage."""
        if number < len(self.names):
            name = self.names[number]
            return name, self.samples[name]
        rng = np.random.default_rng([self.seed, number, *self.kind.name.encode()])
        name = self.names[rng.integers(len(self.names))] if rng.integers(8) == 0 else (
            self.whole[rng.integers(len(self.whole))]
        )  # fmt: skip
        sample = dict(self.samples[name])
        part = list(sample)[rng.integers(len(sample))]
        others = [content for one in self.samples.values() for content in one.values()]
        other = others[rng.integers(len(others))]
        envelopes = () if name.startswith("bomb") else self.kind.envelopes
        sample[part] = _damaged(sample[part], other, envelopes, rng)
        return name, self.kind.sealed(sample) if self.kind.sealed else sample


def _damaged(
    content: bytes, other: bytes, envelopes: Sequence[Envelope], rng: np.random.Generator
) -> bytes:
    """Damaged as a whole, or inside one of the formats around it."""
    choices = (None, *envelopes)
    envelope = choices[rng.integers(len(choices))]
    if envelope is not None:
        with contextlib.suppress(Exception):  # other files of a sample have no such format
            parts = envelope.open(content)
            name = list(parts)[rng.integers(len(parts))]
            return envelope.close(parts | {name: mutated(parts[name], rng)})
    return mutated(content, rng, other)


def judged(name: str, reader: Callable[[Path], object], path: Path) -> Verdict:
    """What a reader does with a path."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader(path)
        return Verdict(name, "read")
    except Refusal as error:
        return Verdict(name, "refused", str(error)[:300])
    except BrokenPromise as error:
        return Verdict(name, "broken promise", str(error))
    except (ValueError, OSError) as error:
        if path.name in str(error):
            return Verdict(name, "refused", str(error)[:300])
        return Verdict(name, "file not named", _place(error))
    except BaseException as error:
        return Verdict(name, type(error).__name__, _place(error))


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "keras_seismic" in frame.filename]
    shown = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*ours[-1:], *frames[-1:])]
    return f"{type(error).__name__}: {str(error)[:200]} ({' < '.join(reversed(shown))})"


def run(kind: Kind, path: Path, sample: Sample) -> list[Verdict]:
    """All readers of a kind on one case, and whether they took too much memory."""
    write_sample(path, sample)
    allowed = MEMORY + MEMORY_PER_BYTE * sum(map(len, sample.values()))
    verdicts = []
    for name, reader in kind.readers.items():
        before = _reset_peak()
        verdicts.append(judged(name, reader, path))
        taken = _peak() - before
        if taken > allowed:
            detail = f"{taken / 1e6:.0f} MB, {verdicts[-1].outcome} (more than it may)"
            verdicts.append(Verdict(name, "memory", detail))
    return verdicts


def _reset_peak() -> int:
    """The memory in use now, in bytes; the peak counts from here."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def make_samples(kinds: Kinds, folder: Path, names: list[str], log: Path) -> None:
    """Whole samples of kinds, in a folder for each; in a process of its own."""
    _redirect(log)
    for name in names:
        (folder / name).mkdir(parents=True)
        kinds()[name].make(folder / name)


def work(kinds: Kinds, connection: Connection, samples: Path, seed: int, log: Path) -> None:
    """Answer each (kind, number) with its verdicts, until there are no more."""
    _redirect(log)
    all_of.SAMPLES = samples
    known = kinds()
    cases: dict[str, Cases] = {}
    connection.send("ready")
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        while (asked := connection.recv()) is not None:
            name, number = asked
            if name not in cases:
                cases[name] = Cases(known[name], samples / name, seed)
            sample_name, sample = cases[name][number]
            path = Path(folder) / name / f"case{number}{known[name].suffix}"
            path.parent.mkdir(exist_ok=True)
            try:
                connection.send((sample_name, run(known[name], path, sample)))
            finally:
                shutil.rmtree(path.parent)


def _redirect(log: Path) -> None:
    """What libraries print goes to a file, and so does where a crash came from."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    faulthandler.enable(sys.stderr)
