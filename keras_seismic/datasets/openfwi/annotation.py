"""Annotation files: text that lists pairs of .npy files."""

import os
from pathlib import Path

from keras_seismic.datasets.store import FilePair
from keras_seismic.file_checks import check_file


def read_annotation(
    path: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    listed_root: str | os.PathLike[str] | None = None,
) -> list[FilePair]:
    r"""The files that an annotation lists.

    One line per pair, ``gathers<TAB>velocity``; lines without a tab are gathers alone, for
    prediction, and then all lines must be. Empty lines and Windows line endings are fine.

    Args:
        path: The annotation file.
        root: Folder that all files must lie in; relative paths start there. Without it they
            start at the annotation's folder, and paths may lead anywhere.
        listed_root: Beginning of the listed paths, to be replaced by ``root``: the published
            lists hold the paths of the machine that made them.

    Returns:
        The pairs in the order of the lines. Whether the files exist is not checked.

    Raises:
        FileNotFoundError: If the annotation or the root does not exist.
        ValueError: If a line is malformed, listed twice, or leads out of the root; the message
            has its number.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     list_file = Path(folder, "train.txt")
        ...     _ = list_file.write_text("/theirs/data1.npy\t/theirs/model1.npy\n")
        ...     (pair,) = read_annotation(list_file, root=folder, listed_root="/theirs")
        >>> pair.gathers.name, pair.velocity.name
        ('data1.npy', 'model1.npy')
    """
    path = Path(path)
    check_file(path, "annotation file")
    if root is not None and not Path(root).is_dir():
        raise FileNotFoundError(f"{root}: no such folder (the root of {path})")
    if root is None and listed_root is not None:
        raise ValueError(f"{path}: listed_root is replaced by root; give the root too")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected a text file, but {error}") from error
    if "\0" in text:
        raise ValueError(f"{path}: expected a text file, but it holds null bytes")
    pairs: list[FilePair] = []
    lines: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        files = [_located(name, path, root, listed_root, place) for name in _fields(line, place)]
        if files[0] in lines:
            raise ValueError(f"{place}: {files[0]} is listed already, in line {lines[files[0]]}")
        lines[files[0]] = number
        pairs.append(FilePair(files[0], files[1] if len(files) > 1 else None))
        if (pairs[0].velocity is None) != (pairs[-1].velocity is None):
            raise ValueError(
                f"{place}: some lines list gathers and velocity, others gathers alone; expected "
                "all alike"
            )
    if not pairs:
        raise ValueError(f"{path}: expected a line for every pair of files, found none")
    return pairs


def _fields(line: str, place: str) -> list[str]:
    fields = [field.strip() for field in line.split("\t")]
    if len(fields) > 2 or not all(fields):
        raise ValueError(
            f"{place}: expected 'gathers<TAB>velocity' or a path alone, received {len(fields)} "
            f"fields: {line.strip()!r}"
        )
    if len(fields) == 1 and fields[0].count(".npy") > 1:
        raise ValueError(f"{place}: expected a tab between the two paths, received {fields[0]!r}")
    return fields


def _located(
    name: str,
    annotation: Path,
    root: str | os.PathLike[str] | None,
    listed_root: str | os.PathLike[str] | None,
    place: str,
) -> Path:
    """The file that a listed path refers to; refused if it leads out of the root."""
    if root is None:
        return Path(os.path.normpath(annotation.parent / name))
    if listed_root is not None:
        if not _is_inside(name, listed_root):
            raise ValueError(
                f"{place}: expected a path that begins with {listed_root}, received {name}"
            )
        name = os.path.relpath(name, listed_root)
    located = os.path.normpath(Path(root) / name)
    if not _is_inside(located, root):
        hint = (
            f"; if the list was made on another machine, pass the beginning that {root} stands "
            f"for as listed_root, such as {os.path.dirname(os.path.dirname(name))!r}"
            if os.path.isabs(name)
            else ""
        )
        raise ValueError(f"{place}: {name} leads out of the root {root}{hint}")
    return Path(located)


def _is_inside(name: str | os.PathLike[str], folder: str | os.PathLike[str]) -> bool:
    # Judged by the text alone: links inside the root may lead anywhere.
    folder = os.path.abspath(folder)
    return os.path.commonpath([folder, os.path.abspath(name)]) == folder
