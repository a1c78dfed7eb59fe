"""Files of arrays, sections and velocity models: bytes in, the same bytes out."""

from keras_seismic.io.arrays import read_array, write_array
from keras_seismic.io.matlab import open_mat, read_mat
from keras_seismic.io.section_writing import check_target, write_section
from keras_seismic.io.sections import Section, read_section
from keras_seismic.io.segy import (
    ClippingWarning,
    HeaderWarning,
    MappedTraces,
    TraceLayout,
    read_layout,
    read_segy,
    write_shot_gathers,
)
from keras_seismic.io.velocity import read_depth_step, read_velocity, velocity_windows

__all__ = [
    "ClippingWarning",
    "HeaderWarning",
    "MappedTraces",
    "Section",
    "TraceLayout",
    "check_target",
    "open_mat",
    "read_array",
    "read_depth_step",
    "read_layout",
    "read_mat",
    "read_section",
    "read_segy",
    "read_velocity",
    "velocity_windows",
    "write_array",
    "write_section",
    "write_shot_gathers",
]
