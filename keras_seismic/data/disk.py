"""Room on a disk, asked for before work starts, and small files that are whole."""

import contextlib
import functools
import hashlib
import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

_MARGIN = 2**28  # bytes left free


def check_room(folder: str | os.PathLike, needed: int, contents: str) -> None:
    """Refuse to start what would fill the disk.

    Args:
        folder: Where the files will lie; it need not exist yet.
        needed: Their size in bytes.
        contents: What they are, for the message: "50 pairs".

    Raises:
        OSError: If the disk has too little room.

    Example:
        >>> check_room("/tmp", 10**6, "3 pairs")
    """
    existing = Path(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    needed = int(needed) + _MARGIN
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise OSError(
            f"{folder}: {contents} need {needed / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free; "
            "choose another folder or fewer pairs"
        )


@contextlib.contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary sibling that takes a file's place when it is whole, and on the disk.

    Whoever reads the file, and whatever interrupts this, there is the old one or the new one.

    Args:
        path: Where the file belongs.

    Yields:
        The path to write to; it ends in the same suffix and does not exist.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with written_whole(f"{folder}/note.txt") as temporary:
        ...         _ = temporary.write_text("whole")
        ...     os.listdir(folder)
        ['note.txt']
    """
    path = Path(path)
    temporary = path.parent / f".{temporary_name()}{path.suffix}"
    try:
        yield temporary
        synchronize(temporary)
        os.replace(temporary, path)
        synchronize(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_name() -> str:
    """A name that no other thread, process or machine gives, and that tells whose it is."""
    return f"{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.partial"


def remove_abandoned(folder: Path) -> None:
    """Remove what writers that were killed left behind: those of this machine that run no more."""
    prefix = f".{_machine()}-"
    for path in folder.glob(f"{prefix}*.partial*"):
        process = path.name.removeprefix(prefix).split("-")[0]
        if process.isdecimal() and not _runs(int(process)):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)  # another writer may be at it
            else:
                path.unlink(missing_ok=True)


def synchronize(path: Path) -> None:
    """Have the system write a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@functools.cache
def _machine() -> str:
    """Where this process's number means this process: a start of a machine, or of a container."""
    facts = [socket.gethostname()]
    with contextlib.suppress(OSError):  # Linux
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        facts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("".join(facts).encode()).hexdigest()[:8]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
