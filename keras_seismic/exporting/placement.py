"""Writing beside and renaming into place, so that nothing half made is ever seen."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def placed(path: str | os.PathLike, overwrite: bool = False) -> Iterator[Path]:
    """A temporary sibling of a file or folder that takes its place at the end.

    On an error the temporary one is removed and whatever stood at ``path`` stays.

    Args:
        path: Where the result belongs.
        overwrite: Replace what is there.

    Yields:
        The path to write to; it has the same suffix and does not exist.

    Raises:
        FileExistsError: If something is there and ``overwrite`` is false.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: exists already; choose another path or pass overwrite=True")
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name begins with a dot and ends in the suffix: model servers look only for folders
    # that are called by a number, and writers look at the suffix.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    replaced = path.with_name(f".{path.stem}.{os.getpid()}.replaced{path.suffix}")
    try:
        yield temporary
        if path.is_dir():
            path.rename(replaced)  # a folder cannot be replaced in one step
        os.replace(temporary, path)
    except BaseException:
        if replaced.exists() and not path.exists():
            replaced.rename(path)
        raise
    finally:
        for leftover in (temporary, replaced):
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink(missing_ok=True)
