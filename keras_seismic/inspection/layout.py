"""Guesses at what an array is and what its axes are, from shape and values, with reasons."""

import dataclasses
import re

import numpy as np

from keras_seismic.inspection.content import Source

#: Number of values to base the guess on.
_PROBE = 2**20

_VELOCITY_NAME = re.compile(r"vel|vp|vs|model|marmousi|overthrust|speed|bp2004|seam", re.I)


@dataclasses.dataclass
class Layout:
    """A guess.

    Attributes:
        kind: As in ``ArrayReport``.
        axes: As in ``ArrayReport``; empty if nothing fits.
        why: Reasons.
        warnings: What must be changed before it can be used.
        units: For velocity: ``"m/s"``, ``"km/s"``, ``"normalized"``.
    """

    kind: str
    axes: tuple[str, ...]
    why: list[str]
    warnings: list[str] = dataclasses.field(default_factory=list)
    units: str = ""


def guess_layout(source: Source, file_name: str) -> Layout:
    """Kind and axes of an array.

    Args:
        source: The array.
        file_name: Its file's name; a weak hint.
    """
    shape = source.shape
    if not shape or source.array is None or 0 in shape:
        return Layout(source.kind or "unknown", source.axes, list(source.why))
    if len(shape) > 5:
        return Layout("unknown", (), [f"{len(shape)} axes are more than any format here has"])
    block = _probe(source)
    name = f"{file_name} {source.name}"
    units, reason = _velocity_units(block, name)
    if units and source.kind != "shot gathers":
        layout = _velocity_layout(source, block)
        layout.units = units
        layout.why.insert(0, reason)
        return layout
    if source.axes:
        kind = source.kind or "section"
        return Layout(kind, source.axes, [*source.why, "values of both signs around zero"])
    layout = _amplitude_layout(block, shape)
    if block.min() >= 0:
        layout.warnings.append("no value is negative: envelopes, attributes or velocity?")
    elif block.max() > 0:
        layout.why.insert(0, "values of both signs")
    layout.why += source.why
    return layout


