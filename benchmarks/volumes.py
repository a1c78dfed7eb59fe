"""A volume larger than memory denoised on one machine, against plain reading and writing by segyio.

    python -m benchmarks.volumes --gigabytes 2

Makes a synthetic 3-D SEG-Y volume, piecewise, and then, each in a process of its own:

- reads and writes its samples by segyio, inline by inline, which does nothing but that;
- denoises it with a stand-in for the network, a cheap smoothing function, along inlines and along
  crosslines: what is measured are memory and everything around the network;
- kills that in the middle, starts it again, and compares the bytes;
- denoises a part of it with the network (``--model``, by default the preset; ``--traces``), which
  says how long the whole volume would take.

The peak of memory is the kernel's (VmHWM), which counts Python, TensorFlow and file pages that are
mapped, without JAX, which is an extra. With 2 GB it takes about eight minutes on two cores and 5 GB
of disk. ``--quick`` tries it in a minute.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import pathlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.ndimage
import segyio

from benchmarks._report import RESULTS, report

SAMPLES, CROSSLINES = 1000, 700
DT_US = 4000


def write_volume(path: pathlib.Path, inlines: int, crosslines: int, samples: int) -> None:
    """Folded layers under white noise at 6 dB, a line at a time."""
    rng = np.random.default_rng(0)
    reflectivity = rng.standard_normal(samples + 200) ** 3
    trace = scipy.ndimage.gaussian_laplace(reflectivity, 3).astype("f4")
    depth = np.arange(samples)[:, None] + 100
    spec = segyio.spec()
    spec.iline, spec.xline, spec.sorting, spec.format = 189, 193, 2, 5
    spec.samples = np.arange(samples) * DT_US / 1000
    spec.ilines, spec.xlines = np.arange(1, inlines + 1), np.arange(1, crosslines + 1)
    with segyio.create(str(path), spec) as file:
        file.bin.update({segyio.BinField.Interval: DT_US})
        for inline in range(inlines):
            fold = 40 * np.sin(np.arange(crosslines) / 60 + inline / 40) + inline % 50
            line = trace[depth + fold.astype(int)]
            line = line + rng.standard_normal(line.shape, "f4") * (line.std() / 2)
            first = inline * crosslines
            for crossline in range(crosslines):
                file.header[first + crossline] = {
                    segyio.TraceField.INLINE_3D: inline + 1,
                    segyio.TraceField.CROSSLINE_3D: crossline + 1,
                    segyio.TraceField.TRACE_SAMPLE_COUNT: samples,
                    segyio.TraceField.TRACE_SAMPLE_INTERVAL: DT_US,
                }
            file.trace.raw[first : first + crosslines] = np.ascontiguousarray(line.T, "f4")


def smoothed(windows: np.ndarray) -> np.ndarray:
    """The stand-in for a network."""
    return scipy.ndimage.uniform_filter(windows, (0, 1, 3, 0))


def by_segyio(source: str, target: str, crosslines: int) -> dict[str, Any]:
    """A copy with its samples read and written again, inline by inline."""
    shutil.copyfile(source, target)
    with (
        segyio.open(source, ignore_geometry=True) as read,
        segyio.open(target, "r+", ignore_geometry=True) as write,
    ):
        for first in range(0, read.tracecount, crosslines):
            write.trace.raw[first : first + crosslines] = read.trace.raw[first : first + crosslines]
        write.flush()
    with open(target, "rb") as file:
        os.fsync(file.fileno())
    return {"traces": read.tracecount}


def denoised(source: str, target: str, model: str | None, along: str) -> dict[str, Any]:
    """One call of ``denoise_file``; "smoothed" stands for the function."""
    import keras_seismic as ks

    function = smoothed if model == "smoothed" else model
    result = ks.denoise_file(source, target, function, along=along, overwrite=True)
    return {"traces": int(result.slice_before.size), "seconds_by_stage": result.seconds}


def _in_process(queue: Any, function: Callable[..., dict[str, Any]], arguments: Any) -> None:
    if function is denoised:
        sys.modules["jax"] = None  # TensorFlow loads it where it is installed, 0.1 GB
        import keras_seismic  # noqa: F401  (its seconds do not count, its memory does)

    begin = time.perf_counter()
    measured = function(*arguments)
    measured["seconds"] = time.perf_counter() - begin
    status = pathlib.Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    measured["peak_memory_mb"] = int(peak.split()[1]) / 1024
    queue.put(measured)


def measured(function: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """What a function returns in a fresh process, its seconds and its peak of memory."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_in_process, args=(queue, function, arguments))
    process.start()
    while queue.empty() and process.is_alive():
        time.sleep(0.05)
    process.join()
    if process.exitcode:
        raise SystemExit(f"{function.__name__}{arguments} failed")
    return queue.get()


