"""SEG-Y and Seismic Unix files: what their headers say, and their traces, without loading them."""

import warnings
from pathlib import Path

import numpy as np

from keras_seismic.inspection.content import Content, FileProblem, Source
from keras_seismic.io.segy import MappedTraces, TraceLayout, read_layout

#: Most trace headers to read.
_HEADERS_READ = 20_000

#: First bytes of the trace header words that identify a file, and their types.
_FIELD_RECORD, _CDP, _TRACE_CODE, _OFFSET = (9, "i4"), (21, "i4"), (29, "i2"), (37, "i4")
_DEAD = 2


def open_traces(path: Path) -> Content:
    """A SEG-Y or Seismic Unix file.

    Raises:
        FileProblem: If the readers would refuse it, with their reason.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            layout = read_layout(path, most_headers=_HEADERS_READ)
        except ValueError as error:
            raise FileProblem(str(error).removeprefix(f"{path}: ")) from error
    contradictions = [str(warning.message).removeprefix(f"{path}: ") for warning in said]
    content = Content(
        "Seismic Unix" if layout.kind == "su" else "SEG-Y",
        {"traces": layout.traces, "samples": layout.samples},
        warnings=contradictions,
    )
    samples = {1: "IBM floats", 5: "IEEE floats", 6: "8-byte IEEE floats"}.get(
        layout.code, f"{layout.sample_type.name} integers"
    )
    content.format += f", {samples} (format {layout.code}), {layout.endian}-endian"
    if layout.kind == "segy":
        content.facts["text header"] = _text_lines(path)
    array = MappedTraces(layout)
    source = Source("", array, array.shape, array.dtype, f"{samples}, {layout.endian}-endian")
    source.axes = ("time", "trace")
    source.why.append("traces of equal length")
    _sample_interval(source, layout)
    _trace_headers(content, source, layout)
    content.sources.append(source)
    return content


def _sample_interval(source: Source, layout: TraceLayout) -> None:
    if layout.dt is None:
        source.dt_source = (
            f"the headers state {len(layout.intervals)} different ones"
            if layout.intervals
            else "not in the headers; pass it where frequencies matter"
        )
        return
    source.dt, source.dt_source = layout.dt, "by the headers"
    if not 1e-4 <= layout.dt <= 0.02:
        source.warnings.append(
            f"a sample interval of {layout.dt * 1e6:g} microseconds is unusual (1000 to 4000 is "
            "usual); perhaps it was written in other units"
        )


def _trace_headers(content: Content, source: Source, layout: TraceLayout) -> None:
    """Whether the data is pre-stack, and the ranges of its numbers."""
    step = -(-layout.traces // _HEADERS_READ)
    if step > 1:
        source.notes.append(f"trace headers: one in {step:,} was read")
    records, cdp, codes, offsets = (
        layout.words(*word, step) for word in (_FIELD_RECORD, _CDP, _TRACE_CODE, _OFFSET)
    )
    if cdp.any():
        content.facts["CDP"] = f"{cdp.min()} to {cdp.max()}"
    dead = int((codes == _DEAD).sum())
    if dead:
        source.notes.append(f"{dead:,} traces are marked as dead in their headers")
    different = len(np.unique(offsets))
    if different <= 2:
        source.why.append("no offsets in the trace headers: stacked or migrated")
        return
    source.kind = "shot gathers"
    source.why.append(f"the trace headers hold {different:,} different offsets: pre-stack data")
    content.facts["shots"] = f"{len(np.unique(records))}" + " or more" * (step > 1)
    content.facts["offsets"] = f"{offsets.min()} to {offsets.max()}, as in the headers"


def _text_lines(path: Path, most: int = 6) -> str:
    """The first nonempty lines of the text header."""
    with path.open("rb") as file:
        text = file.read(3200)
    decoded = max(
        (text.decode("cp037", "replace"), text.decode("ascii", "replace")),
        key=lambda t: sum(c.isascii() and (c.isalnum() or c == " ") for c in t),
    )
    lines = [decoded[i + 3 : i + 80].strip() for i in range(0, len(decoded), 80)]
    said = ["".join(c for c in line if c.isprintable()) for line in lines if line.strip(" .-\0")]
    return " | ".join(" ".join(line.split()) for line in said[:most])
