"""Writing pairs as OpenFWI publishes them, so that its own tools can read them."""

import itertools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from keras_seismic.checks import check_finite, checked_velocity
from keras_seismic.datasets.openfwi.description import read_description, write_description
from keras_seismic.datasets.openfwi.layout import files_of_split, published_names
from keras_seismic.datasets.store import FilePair
from keras_seismic.files import check_room, written_whole
from keras_seismic.progress import progress_bar
from keras_seismic.simulation import Acquisition
from keras_seismic.simulation.geology import family_name

_CHUNK = 25  # pairs in memory at a time

_Read = Callable[[slice], tuple[np.ndarray, np.ndarray]]


def write_openfwi(
    folder: str | os.PathLike[str],
    pairs: Any,
    family: str | None = None,
    split: str | None = None,
    samples_per_file: int = 500,
    acquisition: Acquisition | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> list[FilePair]:
    """Write pairs in the published layout of their family.

    Float32 ``(n, shots, time, receivers)`` and ``(n, 1, depth, width)``, in files of 500 with
    the published names. ``acquisition.json`` beside them records family and acquisition for
    ``OpenFWIPairs``; other tools ignore it. A file appears only when it is complete.

    Args:
        folder: The family's folder, such as ``mine/FlatVel_A``; made if it does not exist.
        pairs: ``SimulatedPairs``, ``OpenFWIPairs``, or two arrays, gathers
            ``(n, time, receivers, shots)`` and velocity ``(n, depth, width, 1)`` in m/s.
        family: The family, which determines the names; by default that of ``pairs``. The first
            number of a fault file, the number of layers in the published ones, just counts.
        split: ``"train"`` or ``"validation"`` for names of that published split only; by
            default, names start with the first.
        samples_per_file: Pairs per file.
        acquisition: The experiment to record; by default that of ``pairs``.
        overwrite: Replace files of these names.
        progress: Show a progress bar.

    Returns:
        The files, in order.

    Raises:
        FileExistsError: If a file exists already, or, even with ``overwrite``, if the folder is
            of another family or acquisition or holds other files of the split (any files, without
            a split): readers would mix old pairs with new ones.
        ValueError: If the family is not known, gathers or velocity have another shape or are
            not finite, the velocity is not in m/s, or the split has too few names.
        OSError: If the disk has too little room or fills up, or ``pairs`` cannot be read; a
            partly written file is removed.

    Example:
        >>> import tempfile
        >>> arrays = np.zeros((3, 100, 70, 5), "float32"), np.full((3, 70, 70, 1), 2000.0)
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     files = write_openfwi(f"{parent}/Style_A", arrays, "style_a", samples_per_file=2)
        ...     [str(pair.velocity.relative_to(parent)) for pair in files]
        ['Style_A/model/model1.npy', 'Style_A/model/model2.npy']
    """
    folder = Path(folder)
    read, count, shapes = _source(pairs)
    family = family or getattr(pairs, "family", None)
    if family is None:
        raise ValueError(f"{folder}: the family decides the files' names; pass family='flatvel_a'")
    family = family_name(family)
    acquisition = acquisition or getattr(pairs, "acquisition", None)
    if samples_per_file < 1:
        raise ValueError(f"samples_per_file must be positive, received {samples_per_file}")
    starts = range(0, count, samples_per_file)
    names = list(itertools.islice(published_names(family, split), len(starts)))
    if len(names) < len(starts):
        raise ValueError(
            f"{folder}: {count} pairs make {len(starts)} files of {samples_per_file}, but the "
            f"published {split} split has {len(names)} names; allow more pairs a file, or leave "
            "the split out"
        )
    files = [FilePair(*(folder / name for name in pair)) for pair in names]
    _check_target(folder, files, family, split, acquisition, overwrite)
    check_room(folder, 4 * count * sum(map(math.prod, shapes)), f"{count} pairs")
    for path in {path.parent for pair in files for path in pair if path}:
        path.mkdir(parents=True, exist_ok=True)
    write_description(folder, family, acquisition)
    with progress_bar(count, f"writing {folder.name}", "pair", progress) as bar:
        for start, pair in zip(starts, files, strict=True):
            stop = min(start + samples_per_file, count)
            _write_pair(pair, read, range(start, stop), shapes, bar)
    return files


def _source(pairs: Any) -> tuple[_Read, int, tuple[tuple[int, ...], tuple[int, ...]]]:
    """A function that reads a slice, the number of pairs, and the shapes of one in the files."""
    if not isinstance(pairs, tuple | list):
        gathers, velocity = pairs[0:1]
        read, count = pairs.__getitem__, len(pairs)
    elif len(pairs) == 2:
        gathers, velocity = (np.asarray(array) for array in pairs)
        count = len(gathers)

        def read(part: slice) -> tuple[np.ndarray, np.ndarray]:
            return gathers[part], velocity[part]
    else:
        raise ValueError(
            f"write_openfwi: expected gathers and velocity, received {len(pairs)} arrays"
        )
    if gathers.ndim != 4 or velocity.ndim != 4 or velocity.shape[-1] != 1 or not gathers.size:
        raise ValueError(
            "write_openfwi: expected gathers (n, time, receivers, shots) and velocity "
            f"(n, depth, width, 1), received {gathers.shape} and {velocity.shape}"
        )
    if len(gathers) != len(velocity):
        raise ValueError(
            f"write_openfwi: received {len(gathers)} gathers, but {len(velocity)} velocity models"
        )
    nt, receivers, shots = gathers.shape[1:]
    return read, count, ((shots, nt, receivers), (1, *velocity.shape[1:3]))


def _check_target(
    folder: Path,
    files: list[FilePair],
    family: str,
    split: str | None,
    acquisition: Acquisition | None,
    overwrite: bool,
) -> None:
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder}: expected a folder, found a file")
    targets = {path for pair in files for path in pair}
    existing = sorted(path for path in targets if path and path.exists())
    if existing and not overwrite:
        raise FileExistsError(
            f"{existing[0]}: exists already; pass overwrite=True to replace it, or choose another "
            "folder"
        )
    noted = read_description(folder)
    if noted != (None, None) and noted != (family, acquisition):
        raise FileExistsError(
            f"{folder}: is noted to hold another family or acquisition ({noted[0]}), and files of "
            "both would be mixed; choose another folder, or remove it first"
        )
    others = sorted(set(files_of_split(folder, family, split)) - targets)
    if others:
        raise FileExistsError(
            f"{others[0]}: is there already and would not be replaced, so that old and new pairs "
            f"would be mixed ({len(others)} such files); remove them first, or choose another "
            "folder"
        )


