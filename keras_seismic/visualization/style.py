"""Shared by the figures: the empty figure and the colors."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VELOCITY_MAP, AMPLITUDE_MAP, DIFFERENCE_MAP = "viridis", "gray", "RdBu_r"


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of some size in inches.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 'keras_seismic[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")
