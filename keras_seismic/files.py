"""Files written whole or not at all, and room for them, asked for before work starts."""

import contextlib
import functools
import hashlib
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

_MARGIN = 2**28  # bytes left free


def check_room(folder: str | os.PathLike[str], needed: int, contents: str) -> None:
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
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
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


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def placed(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """A temporary sibling of a file that takes its place at the end.

    On an error the temporary one is removed and whatever stood at ``path`` stays.

    Args:
        path: Where the result belongs.
        overwrite: Replace what is there.

    Yields:
        The path to write to; it has the same suffix and does not exist.

    Raises:
        FileExistsError: If something is there and ``overwrite`` is false, or it is a folder.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"{path}: exists already; choose another path or say that it may be overwritten"
        )
    if path.is_dir():
        raise FileExistsError(f"{path}: is a folder, and a file is to be written")
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent)
    with written_whole(path) as temporary:
        yield temporary
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path}: appeared while it was being made; it was not replaced")


def check_free(source: Path, target: Path, overwrite: bool) -> None:
    """Refuse, before any work, to write where a result cannot or must not go.

    Args:
        source: What is read.
        target: The file to write.
        overwrite: Replace what is there; the source never is.

    Raises:
        FileExistsError: If the target exists and ``overwrite`` is false, or is the source or a
            folder.
        FileNotFoundError: If there is no folder for it.
        PermissionError: If that folder cannot be written to.
    """
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder to write {target.name} in")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{target.parent}: the folder for {target.name} cannot be written to")
    if not target.exists():
        return
    if target.is_dir():
        raise FileExistsError(f"{target}: is a folder, and a file is to be written")
    if source.exists() and target.samefile(source):
        raise FileExistsError(f"{target}: is the file to read; choose another one to write")
    if not overwrite:
        raise FileExistsError(
            f"{target}: exists already; choose another path or say that it may be overwritten"
        )


def place_version(
    folder: str | os.PathLike[str], version: int | None, write: Callable[[Path], None]
) -> Path:
    """Make a numbered version of a model, which model servers see when it is complete.

    It is written under a name that is no number, brought to the disk and renamed. No version
    is ever replaced, and of two writers of the same version one fails.

    Args:
        folder: The model's folder, with a subfolder for each version.
        version: The number; by default the one after the largest there.
        write: Fills the folder whose path it is given; that folder does not exist yet.

    Returns:
        The path of the version.

    Raises:
        FileExistsError: If the version exists.
        NotADirectoryError: If ``folder`` is a file.
        PermissionError: If nothing can be written to it.
        ValueError: If the number is no positive integer of 64 bits.
    """
    folder = Path(folder)
    if version is not None and not _is_version(version):
        raise ValueError(
            f"{folder}: a version must be a positive integer below 2**63, received {version!r}"
        )
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        raise NotADirectoryError(f"{folder}: expected the model's folder, found a file")
    if version is not None:
        _check_absent(folder, int(version))
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder}: the model's folder cannot be written to")
    remove_abandoned(folder)
    temporary = folder / f".{temporary_name()}"  # servers look for names that are numbers
    try:
        write(temporary)
        for written in (*temporary.rglob("*"), temporary):
            synchronize(written)
        while True:
            target = folder / str(version or next_version(folder))
            try:
                # Fails if someone else's version came to stand there, for it is not empty.
                temporary.rename(target)
                break
            except OSError:
                if not target.exists():
                    raise
                if version is not None:
                    _check_absent(folder, int(version))
        synchronize(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if made:
            with contextlib.suppress(OSError):  # there is a version in it
                folder.rmdir()
    return target


def versions(folder: str | os.PathLike[str]) -> list[int]:
    """Numbers of a model's versions, ascending.

    Example:
        >>> versions("/nowhere")
        []
    """
    folder = Path(folder)
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())


def next_version(folder: str | os.PathLike[str]) -> int:
    """The number after the largest version's, 1 if there is none."""
    return max(versions(folder), default=0) + 1


def _is_version(version: object) -> bool:
    whole = isinstance(version, int | np.integer) and not isinstance(version, bool)
    return whole and 1 <= int(version) < 2**63  # type: ignore[call-overload]


def _check_absent(folder: Path, version: int) -> None:
    if version in versions(folder) or (folder / str(version)).is_symlink():
        raise FileExistsError(
            f"{folder / str(version)}: this version exists already, and versions are never "
            "replaced; choose another number, or none for the next one"
        )
