"""Inspection: what unknown files and folders contain."""

from keras_seismic.inspection.figures import plot_inspection
from keras_seismic.inspection.inspector import inspect
from keras_seismic.inspection.report import ArrayReport, Inspection

__all__ = ["ArrayReport", "Inspection", "inspect", "plot_inspection"]
