"""Waves on their way through a velocity model."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_seismic.files import placed
from keras_seismic.visualization.style import DIFFERENCE_MAP, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_wave_field(
    fields: np.ndarray, velocity: np.ndarray, times: np.ndarray, dx: float = 10.0
) -> "Figure":
    """Snapshots of a wave field over the velocity model, side by side.

    Args:
        fields: ``(snapshots, depth, width)``, from ``keras_seismic.simulation.wave_field``.
        velocity: ``(depth, width)``, m/s.
        times: Of each snapshot, s.
        dx: Cell size, m.
    """
    aspect = min(max(velocity.shape[0] / velocity.shape[1], 0.25), 1.5)
    figure = new_figure(1 + 3.4 * len(fields), 1 + 3.4 * aspect)
    panels = figure.subplots(1, len(fields), squeeze=False, sharey=True)[0]
    for panel, field, time in zip(panels, fields, times, strict=True):
        _draw(panel, field, velocity, dx, _strength(fields))
        panel.set_title(f"{time:.2f} s")
    panels[0].set_ylabel("depth (m)")
    return figure


def animate_wave_field(
    path: str | os.PathLike[str],
    fields: np.ndarray,
    velocity: np.ndarray,
    times: np.ndarray,
    dx: float = 10.0,
    overwrite: bool = False,
) -> Path:
    """Write snapshots of a wave field over the velocity model as an animation.

    Args:
        path: .gif to write, 20 snapshots a second.
        fields: ``(snapshots, depth, width)``, from ``keras_seismic.simulation.wave_field``.
        velocity: ``(depth, width)``, m/s.
        times: Of each snapshot, s.
        dx: Cell size, m.
        overwrite: Replace a file that is there.

    Returns:
        The path.

    Raises:
        FileExistsError: If there is a file and ``overwrite`` is false.
        ImportError: If matplotlib is not installed.
        ValueError: If the suffix is another.
    """
    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"{path}: expected a .gif file, received {path.suffix!r}")
    figure = plot_wave_field(fields[:1], velocity, times[:1], dx)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    figure.set_size_inches(*(1.7 * figure.get_size_inches()))
    figure.set_dpi(100)
    (panel,) = figure.axes
    wave, title, strength = panel.images[-1], panel.title, _strength(fields)
    for artist in (wave, title):
        artist.set_animated(True)
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    frames = []
    for field, time in zip(fields, times, strict=True):
        canvas.restore_region(background)  # axes and model, which stay as they are
        wave.set_data(_colors(field, strength))
        title.set_text(f"{time:.2f} s")
        for artist in (wave, title):
            panel.draw_artist(artist)
        frames.append(Image.fromarray(np.array(canvas.buffer_rgba())[..., :3]).quantize(128))
    with placed(path, overwrite) as temporary:
        frames[0].save(temporary, save_all=True, append_images=frames[1:], duration=50, loop=0)
    return path


def _strength(fields: np.ndarray) -> float:
    """The amplitude at full color, which only the surroundings of the source exceed."""
    return float(np.percentile(np.abs(fields), 99.5)) or 1.0


def _draw(panel: Any, field: np.ndarray, velocity: np.ndarray, dx: float, strength: float) -> None:
    depth, width = velocity.shape
    style = {"extent": (0, width * dx, depth * dx, 0), "aspect": "auto"}
    panel.imshow(velocity, cmap="Greys", vmax=1.5 * velocity.max(), **style)
    panel.imshow(_colors(field, strength), **style)
    panel.set_xlabel("x (m)")


def _colors(field: np.ndarray, strength: float) -> np.ndarray:
    """Red and blue, the more opaque the stronger, so that the model shows where all is quiet."""
    import matplotlib

    relative = np.clip(field / strength, -1, 1)
    colors: np.ndarray = matplotlib.colormaps[DIFFERENCE_MAP](0.5 + 0.5 * np.sign(relative) * 0.85)
    colors[..., 3] = np.sqrt(np.abs(relative))
    return colors
