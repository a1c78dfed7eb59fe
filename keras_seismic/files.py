"""Files written whole or not at all, and checks for room before work starts."""

import contextlib
import functools
import hashlib
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from keras_seismic.file_checks import check_name, kind_of

_MARGIN = 2**28  # bytes left free

#: Age in s at which a partial file of another machine belongs to nobody.
_ABANDONED = 86_400


def check_room(
    folder: str | os.PathLike[str], needed: int, contents: str, margin: int = _MARGIN
) -> None:
    """Refuse work whose results would fill the disk.

    Args:
        folder: Where the files will be; it need not exist yet.
        needed: Their size in bytes.
        contents: What they are, for the message: "50 pairs".
        margin: Bytes to leave free.

    Raises:
        OSError: If the disk has too little room.

    Example:
        >>> check_room("/tmp", 10**6, "3 pairs")
    """
    existing = Path(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    needed = int(needed) + margin
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise OSError(
            f"{folder}: {contents} need {needed / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free; "
            "choose another folder, or less"
        )


@contextlib.contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary sibling that replaces a file once it is complete and on disk.

    Readers see the old file or the new one, never a part, whatever interrupts the writing.

    Args:
        path: Where the file belongs.

    Yields:
        The path to write to. It has the same suffix and does not exist yet.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with written_whole(f"{folder}/note.txt") as temporary:
        ...         _ = temporary.write_text("whole")
        ...     os.listdir(folder)
        ['note.txt']
    """
    check_name(path)
    path = Path(path)
    remove_abandoned(path.parent)
    temporary = _temporary(path.parent, path.suffix)
    try:
        yield temporary
        _synchronize(temporary)
        os.replace(temporary, path)
        _synchronize(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def placed(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """As ``written_whole``, for results: makes the folder and keeps a file that is there.

    Args:
        path: Where the result belongs.
        overwrite: Replace a file that is there.

    Yields:
        The path to write to. It has the same suffix and does not exist yet.

    Raises:
        FileExistsError: If there is a file and ``overwrite`` is false, or there is a folder.
    """
    path = Path(path)
    check_replaceable(path, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        yield temporary
        if os.path.lexists(path) and not overwrite:
            raise FileExistsError(f"{path}: appeared while its replacement was being made; kept")


def check_free(source: Path, target: Path, overwrite: bool) -> None:
    """Refuse an output file that cannot or must not be written, before any work is done.

    Args:
        source: The input file, which is never overwritten.
        target: The output file.
        overwrite: Replace a file that is there.

    Raises:
        FileExistsError: If the target exists and ``overwrite`` is false, or it is the source or
            a folder.
        FileNotFoundError: If its folder does not exist.
        PermissionError: If its folder cannot be written to.
    """
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder to write {target.name} in")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{target.parent}: the folder for {target.name} cannot be written to")
    if target.is_file() and source.exists() and target.samefile(source):
        raise FileExistsError(f"{target}: is the input file; choose another output file")
    check_replaceable(target, overwrite)


def check_replaceable(path: Path, overwrite: bool) -> None:
    """Refuse what is no file, and a file or link that is there unless it may be replaced.

    Raises:
        FileExistsError: If there is a folder, FIFO, socket or device, or something that must not be
            replaced.
        ValueError: If the name is not UTF-8.
    """
    check_name(path)
    kind = kind_of(path)
    if kind not in (None, "a file"):
        raise FileExistsError(f"{path}: is {kind}; expected the path of a file to write")
    if os.path.lexists(path) and not overwrite:
        raise FileExistsError(f"{path}: exists already; pass overwrite=True to replace it")


def place_version(
    folder: str | os.PathLike[str], version: int | None, write: Callable[[Path], None]
) -> Path:
    """Add a numbered version to a model's folder, visible to model servers once complete.

    It is written under a name that is not a number, flushed to disk and renamed. Versions are
    never replaced; of two writers of the same version, one fails.

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
        ValueError: If the number is not a positive integer of 64 bits.
    """
    folder = Path(folder)
    check_name(folder)
    _check_version(folder, version)
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder}: the model's folder cannot be written to")
    remove_abandoned(folder)
    temporary = _temporary(folder)
    try:
        write(temporary)
        for written in (*temporary.rglob("*"), temporary):
            _synchronize(written)
        target = _renamed(temporary, folder, version)
        _synchronize(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if made:
            with contextlib.suppress(OSError):  # there is a version in it
                folder.rmdir()
    return target


def versions(folder: str | os.PathLike[str]) -> list[int]:
    """The numbers of a model's versions, ascending.

    Example:
        >>> versions("/nowhere")
        []
    """
    folder = Path(folder)
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())


def _check_version(folder: Path, version: int | None) -> None:
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        raise NotADirectoryError(f"{folder}: expected the model's folder, found a file")
    if version is None:
        return
    whole = isinstance(version, int | np.integer) and not isinstance(version, bool)
    if not whole or not 1 <= version < 2**63:
        raise ValueError(
            f"{folder}: a version must be a positive integer below 2**63, received {version!r}"
        )
    if version in versions(folder) or (folder / str(version)).is_symlink():
        raise FileExistsError(
            f"{folder / str(version)}: this version exists already, and versions are never "
            "replaced; choose another number, or none for the next one"
        )


def _renamed(temporary: Path, folder: Path, version: int | None) -> Path:
    """Give a folder its number, the next one again if someone else took it in the meantime."""
    while True:
        target = folder / str(version or max(versions(folder), default=0) + 1)
        try:
            temporary.rename(target)  # fails where a folder is not empty
            return target
        except OSError:
            if not target.exists():
                raise
            _check_version(folder, version)


def _temporary(folder: Path, suffix: str = "") -> Path:
    """A new hidden name, which is not a number and tells whose it is."""
    return folder / f".{machine_name()}-{os.getpid()}-{uuid.uuid4().hex}.partial{suffix}"


def remove_abandoned(folder: Path) -> None:
    """Remove leftovers of writers that no longer run on this machine, and old leftovers."""
    for path in folder.glob(".*-*-*.partial*"):
        with contextlib.suppress(OSError):  # another writer may be removing it
            old = time.time() - path.stat().st_mtime > _ABANDONED
            if not old and not _is_of_the_dead(path.name):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _is_of_the_dead(name: str) -> bool:
    """Whether a partial file was written on this machine by a process that no longer runs."""
    machine, process, *_ = [*name.removeprefix(".").split("-"), ""]
    if machine != machine_name() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it runs, as someone else
        pass
    return False


@functools.cache
def machine_name() -> str:
    """Where a process' number means that process: one start of a machine or container."""
    facts = [socket.gethostname()]
    with contextlib.suppress(OSError):  # Linux
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        facts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("".join(facts).encode()).hexdigest()[:8]


def _synchronize(path: Path) -> None:
    """Flush a file, or the list of names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
