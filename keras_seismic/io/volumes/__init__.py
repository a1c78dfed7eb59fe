"""Volumes of any size, read and written piecewise: SEG-Y, Seismic Unix, NumPy, Zarr and MDIO."""

from keras_seismic.io.volumes.array_files import ArrayVolume
from keras_seismic.io.volumes.lines import Lines
from keras_seismic.io.volumes.opening import open_volume
from keras_seismic.io.volumes.survey import ALONG, GEOMETRIES, PASSES, Survey
from keras_seismic.io.volumes.trace_files import TraceFileVolume
from keras_seismic.io.volumes.volume import Volume, VolumeWriter, fingerprint
from keras_seismic.io.volumes.zarr_stores import (
    STORE_SUFFIXES,
    ZarrVolume,
    check_free_store,
    is_url,
    remove_store,
    store_exists,
)

__all__ = [
    "ALONG",
    "GEOMETRIES",
    "PASSES",
    "STORE_SUFFIXES",
    "ArrayVolume",
    "Lines",
    "Survey",
    "TraceFileVolume",
    "Volume",
    "VolumeWriter",
    "ZarrVolume",
    "check_free_store",
    "fingerprint",
    "is_url",
    "open_volume",
    "remove_store",
    "store_exists",
]
