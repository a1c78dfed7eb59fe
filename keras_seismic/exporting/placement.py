"""Writing beside and renaming into place, so that nothing half made is ever seen."""

import contextlib
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from keras_seismic.data.disk import synchronize, written_whole


@contextlib.contextmanager
def placed(path: str | os.PathLike, overwrite: bool = False) -> Iterator[Path]:
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
        raise FileExistsError(f"{path}: exists already; choose another path or pass overwrite=True")
    if path.is_dir():
        raise FileExistsError(f"{path}: is a folder, and a file is to be written")
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        yield temporary


def check_free(source: Path, target: Path, overwrite: bool) -> None:
    """Refuse, before any work, to write where a result cannot or must not go.

    Args:
        source: What is read.
        target: The file to write.
        overwrite: Replace what is there; the source never is.

    Raises:
        FileExistsError: If the target exists and ``overwrite`` is false, or is the source.
        FileNotFoundError: If there is no folder for it.
        PermissionError: If that folder cannot be written to.
    """
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder to write {target.name} in")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{target.parent}: the folder for {target.name} cannot be written to")
    if not target.exists():
        return
    if source.exists() and target.samefile(source):
        raise FileExistsError(f"{target}: is the file to read; choose another one to write")
    if not overwrite:
        raise FileExistsError(
            f"{target}: exists already; choose another path or say that it may be overwritten"
        )


def place_version(
    folder: str | os.PathLike, version: int | None, write: Callable[[Path], None]
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
        ValueError: If the number is not positive.
    """
    folder = Path(folder)
    if version is not None and version < 1:
        raise ValueError(f"{folder}: a version must be a positive number, received {version}")
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder}: expected the model's folder, found a file")
    if version is not None:
        _check_absent(folder / str(version))
    folder.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder)
    temporary = _temporary(folder)
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
                    _check_absent(target)
        synchronize(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def versions(folder: str | os.PathLike) -> list[int]:
    """Numbers of a model's versions, ascending.

    Example:
        >>> versions("/nowhere")
        []
    """
    folder = Path(folder)
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())


def next_version(folder: str | os.PathLike) -> int:
    """The number after the largest version's, 1 if there is none."""
    return max(versions(folder), default=0) + 1


def remove_abandoned(folder: Path) -> None:
    """Remove what exports that were killed left behind: those of this machine that run no more."""
    for path in folder.glob(f".{socket.gethostname()}-*.partial"):
        process = path.name.removeprefix(f".{socket.gethostname()}-").split("-")[0]
        if process.isdecimal() and not _runs(int(process)):
            shutil.rmtree(path, ignore_errors=True)


def _temporary(folder: Path) -> Path:
    # Model servers look for names that are numbers.
    unique = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    return folder / f".{unique}.partial"


def _check_absent(path: Path) -> None:
    if path.exists():
        raise FileExistsError(
            f"{path}: this version exists already, and versions are never replaced; choose "
            "another number, or none for the next one"
        )


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
