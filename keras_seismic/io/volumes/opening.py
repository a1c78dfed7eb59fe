"""Opening a volume in whichever format it is."""

import os
from pathlib import Path
from typing import Any

from keras_seismic.io.segy import SEGY_SUFFIXES, SU_SUFFIXES
from keras_seismic.io.volumes.array_files import ArrayVolume
from keras_seismic.io.volumes.trace_files import TraceFileVolume
from keras_seismic.io.volumes.volume import Volume
from keras_seismic.io.volumes.zarr_stores import STORE_SUFFIXES, ZarrVolume


def open_volume(
    path: str | os.PathLike[str],
    line: int | None = None,
    geometry: str = "auto",
    **words: Any,
) -> Volume:
    """A volume, line or pre-stack line on disk, of which only headers are read.

    Args:
        path: ``.segy``, ``.sgy``, ``.su``, ``.npy``, ``.zarr`` or ``.mdio``.
        line: Only this line of a ``.npy`` cube.
        geometry: Of a trace file, as for ``Survey``: ``"auto"``, ``"line"``, ``"volume"`` or
            ``"gathers"``.
        **words: Trace header words, ``inline_word``, ``crossline_word`` and ``gather_word``.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If the format is unknown, the file is damaged, its headers contradict each
            other, or an argument is for other formats.
        ImportError: If segyio, xarray or zarr is needed and not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in (*SEGY_SUFFIXES, *SU_SUFFIXES):
        return TraceFileVolume(path, geometry, **words)
    if geometry != "auto":
        raise ValueError(f"{path}: geometry={geometry!r} is for SEG-Y and Seismic Unix files")
    if suffix in STORE_SUFFIXES:
        return ZarrVolume(path)
    if suffix == ".npy":
        return ArrayVolume(path, line)
    raise ValueError(
        f"{path}: expected a .segy, .sgy, .su, .npy, .zarr or .mdio file, received {suffix!r}"
    )