def _write_pair(
    pair: FilePair,
    read: _Read,
    numbers: range,
    shapes: tuple[tuple[int, ...], ...],
    bar: "tqdm[Any]",
) -> None:
    """Write gathers and velocity under temporary names, and rename both once complete."""
    assert pair.velocity is not None
    # Old gathers are removed first, then the velocity is renamed: readers notice a missing
    # partner, but not old gathers beside new velocity.
    with written_whole(pair.gathers) as gathers, written_whole(pair.velocity) as velocity:
        with gathers.open("wb") as gather_file, velocity.open("wb") as velocity_file:
            outputs = gather_file, velocity_file
            for output, shape in zip(outputs, shapes, strict=True):
                header = {"descr": "<f4", "fortran_order": False, "shape": (len(numbers), *shape)}
                np.lib.format.write_array_header_1_0(output, header)
            for start in range(numbers.start, numbers.stop, _CHUNK):
                part = slice(start, min(start + _CHUNK, numbers.stop))
                arrays = _in_file_layout(read(part), pair, part)
                try:
                    for output, array in zip(outputs, arrays, strict=True):
                        output.write(array.data)
                        output.flush()
                except OSError as error:
                    raise OSError(
                        error.errno,
                        f"{pair.gathers}: could not be written, and nothing of it is kept: {error}",
                    ) from error
                bar.update(part.stop - part.start)
        pair.gathers.unlink(missing_ok=True)


def _in_file_layout(
    arrays: tuple[np.ndarray, np.ndarray], pair: FilePair, part: slice
) -> tuple[np.ndarray, ...]:
    """Gathers and velocity, checked, with the axes of the files."""
    gathers, velocity = (np.asarray(array, np.float32) for array in arrays)
    check_finite(gathers, f"{pair.gathers}: gathers {part.start}-{part.stop - 1}")
    checked_velocity(velocity[..., 0], f"{pair.velocity}: velocity {part.start}-{part.stop - 1}")
    return tuple(np.ascontiguousarray(np.moveaxis(x, -1, 1)) for x in (gathers, velocity))
