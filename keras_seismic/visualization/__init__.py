"""Figures of velocity models, sections, gathers and training.

Every function returns a ``matplotlib.figure.Figure`` that belongs to no window: save it with
``figure.savefig`` or show it in a notebook. matplotlib is imported when a figure is made.
"""

from keras_seismic.visualization.quality_control import (
    plot_before_after,
    plot_quality,
    plot_volume_quality,
)
from keras_seismic.visualization.sections import plot_denoising, plot_gathers, plot_probability
from keras_seismic.visualization.style import (
    AMPLITUDE_MAP,
    DIFFERENCE_MAP,
    VELOCITY_MAP,
    new_figure,
)
from keras_seismic.visualization.training import plot_curves, plot_history
from keras_seismic.visualization.velocity import (
    plot_cases,
    plot_errors,
    plot_families,
    plot_predicted_velocity,
    plot_spread,
    plot_velocity,
)
from keras_seismic.visualization.wave_field import animate_wave_field, plot_wave_field

__all__ = [
    "AMPLITUDE_MAP",
    "DIFFERENCE_MAP",
    "VELOCITY_MAP",
    "animate_wave_field",
    "new_figure",
    "plot_before_after",
    "plot_cases",
    "plot_curves",
    "plot_denoising",
    "plot_errors",
    "plot_families",
    "plot_gathers",
    "plot_history",
    "plot_predicted_velocity",
    "plot_probability",
    "plot_quality",
    "plot_spread",
    "plot_velocity",
    "plot_volume_quality",
    "plot_wave_field",
]
