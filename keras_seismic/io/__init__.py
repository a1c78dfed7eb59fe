"""Files: bytes in, the same bytes out."""

from keras_seismic.io.matlab import read_mat
from keras_seismic.io.section_writing import ClippingWarning, check_target, write_section
from keras_seismic.io.sections import Section, read_section, read_velocity, velocity_windows
from keras_seismic.io.segy.reading import read_segy
from keras_seismic.io.segy.trace_layout import HeaderWarning, TraceLayout, read_layout

__all__ = [
    "ClippingWarning",
    "HeaderWarning",
    "Section",
    "TraceLayout",
    "check_target",
    "read_layout",
    "read_mat",
    "read_section",
    "read_segy",
    "read_velocity",
    "velocity_windows",
    "write_section",
]
