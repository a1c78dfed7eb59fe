"""Files to inspect: SEG-Y with any header words, Seismic Unix, MATLAB's HDF5."""

import struct

import h5py
import numpy as np
import segyio


def write_segy(path, traces, dt=4000, code=1, endian="big", **words):
    """A SEG-Y file by segyio from (traces, time); header words as lists or numbers."""
    traces = np.ascontiguousarray(traces)
    spec = segyio.spec()
    spec.format = code
    spec.samples = np.arange(traces.shape[1]) * dt / 1000
    spec.tracecount = len(traces)
    spec.endian = endian
    with segyio.create(str(path), spec) as file:
        file.text[0] = segyio.tools.create_text_header({1: "MADE FOR A TEST"})
        file.bin.update({segyio.BinField.Interval: dt})
        for i, trace in enumerate(traces):
            file.trace[i] = trace
            file.header[i] = {
                getattr(segyio.TraceField, name): int(value[i] if np.ndim(value) else value)
                for name, value in words.items()
            }
    return path


def write_su(path, traces, dt=2000, endian="<"):
    with path.open("wb") as file:
        for i, trace in enumerate(traces):
            header = bytearray(240)
            struct.pack_into(f"{endian}i", header, 0, i + 1)
            struct.pack_into(f"{endian}HH", header, 114, len(trace), dt)
            file.write(bytes(header) + trace.astype(f"{endian}f4").tobytes())
    return path


def hdf5(path, arrays, matlab=True):
    """An HDF5 file as MATLAB writes them: axes reversed behind a block of its own."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = array.T if matlab else array
    if matlab:
        with path.open("r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path
