"""Inspecting a file or folder: its format, its arrays, their numbers."""

import contextlib
import os
import re
from pathlib import Path

import numpy as np

from keras_seismic.inspection.content import FileProblem, Source
from keras_seismic.inspection.folders import inspect_folder
from keras_seismic.inspection.formats import open_file
from keras_seismic.inspection.layout import Layout, guess_layout
from keras_seismic.inspection.report import ArrayReport, Inspection
from keras_seismic.inspection.sampling import read_sample
from keras_seismic.inspection.statistics import spectrum, trace_statistics, value_statistics
from keras_seismic.inspection.suspicions import add_suspicions

#: Most records to compare with each other, and most repeated ones to count.
_RECORDS_COMPARED, _REPEATED = 2_000, 20

_SPACING = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)m(?![a-z0-9])", re.I)


def inspect(path: str | os.PathLike[str], samples: int = 2**23) -> Inspection:
    """What an unknown file or folder contains, and what is odd about it.

    Sections, gathers and velocity models in NumPy (.npy, .npz), SEG-Y, Seismic Unix, MATLAB and
    HDF5 files; OpenFWI folders and annotation lists; runs, models and simulated pairs of this
    package. Kind, axes and units are guesses, each with its reasons. Only part of a large file
    is read, so that memory stays bounded; the report says how much. Nothing is ever unpickled.

    Args:
        path: The file or folder.
        samples: Number of samples of an array to examine.

    Returns:
        The report; ``print`` it. If the file cannot be read, ``problem`` says why.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If ``samples`` is not positive.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(folder + "/vp_10m.npy", np.outer(np.linspace(1500, 4500, 70), np.ones(80)))
        ...     array = inspect(folder + "/vp_10m.npy").arrays[0]
        >>> array.kind, array.axes, array.units.split(",")[0]
        ('velocity', ('depth', 'width'), 'm/s')
    """
    path = Path(path)
    if samples < 1:
        raise ValueError(f"inspect: samples must be positive, received {samples}")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.is_dir():
        return inspect_folder(path, lambda member: inspect(member, samples))
    return _inspect_file(path, samples)


def _inspect_file(path: Path, samples: int) -> Inspection:
    # A name of other bytes than UTF-8 could not be printed.
    report = Inspection(str(path).encode(errors="backslashreplace").decode())
    if not path.is_file():
        report.problem = "it is neither a file nor a folder"
        return report
    with contextlib.ExitStack() as stack:
        try:
            report.size = path.stat().st_size
            content = open_file(path, stack)
        except (FileProblem, OSError, ImportError) as error:
            report.problem = str(error).removeprefix(f"{path}: ")
            return report
        report.format, report.kind, report.family = content.format, content.kind, content.family
        if content.kind == "pairs":
            report.folders = [str(path)]
        report.facts, report.warnings = content.facts, content.warnings
        for source in content.sources:
            try:
                # NaN and extreme values are reported, so NumPy need not warn.
                with np.errstate(all="ignore"):
                    array = _describe(source, path.name, samples)
            except (OSError, ValueError, MemoryError) as error:  # damage, a disk that fails
                report.warnings.append(f"its samples cannot be read: {error}")
                continue
            finally:
                source.array = None  # one array in memory at a time
            array.container = content.format
            report.arrays.append(array)
    if content.sources and not report.arrays:
        report.problem = report.warnings.pop()
    return report


def _describe(source: Source, file_name: str, samples: int) -> ArrayReport:
    """Everything about one array."""
    layout = guess_layout(source, file_name)
    report = ArrayReport(
        source.name,
        tuple(int(size) for size in source.shape),
        str(source.dtype.newbyteorder("=")),
        source.storage,
        kind=layout.kind,
        axes=layout.axes,
        why=layout.why,
        dt=source.dt,
        dt_source=source.dt_source,
        warnings=[*source.warnings, *layout.warnings],
        notes=list(source.notes),
    )
    if source.array is None:
        report.examined = "nothing but its header"
        return report
    if not source.shape or 0 in source.shape:
        report.warnings.append("there are no samples in it")
        return report
    report.panels, report.columns, report.examined = read_sample(source, layout.axes, samples)
    report.values = value_statistics(report.panels)
    _units(report, layout, file_name)
    if layout.kind not in ("velocity", "unknown"):
        _assume_interval(report)
        report.traces = trace_statistics(report.panels, report.columns)
        report.spectrum = spectrum(report.panels, report.dt)
    add_suspicions(report)
    repeated = _repeated_records(source, layout)
    if repeated:
        report.warnings.append(repeated)
    return report


def _units(report: ArrayReport, layout: Layout, file_name: str) -> None:
    if layout.kind == "velocity":
        report.units = f"{layout.units}, by the range of the values"
        spacing = _SPACING.search(Path(file_name).stem.replace("_", " "))
        report.dx = float(spacing.group(1)) if spacing else None
        report.notes.append(
            f"cells of {report.dx:g} m, by the file's name"
            if spacing
            else "the file does not state the size of a cell; 10 m is assumed"
        )
    elif layout.kind != "unknown":
        report.units = "amplitude, on no known scale"


def _assume_interval(report: ArrayReport) -> None:
    """Set OpenFWI's interval for its shape; otherwise say that none is known."""
    if report.dt or report.dt_source:
        return
    if report.kind == "shot gathers" and report.shape[-3:] in ((5, 1000, 70), (1000, 70, 5)):
        report.dt, report.dt_source = 1e-3, "as OpenFWI's, whose shape this is"
    else:
        report.dt_source = "unknown: this format does not keep it"


def _repeated_records(source: Source, layout: Layout) -> str:
    """Whether some records (gathers, models, patches) are duplicates.

    A few samples in the middle of each are compared first, so that little is read, and the
    whole only where those agree.
    """
    if len(source.shape) < 3 or layout.axes[:1] not in (("record",), ("model",), ("patch",)):
        return ""
    count = min(source.shape[0], _RECORDS_COMPARED)
    middle = tuple(size // 2 for size in source.shape[1:-2])
    start, stop = source.shape[-2] // 2, source.shape[-2] // 2 + 8
    seen: dict[bytes, int] = {}
    pairs = []
    for i in range(count):
        key = np.ascontiguousarray(source.array[(i, *middle, slice(start, stop))]).tobytes()
        first = seen.setdefault(key, i)
        if first != i and np.array_equal(source.array[(i,)], source.array[(first,)]):
            pairs.append((first, i))
            if len(pairs) == _REPEATED:
                break
    if not pairs:
        return ""
    a, b = pairs[0]
    return (
        f"{layout.axes[0]}s equal to an earlier one: {len(pairs)}"
        f"{' or more' * (len(pairs) == _REPEATED)} of {count:,}, the first pair is {a} and {b}"
    )
