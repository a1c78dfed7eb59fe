"""What an inspection found: an object that prints as text and turns into JSON."""

import dataclasses
import math
import textwrap
from typing import Any

import numpy as np

_WIDTH, _INDENT = 100, 15

_TITLES = {"velocity": "velocity model", "cube": "seismic cube", "section": "seismic section"}


@dataclasses.dataclass
class ArrayReport:
    """One array of a file.

    Attributes:
        name: Its key in the file; empty if there is only one.
        shape: As in the file.
        container: The format of its file.
        dtype: NumPy's name for the sample type.
        storage: Byte order, and Fortran order if used.
        kind: ``"section"``, ``"cube"``, ``"shot gathers"``, ``"velocity"``, ``"trace"`` or
            ``"unknown"``.
        axes: What the axes are, as many as ``shape`` has.
        why: Reasons for kind and axes.
        units: Guessed, with the reason.
        dt: Sample interval in s, ``None`` if unknown.
        dt_source: Where it comes from.
        dx: Size of a velocity model's cell in m, if the file's name states it.
        examined: How much was examined.
        values: Range, percentiles, fraction of zeros, number of NaN and infinite values.
        traces: Numbers of dead, constant, weak and repeated traces and where they are, mutes.
        spectrum: ``peak_hz`` (``peak_cycles_per_sample`` without ``dt``), the band above half
            the peak, ``hum_hz``.
        warnings: What a user should know before using it.
        notes: Useful facts.
        panels: What was examined, ``(panels, time or depth, traces or width)``.
        columns: Which traces of the file the panels' columns are.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    storage: str = ""
    container: str = ""
    kind: str = "unknown"
    axes: tuple[str, ...] = ()
    why: list[str] = dataclasses.field(default_factory=list)
    units: str = "unknown"
    dt: float | None = None
    dt_source: str = ""
    dx: float | None = None
    examined: str = ""
    values: dict[str, float] = dataclasses.field(default_factory=dict)
    traces: dict[str, Any] = dataclasses.field(default_factory=dict)
    spectrum: dict[str, Any] = dataclasses.field(default_factory=dict)
    warnings: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    panels: np.ndarray = dataclasses.field(
        default_factory=lambda: np.empty((0, 0, 0)), repr=False, compare=False
    )
    columns: np.ndarray = dataclasses.field(
        default_factory=lambda: np.empty(0, int), repr=False, compare=False
    )

    def lines(self) -> list[str]:
        """The report as lines, each part with a label."""
        names = self.axes or ("",) * len(self.shape)
        shape = ", ".join(
            f"{axis} {size:,}".strip() for size, axis in zip(self.shape, names, strict=True)
        )
        parts = [
            ("array", self.name),
            ("content", f"{_TITLES.get(self.kind, self.kind)} ({shape or 'a single number'})"),
            ("because", "; ".join(self.why)),
            ("stored as", ", ".join(filter(None, (self.dtype, self.storage)))),
            ("units", self.units),
            ("dt", f"{1000 * self.dt:g} ms, {self.dt_source}" if self.dt else self.dt_source),
            ("examined", self.examined),
            *_value_lines(self.values),
            *_trace_lines(self.traces),
            ("spectrum", _spectrum_line(self.spectrum)),
            *(("note", note) for note in self.notes),
            *(("WARNING", warning) for warning in self.warnings),
        ]
        return _labeled(parts)


@dataclasses.dataclass
class Inspection:
    """What a file or folder contains.

    Attributes:
        path: What was inspected.
        format: Format of the file, or kind of folder.
        kind: ``"arrays"``, ``"model"``, ``"run"``, ``"pairs"``, ``"list"`` (of files that
            are missing or not pairs) or ``"folder"``.
        size: Bytes of the file, or of all files in the folder.
        facts: What headers and file names state.
        arrays: The arrays in the file.
        members: Inspections of some of a folder's files.
        warnings: About the file or folder as a whole.
        problem: Why it cannot be used, ``None`` if it can be read.
        family: Velocity family of the pairs in a folder, if known.
        folders: Where to continue: the folders (or the list) of pairs, or some subfolders.
    """

    path: str
    format: str = "unknown"
    kind: str = "arrays"
    size: int | None = None
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    arrays: list[ArrayReport] = dataclasses.field(default_factory=list)
    members: list["Inspection"] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    problem: str | None = None
    family: str | None = None
    folders: list[str] = dataclasses.field(default_factory=list)

    @property
    def readable(self) -> bool:
        """Whether the content could be read."""
        return self.problem is None

    def all_warnings(self) -> list[str]:
        """Warnings of the file, its arrays and its members."""
        nested = [warning for array in self.arrays for warning in array.warnings]
        inner = [warning for member in self.members for warning in member.all_warnings()]
        return self.warnings + nested + inner

    def __str__(self) -> str:
        size = "" if self.size is None else f", {_bytes(self.size)}"
        parts = [
            ("format", f"{self.format}{size}"),
            *((name, _fact(value)) for name, value in self.facts.items()),
            *(("WARNING", warning) for warning in self.warnings),
            ("PROBLEM", self.problem or ""),
        ]
        lines = [self.path, *_labeled(parts)]
        for array in self.arrays:
            lines += (["  --"] if len(self.arrays) > 1 else []) + array.lines()
        for member in self.members:
            lines += ["", *("  " + line for line in str(member).splitlines())]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The report for JSON: without samples, and ``None`` for values that are not finite."""
        content: dict[str, Any] = _plain(self)
        return content


