"""SEG-Y and Seismic Unix files to test with, made by segyio."""

import numpy as np
import segyio


def write_segy(path, traces, dt_us=4000, code=1, endian="big", headers=None, binary=None):
    """Write ``(traces, time)`` as SEG-Y; ``headers`` has a dict of words for each trace."""
    spec = segyio.spec()
    spec.format = code
    spec.samples = np.arange(traces.shape[1]) * dt_us / 1000
    spec.tracecount = len(traces)
    spec.endian = endian
    with segyio.create(str(path), spec) as file:
        file.text[0] = b"C 1 A LINE TO TEST WITH".ljust(3200)
        file.bin.update({segyio.BinField.Interval: dt_us, **(binary or {})})
        for i, trace in enumerate(traces):
            file.header[i] = {
                segyio.TraceField.TRACE_SEQUENCE_FILE: i + 1,
                segyio.TraceField.TRACE_SAMPLE_COUNT: traces.shape[1],
                segyio.TraceField.TRACE_SAMPLE_INTERVAL: dt_us,
                segyio.TraceField.CDP_X: -1000 * i,  # a word to keep
                **(headers[i] if headers else {}),
            }
            file.trace[i] = np.ascontiguousarray(trace, file.dtype)
    return path


def write_su(path, traces, endian="big", **options):
    """Write ``(traces, time)`` as Seismic Unix: SEG-Y's IEEE traces and nothing before them."""
    segy = write_segy(path.with_suffix(".segy"), traces, code=5, endian=endian, **options)
    path.write_bytes(segy.read_bytes()[3600:])
    segy.unlink()
    return path


def patched(path, offset, value):
    """The file with some bytes replaced."""
    content = bytearray(path.read_bytes())
    content[offset : offset + len(value)] = value
    path.write_bytes(content)
    return path


def headers_of(content, start, trace_bytes):
    """All header bytes of a file: what stands before the traces, and every trace header."""
    traces = np.frombuffer(content[start:], np.uint8).reshape(-1, trace_bytes)
    return content[:start] + traces[:, :240].tobytes()


def write_line(
    path, gathers, source_x, receiver_x, dt_us=1000, scalar=-10, keep=None, order=None, words=None,
    **options,
):  # fmt: skip
    """Write ``(time, receivers, shots)`` as a pre-stack line, coordinates in 1/10 m.

    ``receiver_x`` is ``(receivers,)`` or ``(receivers, shots)``; ``keep`` says which traces are
    in the file, ``(receivers, shots)``; ``order`` shuffles them; ``words(shot, receiver)`` makes
    further header words.
    """
    _, receivers, shots = gathers.shape
    receiver_x = np.broadcast_to(np.reshape(receiver_x, (receivers, -1)), (receivers, shots))
    factor = {0: 1, -10: 10, 10: 0.1, -100: 100}[scalar]
    places = [(r, s) for s in range(shots) for r in range(receivers) if keep is None or keep[r, s]]
    places = places if order is None else [places[i] for i in order.permutation(len(places))]
    headers = [
        {
            segyio.TraceField.FieldRecord: 101 + s,
            segyio.TraceField.TraceNumber: r + 1,
            segyio.TraceField.SourceGroupScalar: scalar,
            segyio.TraceField.SourceX: round(source_x[s] * factor),
            segyio.TraceField.GroupX: round(receiver_x[r, s] * factor),
            segyio.TraceField.offset: round(receiver_x[r, s] - source_x[s]),
            **(words(s, r) if words else {}),
        }
        for r, s in places
    ]
    traces = np.stack([gathers[:, r, s] for r, s in places])
    write = write_su if path.suffix == ".su" else write_segy
    code = {} if path.suffix == ".su" else {"code": 5}
    return write(path, traces, dt_us=dt_us, headers=headers, **(code | options))


def write_volume(path, cube, inlines=None, crosslines=None, keep=None, order=None, **options):
    """Write ``(inlines, crosslines, time)`` as a 3-D volume, numbers in bytes 189 and 193.

    ``keep`` says which traces are in the file, ``order`` shuffles them.
    """
    inlines = np.arange(100, 100 + cube.shape[0]) if inlines is None else inlines
    crosslines = np.arange(200, 200 + cube.shape[1]) if crosslines is None else crosslines
    places = [p for p in np.ndindex(cube.shape[:2]) if keep is None or keep[p]]
    places = places if order is None else [places[i] for i in order(len(places))]
    headers = [
        {
            segyio.TraceField.INLINE_3D: int(inlines[i]),
            segyio.TraceField.CROSSLINE_3D: int(crosslines[x]),
        }
        for i, x in places
    ]
    traces = np.stack([cube[p] for p in places])
    return write_segy(path, traces, headers=headers, **{"code": 5, **options})
