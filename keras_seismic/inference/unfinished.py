"""Long work on a file that one process does at a time and that goes on after an interruption."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from keras_seismic.files import check_replaceable, machine_name

#: Age in s of the last sign of life at which another machine counts as stopped.
_SILENCE = 120

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UnfinishedWork:
    """The hidden folder beside a file that is being made, and what is done of it.

    It holds the partial file, a journal (a line of JSON for each part that is on disk) and a
    lock. Work on the same thing goes on where it was; anything else starts anew. Only one
    process can be at it: the lock goes with the process, however it ends. A context manager: an
    interruption or a full disk leaves the folder, a ``ValueError`` (the work is impossible)
    removes it.

    Args:
        target: The file in the end.
        identity: What is to be done, JSON-compatible: other work has another one.
        overwrite: Replace a file that is there.

    Attributes:
        folder: Of the partial files, ``.<target>.unfinished``.
        partial: What becomes the target.
        done: The journal's entries.

    Raises:
        FileExistsError: If another process is at it.
        OSError: Again, with a message that says what is kept, where the disk fills up inside.
    """

    def __init__(self, target: Path, identity: Any, overwrite: bool = False) -> None:
        self.target, self.overwrite = target, overwrite
        self.folder = target.parent / f".{target.name}.unfinished"
        self.partial = self.folder / target.name
        self.done: list[dict[str, Any]] = []
        self._identity = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        self._lock_path, self._journal = self.folder / "lock", self.folder / "journal"

    def __enter__(self) -> Self:
        self._lock = self._locked()
        try:
            self.done = self._read_journal()
            if not self.done:
                self._clear()
        except BaseException:
            self._release()
            raise
        return self

    def record(self, **entry: Any) -> None:
        """Add to the journal, on disk when this returns; what it tells of must be on disk."""
        with self._journal.open("a") as file:
            if not self.done:
                file.write(json.dumps({"identity": self._identity}) + "\n")
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.done.append(entry)
        os.utime(self._lock)  # a sign of life

    def check_room(self, needed: int) -> None:
        """Refuse work that would fill the disk.

        Args:
            needed: Bytes of all the files in the folder in the end.

        Raises:
            OSError: If there is too little room.
        """
        there = sum(path.stat().st_blocks * 512 for path in self.folder.rglob("*"))
        free = shutil.disk_usage(self.folder).free
        if free < needed - there:
            raise OSError(
                f"{self.target}: needs {needed / 1e9:.3g} GB on disk while it is made, but "
                f"{(free + there) / 1e9:.3g} GB are free; make room or choose another folder",
            )

    def finish(self) -> None:
        """Put the file in its place and remove the folder."""
        if self.target.is_dir() and self.overwrite:  # a store
            os.replace(self.target, self.folder / "replaced")
        check_replaceable(self.target, self.overwrite)
        os.replace(self.partial, self.target)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        keep = len(self.done) > 1 and not isinstance(error, ValueError)
        if error is not None and not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._release()
        if isinstance(error, OSError) and error.errno in _FULL:
            kept = f"what is done is kept in {self.folder}: make room, and run it again to go on"
            raise OSError(
                error.errno,
                f"{self.target}: the disk is full, or the file larger than it takes "
                f"({error.strerror}); {kept if keep else 'nothing was written'}",
            ) from error

    def _locked(self) -> int:
        """The lock file, held; the kernel lets go of it when the process ends."""
        while True:
            self.folder.mkdir(exist_ok=True)
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise self._taken(lock) from error
            except OSError:  # a file system without locks: the file's content has to do
                pass
            with contextlib.suppress(FileNotFoundError):
                if os.fstat(lock).st_ino == self._lock_path.stat().st_ino:
                    break
            os.close(lock)  # someone has just finished and removed it
        holder = _holder(lock)
        silence = time.time() - os.fstat(lock).st_mtime
        # Locks do not reach across machines on every file system.
        if holder and holder["machine"] != machine_name() and silence < _SILENCE:
            raise self._taken(lock)
        mine = {"process": os.getpid(), "host": socket.gethostname(), "machine": machine_name()}
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps(mine).encode(), 0)
        return lock

    def _taken(self, lock: int) -> FileExistsError:
        holder = _holder(lock)
        os.close(lock)
        who = f"process {holder['process']} on {holder['host']}" if holder else "another process"
        return FileExistsError(
            f"{self.target}: {who} is writing it (lock {self._lock_path}); wait for it, or choose "
            "another output file"
        )

    def _release(self) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._lock, 0)
        os.close(self._lock)
        with contextlib.suppress(OSError):  # there is something to go on with
            if not self.done:
                shutil.rmtree(self.folder)

    def _read_journal(self) -> list[dict[str, Any]]:
        """The entries, if they are of the same work; the last line may be half written."""
        if not self._journal.exists():
            return []
        content = self._journal.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        entries = [json.loads(line) for line in whole.splitlines()]
        if not entries or entries[0].get("identity") != self._identity:
            return []
        os.truncate(self._journal, len(whole))
        return entries[1:]

    def _clear(self) -> None:
        """Begin with nothing but the lock."""
        for path in self.folder.iterdir():
            if path != self._lock_path:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _holder(lock: int) -> dict[str, Any] | None:
    """Who wrote the lock file."""
    try:
        holder: dict[str, Any] = json.loads(os.pread(lock, 4096, 0))
        return holder
    except ValueError:
        return None