def killed(source: str, target: str, groups: int) -> int:
    """Start denoising, kill it after some groups of lines; returns how many were done."""
    context = multiprocessing.get_context("spawn")
    arguments = (context.Queue(), denoised, (source, target, "smoothed", "inline"))
    process = context.Process(target=_in_process, args=arguments)
    process.start()
    journal = pathlib.Path(target).parent / f".{pathlib.Path(target).name}.unfinished" / "journal"
    while process.is_alive():
        if journal.exists() and len(journal.read_bytes().splitlines()) >= groups + 2:
            break
        time.sleep(0.01)
    process.kill()
    process.join()
    return len(journal.read_bytes().splitlines()) - 2


def checksum(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--folder", type=pathlib.Path, help="where the files are made")
    parser.add_argument("--model", help="a denoiser; by default the preset")
    parser.add_argument("--traces", type=int, default=4 * CROSSLINES, help="for the network")
    parser.add_argument("--no-network", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a hundredth of the size")
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS)
    options = parser.parse_args()
    samples, crosslines = (250, 175) if options.quick else (SAMPLES, CROSSLINES)
    if options.quick:
        options.gigabytes, options.traces = 0.02, min(options.traces, 4 * crosslines)
    inlines = max(8, round(options.gigabytes * 1e9 / crosslines / (240 + 4 * samples)))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        results = run(pathlib.Path(folder), options, inlines, crosslines, samples)
    rows = [
        [
            name,
            f"{found['traces']:,}",
            f"{found['seconds']:.1f}",
            f"{found['traces'] / found['seconds']:,.0f}",
            f"{found['peak_memory_mb']:,.0f}",
            ", ".join(f"{k} {v:.1f}" for k, v in found.get("seconds_by_stage", {}).items()),
        ]
        for name, found in results["runs"].items()
    ]
    header = ["", "traces", "seconds", "traces/s", "peak memory, MB", "seconds by stage"]
    report("volumes", results, header, rows, ["segyio", "numpy", "tensorflow"], options.out)
    print(
        f"{results['gigabytes']:.2f} GB, {inlines} inlines x {crosslines} crosslines x {samples} "
        f"samples; killed after {results['groups_before_kill']} groups of lines and started "
        f"again: {'the same bytes' if results['same_bytes'] else 'OTHER BYTES'}"
    )
    if not results["same_bytes"]:
        raise SystemExit("the resumed run wrote other bytes")


def run(
    folder: pathlib.Path, options: argparse.Namespace, inlines: int, crosslines: int, samples: int
) -> dict[str, Any]:
    """All measurements, by name."""
    source, target, other = (str(folder / f"{name}.segy") for name in ("volume", "clean", "other"))
    write_volume(pathlib.Path(source), inlines, crosslines, samples)
    size = os.path.getsize(source)
    print(f"{size / 1e9:.2f} GB written", flush=True)
    runs = {"segyio, reading and writing": measured(by_segyio, source, other, crosslines)}
    os.unlink(other)
    for along in ("inline", "crossline"):
        name = f"ours, smoothing along {along}s"
        runs[name] = measured(denoised, source, target, "smoothed", along)
        print(name, json.dumps(runs[name]), flush=True)
        if along == "inline":
            expected = checksum(target)
        os.unlink(target)
    begun = killed(source, target, max(1, inlines * crosslines * samples // 2**21 // 2))
    runs["ours, after a kill"] = measured(denoised, source, target, "smoothed", "inline")
    done = begun * (2**21 // (crosslines * samples)) * crosslines
    runs["ours, after a kill"]["traces"] -= done
    same = checksum(target) == expected
    os.unlink(target)
    os.unlink(source)
    if not options.no_network:
        lines = max(2, options.traces // crosslines)
        write_volume(pathlib.Path(source), lines, crosslines, samples)
        name = f"ours, {pathlib.Path(options.model).name if options.model else 'preset'}"
        runs[name] = measured(denoised, source, target, options.model, "inline")
    return {
        "gigabytes": size / 1e9,
        "shape": [inlines, crosslines, samples],
        "groups_before_kill": begun,
        "same_bytes": same,
        "runs": runs,
    }


if __name__ == "__main__":
    main()
