"""Volumes in Zarr stores, MDIO's among them, opened by xarray."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from keras_seismic.file_checks import check_name
from keras_seismic.io.volumes.lines import Lines

STORE_SUFFIXES = (".zarr", ".mdio")

#: What the axes of a volume are called: by MDIO, by segysak and in general.
_AXES = {
    "inline": ("inline", "iline", "il"),
    "crossline": ("crossline", "xline", "xl"),
    "time": ("time", "twt", "depth", "samples", "sample", "z"),
}

_METADATA = ("zarr.json", ".zarray", ".zattrs", ".zgroup")

#: Samples read at a time when all are.
_BOX = 2**23


class ZarrVolume:
    """A post-stack volume in a Zarr store; see ``Volume``.

    The variable is MDIO's default one, or the only one with three axes, whatever their order. A
    trace of nothing but NaN is missing: it is read as zeros and written as it was.

    Args:
        path: The store, ``.zarr`` or ``.mdio``: a folder, or a URL that fsspec knows.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it is no store, or holds no volume or several.
        ImportError: If xarray or zarr is not installed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            import xarray
            import zarr  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f"{path}: Zarr and MDIO need xarray and zarr: pip install 'keras_seismic[volumes]'"
            ) from error
        self.url = os.fspath(path)
        if not is_url(self.url) and not Path(path).is_dir():
            raise FileNotFoundError(f"{path}: no such folder of a Zarr store")
        try:
            store = xarray.open_zarr(self.url, chunks=None, consolidated=False)
        except Exception as error:  # zarr and xarray raise anything
            raise ValueError(f"{path}: cannot be opened as a Zarr store: {error}") from error
        self.path = Path(path)
        self.name = _volume_variable(store, self.url)
        variable = store[self.name]
        self.stored_axes = tuple(str(axis) for axis in variable.dims)
        self.axes = _named_axes(variable, self.url)
        self._variable = variable.transpose(*self.axes)
        self._shape: tuple[int, int, int] = self._variable.shape
        self.samples, self.traces = self._shape[2], self._shape[0] * self._shape[1]
        stored = variable.encoding.get("shards") or variable.encoding.get("chunks") or ()
        sizes = dict(zip(self.stored_axes, stored, strict=False))
        self.chunks = tuple(int(sizes.get(axis) or 1) for axis in self.axes)
        self.numbers = [
            store[axis].values if axis in store.coords else np.arange(size)
            for axis, size in zip(self.axes[:2], self._shape, strict=False)
        ]
        self.dt = _sample_interval(store, self.axes[2])
        self.missing = np.zeros(self.traces, bool)
        self.is_volume = True

    def lines(self, along: str) -> Lines:
        axis = ("inline", "crossline").index(along)
        count, length = self._shape[axis], self._shape[1 - axis]
        order = None
        if axis:
            order = np.arange(self.traces).reshape(self._shape[:2]).T.ravel()
        starts = length * np.arange(count + 1)
        return Lines(along, self.numbers[axis], starts, order, block=self.chunks[axis])

    def read(self, numbers: np.ndarray) -> np.ndarray:
        box, inside = self.box(numbers)
        traces = self._read_box(*box)[inside]
        self.missing[numbers] = missing = np.isnan(traces).all(axis=1)
        traces[missing] = 0
        return traces

    def in_order(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        number = np.arange(self.traces).reshape(self._shape[:2])
        across = min(self.chunks[1], self._shape[1])
        along = max(1, min(self.chunks[0], _BOX // (across * self.samples)))
        for first in range(0, self._shape[0], along):
            for begin in range(0, self._shape[1], across):
                numbers = number[first : first + along, begin : begin + across].ravel()
                yield numbers, self.read(numbers)

    def check_target(self, target: Path, integers: str) -> None:
        if target.suffix.lower() not in STORE_SUFFIXES:
            raise ValueError(
                f"{target}: {self.url} is a Zarr store; write .zarr or .mdio, received "
                f"{target.suffix!r}"
            )

    def writer(self, path: Path, target: Path, integers: str) -> "ZarrWriter":
        if not path.exists():
            self.copy_all_but_samples(os.fspath(path))
        return self.open_writer(os.fspath(path))

    def open_writer(self, url: str) -> "ZarrWriter":
        """For a store that ``copy_all_but_samples`` made."""
        return ZarrWriter(self, url)

    def output_bytes(self, target: Path) -> int:
        return sum(file.stat().st_size for file in self.path.rglob("*"))

    def slice_of(self, values: np.ndarray) -> np.ndarray:
        image: np.ndarray = values.reshape(self._shape[:2])
        return image

    def copy_all_but_samples(self, target: str) -> None:
        """A store like this one, with everything in it but the volume's samples.

        Args:
            target: A folder or URL where nothing is yet.
        """
        own = f"{self.url.rstrip('/')}/{self.name}"
        if not is_url(self.url) and not is_url(target):

            def samples(folder: str, names: list[str]) -> list[str]:
                is_own = Path(folder) == Path(own)
                return [name for name in names if is_own and name not in _METADATA]

            shutil.copytree(self.url, target, ignore=samples)
            return
        import fsspec

        files, root = fsspec.core.url_to_fs(self.url)
        others, folder = fsspec.core.url_to_fs(target)
        _, own = fsspec.core.url_to_fs(own)
        for path in files.find(root):
            if not path.startswith(f"{own}/") or path.rsplit("/", 1)[1] in _METADATA:
                place = folder + path.removeprefix(root)
                others.makedirs(place.rsplit("/", 1)[0], exist_ok=True)
                others.pipe_file(place, files.cat_file(path))

    def box(self, numbers: np.ndarray) -> tuple[tuple[slice, slice], tuple[np.ndarray, np.ndarray]]:
        """The inlines and crosslines around some traces, and the traces' places in there."""
        inline, crossline = np.divmod(numbers, self._shape[1])
        (first, last), (begin, end) = (
            (int(n.min()), int(n.max()) + 1) for n in (inline, crossline)
        )
        return (slice(first, last), slice(begin, end)), (inline - first, crossline - begin)

    def _read_box(self, inlines: slice, crosslines: slice) -> np.ndarray:
        try:
            box = self._variable[inlines, crosslines].values
        except Exception as error:  # each compression has its own
            raise ValueError(
                f"{self.url}: inlines {inlines.start}-{inlines.stop - 1} cannot be read; a chunk "
                f"there is damaged ({error})"
            ) from error
        with np.errstate(over="ignore"):  # found as infinity
            return np.asarray(box, np.float32)


class ZarrWriter:
    """A store like another that gets its samples trace by trace. A context manager.

    Processes that write different chunks can do so at once.

    Args:
        volume: The original; what is missing in it is written as NaN.
        url: The store, made by ``volume.copy_all_but_samples``.
    """

    def __init__(self, volume: ZarrVolume, url: str) -> None:
        import zarr

        group = zarr.open_group(url, mode="r+", use_consolidated=False)
        self._volume, self._array = volume, cast(Any, group[volume.name])
        # Statistics of the samples as they were.
        for key in ("statsV1", "stats"):
            if key in self._array.attrs:
                del self._array.attrs[key]
        self._back = [volume.axes.index(axis) for axis in volume.stored_axes]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def write(self, numbers: np.ndarray, traces: np.ndarray) -> None:
        """Write float32 ``(traces, time)`` under their numbers."""
        box, inside = self._volume.box(numbers)
        place = tuple((*box, slice(None))[axis] for axis in self._back)
        shape = tuple(s.stop - s.start for s in box)
        forth = np.argsort(self._back)
        if len(numbers) == shape[0] * shape[1]:
            values = np.empty((*shape, traces.shape[1]), self._array.dtype)
        else:
            values = self._array[place].transpose(forth)
        values[inside] = np.where(self._volume.missing[numbers, None], np.nan, traces)
        self._array[place] = values.transpose(self._back)

    def synchronize(self) -> None:
        """Flush to disk."""
        os.sync()


def is_url(path: str) -> bool:
    """Whether it is a place that fsspec knows rather than a path."""
    return "://" in path


def store_exists(url: str) -> bool:
    """Whether there is anything at a path or URL."""
    import fsspec

    files, path = fsspec.core.url_to_fs(url)
    return bool(files.exists(path))


def remove_store(url: str) -> None:
    """Remove what is at a path or URL."""
    import fsspec

    files, path = fsspec.core.url_to_fs(url)
    files.rm(path, recursive=True)


def check_free_store(source: Path, target: Path, overwrite: bool) -> None:
    """As ``files.check_free``, for stores: a folder may be replaced if it is one.

    Raises:
        FileExistsError: If the target exists and ``overwrite`` is false, or is the source or no
            store.
        FileNotFoundError: If its folder does not exist.
        PermissionError: If its folder cannot be written to.
    """
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder to write {target.name} in")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{target.parent}: the folder for {target.name} cannot be written to")
    check_name(target)
    if not os.path.lexists(target):
        return
    if source.exists() and target.samefile(source):
        raise FileExistsError(f"{target}: is the input; choose another output")
    if not overwrite:
        raise FileExistsError(f"{target}: exists already; pass overwrite=True to replace it")
    if not any((target / name).is_file() for name in _METADATA):
        raise FileExistsError(f"{target}: is no Zarr store, and will not be replaced")


def _volume_variable(store: Any, url: str) -> str:
    """Name of the variable that is the volume."""
    names = [str(n) for n, v in store.data_vars.items() if v.ndim == 3 and v.dtype.kind in "fiu"]
    default = store.attrs.get("attributes")
    default = default.get("defaultVariableName") if isinstance(default, dict) else None
    name = default if default in store.data_vars else names[0] if len(names) == 1 else None
    if name is None:
        found = {str(n): v.dims for n, v in store.data_vars.items()}
        raise ValueError(
            f"{url}: expected one variable of inline, crossline and time, found {found}"
        )
    variable = store[name]
    if variable.ndim != 3 or variable.dtype.kind != "f" or "scale_factor" in variable.encoding:
        raise ValueError(
            f"{url}: expected a post-stack volume of floating-point numbers, but {name!r} is "
            f"{variable.dtype} {variable.dims}"
            + (" with a scale factor" if "scale_factor" in variable.encoding else "")
        )
    return str(name)


def _named_axes(variable: Any, url: str) -> tuple[str, str, str]:
    """The names of the axes in the order inline, crossline, time."""
    found = []
    for axis, names in _AXES.items():
        match = [str(d) for d in variable.dims if str(d).lower() in names]
        if len(match) != 1:
            raise ValueError(
                f"{url}: expected axes named inline, crossline and time (or {_AXES}), received "
                f"{variable.dims}; {axis} is not among them"
            )
        found += match
    return found[0], found[1], found[2]


def _sample_interval(store: Any, axis: str) -> float | None:
    """In s, if the axis says its unit."""
    if axis not in store.coords or store.sizes[axis] < 2:
        return None
    attributes = store[axis].attrs
    unit = attributes.get("units") or attributes.get("unitsV1") or {}
    unit = unit.get("time") if isinstance(unit, dict) else unit
    factor = {"ms": 1e-3, "milliseconds": 1e-3, "s": 1.0, "seconds": 1.0}.get(str(unit))
    return None if factor is None else factor * float(np.diff(store[axis].values[:2])[0])
