"""Exports that are killed, or find no room: never half a version, never a changed one."""

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.files import versions

pytestmark = pytest.mark.slow


class Worker:
    """Runs exports; see export_worker.py."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("export_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def start(self, folder, largest_file=0):
        self.process.stdin.write(f"{folder} {largest_file}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def status(self):
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.process.stdin.close()
    worker.process.wait(60)


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def first(worker, tmp_path):
    """A version that is there already, and how long it takes to make one."""
    start = time.monotonic()
    worker.start(tmp_path)
    assert worker.status() == 0
    assert versions(tmp_path) == [1]
    return contents(tmp_path / "1"), time.monotonic() - start


def test_killed_at_any_moment(worker, first, tmp_path):
    before, seconds = first
    random_moments = random.Random(0)
    section = np.random.default_rng(0).standard_normal((1, 40, 30, 1)).astype(np.float32)
    expected = ks.inference.load_predictor(tmp_path / "1")(section)
    while_writing = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
    half_made = 0
    for number in [*while_writing, signal.SIGKILL, signal.SIGKILL]:
        there = set(tmp_path.iterdir())
        process = worker.start(tmp_path)
        if while_writing:
            while_writing.pop()
            while set(tmp_path.iterdir()) <= there and os.path.exists(f"/proc/{process}"):
                time.sleep(0.001)
        else:
            time.sleep(random_moments.uniform(0, seconds))
        with contextlib.suppress(ProcessLookupError):  # it was quicker than usual
            os.kill(process, number)
        worker.status()
        half_made += any(path.name.startswith(".") for path in tmp_path.iterdir())
        assert contents(tmp_path / "1") == before
        for version in versions(tmp_path):
            assert set(contents(tmp_path / str(version))) == set(before)
            clean = ks.inference.load_predictor(tmp_path / str(version))(section)
            np.testing.assert_array_equal(clean, expected)
    assert half_made  # some were hit while they wrote
    count = len(versions(tmp_path))
    worker.start(tmp_path)
    assert worker.status() == 0
    assert len(versions(tmp_path)) == count + 1
    # And what the killed ones left behind is gone.
    assert all(path.name.isdecimal() for path in tmp_path.iterdir())


def test_files_that_cannot_be_written(worker, first, tmp_path):
    before, _ = first
    sizes = sorted(path.stat().st_size for path in (tmp_path / "1").rglob("*") if path.is_file())
    for largest in (sizes[-1] // 2, 10):
        worker.start(tmp_path, largest)
        assert worker.status() != 0
        assert [path.name for path in tmp_path.iterdir()] == ["1"]
        assert contents(tmp_path / "1") == before


def test_a_full_disk(worker, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        worker.start(disk / "models")
        assert worker.status() == 0
        before = contents(disk / "models" / "1")
        size = sum(path.stat().st_size for path in (disk / "models").rglob("*") if path.is_file())
        for room in (size // 10, int(0.9 * size)):
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
            (disk / "other").write_bytes(b"0" * (free - room))
            worker.start(disk / "models")
            assert worker.status() == 1
            assert [path.name for path in (disk / "models").iterdir()] == ["1"]
            assert contents(disk / "models" / "1") == before
            (disk / "other").unlink()
        worker.start(disk / "models")
        assert worker.status() == 0
        assert versions(disk / "models") == [1, 2]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
