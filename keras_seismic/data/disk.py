"""Room on a disk, asked for before work starts."""

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