def _probe(source: Source) -> np.ndarray:
    """A block from the middle of the array, for the guesses."""
    sizes = list(source.shape)
    while np.prod(sizes, dtype=np.int64) > _PROBE:
        # Records first, then whatever is longest.
        axis = 0 if len(sizes) > 3 and sizes[0] > 2 else int(np.argmax(sizes))
        sizes[axis] = max(sizes[axis] // 2, 1)
    index = tuple(
        slice((full - size) // 2, (full - size) // 2 + size)
        for full, size in zip(source.shape, sizes, strict=True)
    )
    block = np.asarray(source.array[index], np.float64)
    return np.where(np.isfinite(block), block, 0.0)


def _velocity_units(block: np.ndarray, name: str) -> tuple[str, str]:
    """Units of a velocity model and the reason, or two empty strings."""
    low, high = float(block.min()), float(block.max())
    named = _VELOCITY_NAME.search(name)
    even = _even_fraction(block)
    span = f"all values lie in {low:.5g} to {high:.5g}"
    hint = f", and the name says {named.group(0)!r}" if named else ""
    if low >= 200 and 1000 <= high <= 9000:
        return "m/s", f"{span}, as seismic velocity in m/s does{hint}"
    blocky = even > 0.3 or _smooth(block)
    if low >= 0.2 and 1 <= high <= 9 and (blocky or named):
        return "km/s", f"{span}, as seismic velocity in km/s does{hint}"
    inside = -1.001 <= low < high <= 1.001
    if inside and named and blocky and block.ndim > 1:
        return "normalized", f"{span}, {even:.0%} of the neighbors are equal{hint}"
    return "", ""


def _even_fraction(block: np.ndarray) -> float:
    """Fraction of equal neighbors along the last axis."""
    return float(np.mean(np.diff(block, axis=-1) == 0)) if block.shape[-1] > 1 else 0.0


def _smooth(block: np.ndarray) -> bool:
    """Whether neighbors differ little along the last axis."""
    steps = np.abs(np.diff(block, axis=-1))
    return steps.size > 0 and float(np.median(steps)) < 0.05 * float(block.std())


def _velocity_layout(source: Source, block: np.ndarray) -> Layout:
    shape = source.shape
    last = len(shape) >= 4 and shape[-1] == 1
    names: list[tuple[str, ...]] = [
        ("depth",),
        ("depth", "width"),
        ("model", "depth", "width"),
        ("model", "depth", "width", "channel") if last else ("model", "channel", "depth", "width"),
    ]
    axes = names[len(shape) - 1] if len(shape) <= len(names) else ()
    layout = Layout("velocity" if axes else "unknown", axes, [])
    if len(shape) == 4 and not last and shape[1] != 1:
        layout.warnings.append(f"{shape[1]} channels, where one is expected")
    if source.axes == ("time", "trace"):
        layout.why.append("in a trace file, so the first axis is depth or time")
    elif "width" in axes:
        depth, width = axes.index("depth"), axes.index("width")
        spread = [
            float(np.std(np.mean(block, axis=tuple(a for a in range(block.ndim) if a != axis))))
            for axis in (depth, width)
        ]
        if spread[1] > 3 * spread[0]:
            layout.warnings.append(
                "velocity grows along the last axis, not along the one before: it is probably "
                "(width, depth); transpose it"
            )
        elif spread[0] > spread[1]:
            layout.why.append("velocity changes more along the depth axis than along the other")
    return layout


def _amplitude_layout(block: np.ndarray, shape: tuple[int, ...]) -> Layout:
    if len(shape) == 1:
        return Layout("trace", ("time",), ["one axis: a trace or a wavelet"])
    time, reason = _time_axis(block)
    if len(shape) == 2:
        return _section_layout(block, time, reason)
    if len(shape) == 3:
        return _three_axes(block, time, reason)
    if len(shape) == 4:
        return _four_axes(shape, time, reason)
    return Layout("unknown", (), [f"{len(shape)} axes"])


def _time_axis(block: np.ndarray) -> tuple[int, str]:
    """The axis along which the mean vanishes: recordings have no zero frequency."""
    energy = float(np.mean(block**2)) or 1.0
    fraction = [
        float(np.mean(np.mean(block, axis=axis) ** 2)) / energy if size > 7 else np.inf
        for axis, size in enumerate(block.shape)
    ]
    order = np.argsort(fraction, kind="stable")
    best, second = (fraction[i] for i in order[:2])
    if not np.isfinite(best) or best * 3 >= second:
        longest = int(np.argmax(block.shape))
        axis = 0 if block.ndim == 2 else longest
        return axis, f"no axis looks like time; axis {axis} is taken for it by convention"
    return int(order[0]), (
        f"along axis {order[0]} the mean vanishes ({best:.1g} of the energy, {second:.1g} along "
        f"axis {order[1]}), as along time"
    )


def _section_layout(block: np.ndarray, time: int, reason: str) -> Layout:
    why = ["two axes", reason]
    if time == 1:
        warning = "time is the last axis; programs expect (time, traces): transpose it"
        return Layout("section", ("trace", "time"), why, [warning])
    if _moves_out(block[..., None]):
        why.append("its first arrivals move out: it may be one shot gather")
    return Layout("section", ("time", "trace"), why)


def _three_axes(block: np.ndarray, time: int, reason: str) -> Layout:
    why = ["three axes", reason]
    shots_last = _moves_out(np.moveaxis(block, time, 0))
    others = np.moveaxis(block, time, 0)
    shots_first = _moves_out(np.swapaxes(others, 1, 2))
    if shots_last or shots_first:
        why.append("first arrivals move out from a point, as from a source")
        axes = {
            0: ("time", "receiver", "shot") if shots_last else ("time", "shot", "receiver"),
            1: ("shot", "time", "receiver") if shots_first else ("receiver", "time", "shot"),
            2: ("shot", "receiver", "time") if shots_first else ("receiver", "shot", "time"),
        }[time]
        layout = Layout("shot gathers", axes, why)
        if axes != ("time", "receiver", "shot"):
            layout.warnings.append(
                "networks take (time, receivers, shots): move the axes with numpy.transpose"
            )
        return layout
    why.append("no first arrivals that move out")
    axes = {
        0: ("time", "inline", "crossline"),
        1: ("line", "time", "trace"),
        2: ("inline", "crossline", "time"),
    }[time]
    layout = Layout("cube", axes, why)
    if time:
        layout.warnings.append("programs expect time first: move the axes with numpy.transpose")
    return layout


def _four_axes(shape: tuple[int, ...], time: int, reason: str) -> Layout:
    why = ["four axes", reason]
    if time == 1 and shape[3] == 1:
        return Layout("section", ("patch", "time", "trace", "channel"), [*why, "one channel"])
    if time == 2:
        why.append("OpenFWI's order of axes")
        return Layout("shot gathers", ("record", "shot", "time", "receiver"), why)
    if time == 1:
        why.append("this package's order of axes")
        return Layout("shot gathers", ("record", "time", "receiver", "shot"), why)
    return Layout("unknown", (), [*why, "no order of axes has time there"])


def _moves_out(panels: np.ndarray) -> bool:
    """Whether arrivals start later the farther they are from some trace.

    Args:
        panels: ``(time, traces, panels)``.
    """
    samples, traces, count = panels.shape
    if traces < 8 or samples < 16:
        return False
    found = 0
    chosen = range(0, count, max(count // 5, 1))
    for k in chosen:
        panel = np.abs(panels[..., k])
        begun = panel > 1e-3 * panel.max()
        live = begun.any(axis=0)
        if panel.max() == 0 or live.sum() < 8:
            continue
        onset = begun.argmax(axis=0)[live] / samples
        place = np.flatnonzero(live)
        distance = np.abs(place - place[onset.argmin()])
        if onset.std() > 0.02 and np.corrcoef(onset, distance)[0, 1] > 0.8:
            found += 1
    return found > len(chosen) / 2
