"""SEG-Y and Seismic Unix: traces with every header they came with."""

from keras_seismic.io.segy.file_writing import (
    ClippingWarning,
    TraceFileReader,
    TraceFileWriter,
)
from keras_seismic.io.segy.reading import HeaderWarning, read_layout, read_segy, read_traces
from keras_seismic.io.segy.trace_headers import (
    TracePositions,
    Word,
    read_positions,
    word_byte,
)
from keras_seismic.io.segy.trace_layout import (
    SEGY_SUFFIXES,
    SU_SUFFIXES,
    MappedTraces,
    TraceLayout,
)
from keras_seismic.io.segy.trace_records import TraceRecords
from keras_seismic.io.segy.writing import check_segy_limits, write_shot_gathers

__all__ = [
    "SEGY_SUFFIXES",
    "SU_SUFFIXES",
    "ClippingWarning",
    "HeaderWarning",
    "MappedTraces",
    "TraceFileReader",
    "TraceFileWriter",
    "TraceLayout",
    "TracePositions",
    "TraceRecords",
    "Word",
    "check_segy_limits",
    "read_layout",
    "read_positions",
    "read_segy",
    "read_traces",
    "word_byte",
    "write_shot_gathers",
]