def _plain(value: Any) -> Any:
    """Only types that JSON supports."""
    if dataclasses.is_dataclass(value):
        fields = (field.name for field in dataclasses.fields(value))
        return {
            name: _plain(getattr(value, name))
            for name in fields
            if name not in ("panels", "columns")
        }
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _fact(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def _bytes(size: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"


def _labeled(parts: list[tuple[str, str]]) -> list[str]:
    """Lines of a label and a text, wrapped; parts without text are left out."""
    lines = []
    for label, text in parts:
        if text:
            wrapped = textwrap.wrap(
                text, _WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False
            )
            lines += [f"  {label:<{_INDENT - 3}} {wrapped[0]}"]
            lines += [" " * _INDENT + line for line in wrapped[1:]]
    return lines


def _value_lines(values: dict[str, float]) -> list[tuple[str, str]]:
    if not values:
        return []
    v = {name: f"{value:.5g}" for name, value in values.items()}
    percentiles = ", ".join(
        f"{name[1:]}%: {v[name]}" for name in ("p1", "p5", "p25", "p50", "p75", "p95", "p99")
    )
    bad = [f"{values[name]:,.0f} {name}" for name in ("nan", "infinite") if values[name]]
    return [
        (
            "range",
            f"{v['minimum']} to {v['maximum']}, mean {v['mean']}, deviation {v['deviation']}, "
            f"{values['zero_fraction']:.2%} zeros" + "".join(f", {text}" for text in bad),
        ),
        ("percentiles", percentiles),
    ]


def _trace_lines(traces: dict[str, Any]) -> list[tuple[str, str]]:
    if not traces:
        return []
    texts = []
    for name in ("dead", "constant", "weak", "strong", "repeated"):
        if traces.get(name):
            where = traces.get(f"{name}_where")
            texts.append(f"{traces[name]:,} {name}" + (f" ({where})" if where else ""))
    mute = traces.get("mute")
    return [
        ("traces", f"{traces['count']:,} examined, " + (", ".join(texts) or "none dead")),
        ("mutes", mute or ""),
    ]


def _spectrum_line(spectrum: dict[str, Any]) -> str:
    if not spectrum:
        return ""
    if "peak_hz" in spectrum:
        low, high = spectrum["band_hz"]
        return f"peak at {spectrum['peak_hz']:.3g} Hz, above half of it {low:.3g} to {high:.3g} Hz"
    peak, (low, high) = spectrum["peak_cycles_per_sample"], spectrum["band_cycles_per_sample"]
    return (
        f"peak at {peak:.3g} cycles a sample, above half of it {low:.3g} to {high:.3g}; if dt is "
        f"4 ms, {peak / 0.004:.3g} Hz, {low / 0.004:.3g} to {high / 0.004:.3g} Hz"
    )
