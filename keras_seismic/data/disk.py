"""Room on a disk, asked for before work starts, and small files that are whole."""

import os
import shutil
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


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file under a temporary name, then rename it into place.

    Whoever reads it, and whatever interrupts this, there is the old file or the new one.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_text(f"{folder}/note.json", "{}")
        ...     os.listdir(folder)
        ['note.json']
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
