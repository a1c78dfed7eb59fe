"""Figures of an inspection: what a geophysicist looks at first."""

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.inspection.figure_parts import (
    draw_energy,
    draw_histogram,
    draw_image,
    draw_profile,
    draw_spectrum,
    draw_velocity_histogram,
    extent,
    thin,
)
from keras_seismic.inspection.report import ArrayReport, Inspection
from keras_seismic.visualization import VELOCITY_MAP, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Most arrays in one figure.
_ARRAYS = 3


def plot_inspection(report: Inspection) -> "Figure":
    """A figure of the data that an inspection examined.

    A section, or up to five shots of gathers, with the energy of the traces, spectrum and
    histogram; velocity models with their profile over depth. For a folder, the first files that
    were examined.

    Args:
        report: What ``inspect`` returned.

    Raises:
        ValueError: If there is nothing to show.
        ImportError: If matplotlib is not installed.
    """
    arrays = drawable(report)
    if not arrays:
        raise ValueError(f"{report.path}: nothing that a figure could show")
    figure = new_figure(14, 6.2 * len(arrays))
    parts = figure.subfigures(len(arrays), 1, squeeze=False)[:, 0]
    for part, (name, array) in zip(parts, arrays, strict=True):
        shape = " x ".join(map(str, array.shape))
        title = f"{name}: {array.kind}, {shape} {array.dtype}"
        part.suptitle(title, fontsize=12)
        _DRAW.get(array.kind, _draw_other)(part, array)
    return figure


def drawable(report: Inspection) -> list[tuple[str, ArrayReport]]:
    """The arrays of a report, and of a folder's members, that a figure can show."""
    found = []
    for part in (report, *report.members):
        name = part.path.rsplit("/", 1)[-1]
        for array in part.arrays:
            panels = array.panels
            if panels.size > 1 and np.isfinite(panels).any():
                found.append((f"{name} {array.name}".strip(), array))
    return found[:_ARRAYS]


def _side(part: Any, array: ArrayReport, grid: Any) -> None:
    """Spectrum above histogram."""
    draw_spectrum(part.add_subplot(grid[0]), array)
    draw_histogram(part.add_subplot(grid[1]), array)


def _draw_cube(part: Any, array: ArrayReport) -> None:
    """A vertical section along each direction, and a time slice."""
    panels = array.panels
    grid = part.add_gridspec(1, 4, width_ratios=(1.2, 1, 1, 1.5))
    along, across = array.axes[2], array.axes[1]
    if panels.shape[2] == array.shape[1]:
        along, across = across, along
    middle = (len(panels) // 2, panels.shape[1] // 2, panels.shape[2] // 2)
    views = (
        (panels[middle[0]], f"{across} {middle[0]}", along),
        (panels[:, :, middle[2]].T, f"{along} {middle[2]}", across),
    )
    ylabel = "time (s)" if array.dt else "sample"
    for i, (view, title, xlabel) in enumerate(views):
        axes = part.add_subplot(grid[i])
        extent = (-0.5, view.shape[1] - 0.5, view.shape[0] * (array.dt or 1), 0)
        drawn = draw_image(axes, array, view)
        drawn.set_extent(extent)
        axes.set_title(title, fontsize=10)
        axes.set(xlabel=xlabel, ylabel="" if i else ylabel)
    axes = part.add_subplot(grid[2])
    drawn = draw_image(axes, array, panels[:, middle[1]].T)
    drawn.set_extent((-0.5, len(panels) - 0.5, panels.shape[2] - 0.5, -0.5))
    axes.set_title(f"sample {middle[1]}", fontsize=10)
    axes.set(xlabel=across, ylabel=along)
    part.colorbar(drawn, ax=axes, label="amplitude", pad=0.02, extend="both")
    _side(part, array, grid[3].subgridspec(2, 1))


def _draw_traces(part: Any, array: ArrayReport) -> None:
    """Up to five shots of gathers, or the middle panel of a section, below their energy."""
    panels, middle = array.panels, len(array.panels) // 2
    gathers = array.kind == "shot gathers"
    shown = panels[:5] if gathers else panels[middle : middle + 1]
    widths = [1.0] * len(shown) + [1.8 if gathers else 0.5]
    grid = part.add_gridspec(2, len(shown) + 1, height_ratios=(1, 5), width_ratios=widths)
    first = None
    for i, panel in enumerate(shown):
        image = part.add_subplot(grid[1, i], sharey=first)
        energy = part.add_subplot(grid[0, i], sharex=image)
        drawn = draw_image(image, array, panel)
        draw_energy(energy, array, panel)
        image.set_xlabel("receiver" if gathers else "trace")
        if "shot" in array.axes:
            energy.set_title(f"shot {i + 1}", fontsize=10)
        elif len(panels) > 1:
            energy.set_title(f"panel {middle + 1} of {len(panels)}", fontsize=10)
        if first is None:
            first = image
            image.set_ylabel("time (s)" if array.dt else "sample")
        else:
            image.tick_params(labelleft=False)
            energy.set_ylabel("")
    part.colorbar(drawn, ax=image, label="amplitude", pad=0.02, extend="both")
    _side(part, array, grid[:, -1].subgridspec(2, 1))


def _draw_velocity(part: Any, array: ArrayReport) -> None:
    """Up to six models above, the profile over depth and the histogram below."""
    models = array.panels[:: -(-len(array.panels) // 6)][:6]
    grid = part.add_gridspec(2, 1, height_ratios=(1.15, 1))
    # Room for four side by side, so that two models are not far apart.
    places = 1 if len(models) == 1 else max(len(models), 4)
    row = grid[0].subgridspec(1, places)
    unit, dx = array.units.split(",")[0], (array.dx or 1000) / 1000
    label = "km" if array.dx else "cells"
    pictures: list[Any] = []
    for i, model in enumerate(models):
        axes = part.add_subplot(row[i])
        left, right, *_ = extent(array, model)
        drawn = axes.imshow(
            thin(model),
            cmap=VELOCITY_MAP,
            vmin=array.values["minimum"],
            vmax=array.values["maximum"],
            interpolation="nearest",
            extent=((left + 0.5) * dx, (right + 0.5) * dx, len(model) * dx, 0),
            aspect="equal" if model.shape[1] < 6 * len(model) else "auto",
        )
        axes.set(xlabel=f"x ({label})", ylabel="" if i else f"depth ({label})")
        pictures.append(axes)
    part.colorbar(drawn, ax=pictures, label=f"velocity ({unit})", pad=0.01)
    below = grid[1].subgridspec(1, 2)
    draw_profile(part.add_subplot(below[0]), array, dx, label)
    draw_velocity_histogram(part.add_subplot(below[1]), array)


def _draw_other(part: Any, array: ArrayReport) -> None:
    """A trace as a line, anything else as an image; and the histogram."""
    grid = part.add_gridspec(1, 2, width_ratios=(2.1, 1))
    axes = part.add_subplot(grid[0])
    panel = array.panels[0]
    if panel.shape[1] == 1:
        axes.plot(np.arange(len(panel)) * (array.dt or 1), panel[:, 0], linewidth=1)
        axes.set(xlabel="time (s)" if array.dt else "sample", ylabel="value")
        axes.grid(alpha=0.3)
    else:
        part.colorbar(axes.imshow(thin(panel), aspect="auto"), ax=axes)
    _side(part, array, grid[1].subgridspec(2, 1))


_DRAW = {
    "section": _draw_traces,
    "cube": _draw_cube,
    "shot gathers": _draw_traces,
    "velocity": _draw_velocity,
}
