"""Writers that are killed at any moment: what was there stays, and what was finished is there.

The sample's bytes decide what is written and when the kill comes.
"""

import json
import multiprocessing
import os
import signal
import time
import zipfile
import zlib
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

import keras_seismic as ks
from keras_seismic import files
from keras_seismic.inference.unfinished import UnfinishedWork
from keras_seismic.inversion.state_file import read_state, write_state
from keras_seismic.io.volumes import open_volume
from tests.fuzz.kinds import BrokenPromise, Kind

#: Seconds after the first write in which the kill comes.
_LONGEST = 0.1

_NUMBERS = 20_000


class _Model:
    """What a run folder saves: an archive, and numbers in it that tell which."""

    def __init__(self, number: int) -> None:
        self.content = np.full(_NUMBERS, number, "<i8").tobytes()

    def save(self, path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("metadata.json", "config.json", "model.weights.h5"):
                archive.writestr(name, self.content)


def _write_array(folder: Path, number: int) -> None:
    ks.io.write_array(folder / "a.npy", np.full(_NUMBERS, number))


def _read_array(folder: Path) -> int:
    return _only(ks.io.read_array(folder / "a.npy"))


def _write_text(folder: Path, number: int) -> None:
    files.write_text(folder / "a.json", json.dumps([number] * 5000))


def _read_text(folder: Path) -> int:
    return _only(json.loads((folder / "a.json").read_text()))


def _write_state(folder: Path, number: int) -> None:
    write_state(folder / "a.npz", "asked", {"v": np.full(_NUMBERS, number)}, number)


def _read_state(folder: Path) -> int:
    arrays, number = read_state(folder / "a.npz", "asked")
    return _only([*arrays["v"], number])


def _write_version(folder: Path, number: int) -> None:
    def fill(target: Path) -> None:
        target.mkdir()
        for name in "abc":
            (target / name).write_text(f"{number} " * 2000)

    files.place_version(folder / "model", None, fill)


def _read_version(folder: Path) -> int:
    numbers = files.versions(folder / "model")
    for number in numbers:
        for name in "abc":
            _only([number, *(folder / "model" / str(number) / name).read_text().split()])
    return len(numbers)


def _write_run(folder: Path, number: int) -> None:
    run = ks.training.RunFolder(folder / "run", resume=number > 1)
    run.create({"arguments": {}})
    losses = [1.0 / (i + 1) for i in range(number)]
    run.save_progress(_Model(number), {"loss": losses, "val_loss": losses})


def _read_run(folder: Path) -> int:
    run = ks.training.RunFolder(folder / "run", resume=True)
    run.create({"arguments": {}})
    number = run.epochs_done
    with zipfile.ZipFile(run.last(number)) as archive:
        return _only([number, *np.frombuffer(archive.read("model.weights.h5"), "<i8")])


_CUBE = (4, 4, 50)


def _write_volume(folder: Path, number: int) -> None:
    """A part of a volume, noted once it is on disk; the first call makes the volume."""
    source = open_volume(folder / "source.npy")
    with UnfinishedWork(folder / "target.npy", "identity") as work:
        with source.writer(work.partial, work.target, "refuse") as writer:
            row = np.arange(_CUBE[1]) + _CUBE[1] * (number % _CUBE[2])
            writer.write(row, np.full((len(row), _CUBE[0]), number, np.float32))
            writer.synchronize()
        work.record(number=number, row=row.tolist())


def _read_volume(folder: Path) -> int:
    with UnfinishedWork(folder / "target.npy", "identity") as work:
        done = [entry["number"] for entry in work.done]
        cube = np.load(work.partial).reshape(_CUBE[0], -1)
        latest = {tuple(entry["row"]): entry["number"] for entry in work.done}
        for row, number in latest.items():
            # A later number may be on disk, but not in the journal yet.
            if cube[:, list(row)].min() < number:
                raise BrokenPromise(f"part {number} is in the journal, but not on disk")
    return len(done)


def _only(values: Any) -> int:
    numbers = {int(value) for value in values}
    if len(numbers) != 1:
        raise BrokenPromise(f"a mixture of states {sorted(numbers)[:5]} was found")
    return numbers.pop()


WRITERS: dict[str, tuple[Callable[[Path, int], None], Callable[[Path], int]]] = {
    "array": (_write_array, _read_array),
    "text": (_write_text, _read_text),
    "inversion state": (_write_state, _read_state),
    "model version": (_write_version, _read_version),
    "run folder": (_write_run, _read_run),
    "volume": (_write_volume, _read_volume),
}


def write_on(name: str, folder: Path, connection: Connection) -> None:
    """Write state after state, and tell of each when it is finished."""
    number = 0
    while True:
        number += 1
        WRITERS[name][0](folder, number)
        connection.send_bytes(number.to_bytes(8))


def killer(name: str) -> Callable[[Path], None]:
    """A writer is started and killed; then everything it finished must be there."""

    def kill(path: Path) -> None:
        folder = path.parent / f"{path.stem} {name}"
        folder.mkdir()
        np.save(folder / "source.npy", np.zeros(_CUBE, np.float32))
        rng = np.random.default_rng(zlib.crc32(path.read_bytes()))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.fuzz.kills"])
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=write_on, args=(name, folder, sending))
        process.start()
        sending.close()
        finished = int.from_bytes(receiving.recv_bytes())
        time.sleep(rng.uniform(0, _LONGEST))
        os.kill(process.pid, signal.SIGKILL)
        try:
            while True:
                finished = int.from_bytes(receiving.recv_bytes())
        except EOFError:
            pass
        process.join()
        found = WRITERS[name][1](folder)
        if not finished <= found <= finished + 1:
            raise BrokenPromise(f"{finished} states were finished, the last found is {found}")
        WRITERS[name][0](folder, found + 1)
        left = list(folder.rglob("*.partial*"))
        if left:
            raise BrokenPromise(f"{len(left)} partial files are left after the next write")

    return kill


def make(folder: Path) -> None:
    (folder / "a").write_bytes(bytes(range(256)))


KINDS = (Kind("kill", "", make, {name: killer(name) for name in WRITERS}),)
