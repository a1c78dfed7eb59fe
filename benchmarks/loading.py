"""Time and peak memory of loading against file size, for every format, bombs included.

    python -m benchmarks.loading

Writes files of about 1, 10 and 100 MB in each format, and small files made to fill the memory, and
reads each in a process of its format that has its libraries loaded. Memory is the kernel's peak
(VmHWM) less what the process held before. Bombs must be refused. It takes about three minutes on
one core and 1 GB of disk; ``--quick`` leaves out the 100 MB.
"""

import argparse
import gc
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks._report import RESULTS, report

PACKAGES = ("keras_seismic", "keras", "tensorflow", "onnxruntime", "ai-edge-litert", "h5py")


def read(path: pathlib.Path) -> object:
    """What the package's reader of a format returns, called once if it is a model."""
    import keras_seismic as ks

    if path.suffix == ".npy":
        return ks.io.read_array(path)
    if path.suffix == ".mat":
        return ks.io.read_mat(path, ["a"])
    if path.suffix == ".segy":
        return ks.io.read_section(path)
    if path.suffix == ".pth":
        return ks.convert.read_torch_file(path)
    if path.suffix == ".json":
        return ks.inference.ModelCard.from_json(path.read_text(), str(path))
    if path.suffix == ".keras":
        return ks.inference.load_model(path)
    return ks.inference.load_predictor(path)


def write_data(folder: pathlib.Path, megabytes: int) -> None:
    """Noise in every format for arrays, and a compressed file of integers."""
    import h5py
    import scipy.io
    import segyio
    import torch

    array = np.random.default_rng(0).standard_normal((1000, 250 * megabytes), np.float32)
    np.save(folder / "npy.npy", array)
    scipy.io.savemat(folder / "mat 5.mat", {"a": array})
    scipy.io.savemat(folder / "mat 5, compressed.mat", {"a": array}, do_compression=True)
    with h5py.File(folder / "mat 7.3.mat", "w", userblock_size=512) as file:
        file.create_dataset("a", data=array.T, chunks=True, compression="gzip", compression_opts=1)
    segyio.tools.from_array2D(str(folder / "segy.segy"), np.ascontiguousarray(array.T))
    torch.save({"model": {"a": torch.from_numpy(array)}}, folder / "pth.pth")


def write_models(folder: pathlib.Path, megabytes: int) -> None:
    """Two convolutions with that many bytes of weights, in every format for models."""
    import keras

    import keras_seismic as ks

    keras.utils.set_random_seed(0)
    filters = int((megabytes * 1e6 / 4 / 9) ** 0.5)
    x = section = keras.Input((8, 8, 1), name="section")
    for count in (filters, filters, 1):
        x = keras.layers.Conv2D(count, 3, padding="same")(x)
    network = keras.Model(section, keras.layers.Identity(name="clean_section")(x))
    model = ks.models.with_physical_units(network, ks.layers.SectionNormalization())
    model.save(folder / "keras.keras")
    ks.exporting.export_onnx(model, folder / "onnx.onnx")
    ks.exporting.export_litert(model, folder / "litert.tflite")
    ks.exporting.export_saved_model(model, folder / "SavedModel")


def write_bombs(folder: pathlib.Path) -> None:
    """Small files that unpack, or refer, to far more."""
    import h5py
    import keras
    import scipy.io

    size = 2**30
    zeros = np.zeros(size // 8)
    scipy.io.savemat(folder / "mat 5 of 1 GB.mat", {"a": zeros}, do_compression=True)
    with h5py.File(folder / "mat 7.3 of 1.6 GB.mat", "w", userblock_size=512) as file:
        file.create_dataset("a", (1, 200_000_000), "f8", chunks=(1, 2**17), compression="gzip")
    network = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    network.save(folder / "a.keras")
    with zipfile.ZipFile(folder / "a.keras") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    (folder / "a.keras").unlink()
    wide = entries["config.json"].replace(b'"units": 4', b'"units": 400000000')
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_dataset("layers/dense/vars/0", (size // 4,), "f4")
    changes: dict[str, dict[str, Any]] = {
        "keras, deflated 1 GB": {"model.weights.h5": memoryview(zeros).cast("B")},
        "keras, 1 GB not stored": {"model.weights.h5": weights.getvalue()},
        "keras, 14 GB of layers": {"config.json": wide},
        "keras, nested JSON": {"config.json": b"[" * 10**6},
    }
    for name, change in changes.items():
        method = zipfile.ZIP_DEFLATED if "deflated" in name else zipfile.ZIP_STORED
        with zipfile.ZipFile(folder / f"{name}.keras", "w", method) as archive:
            for entry, content in (entries | change).items():
                archive.writestr(entry, content)
    with zipfile.ZipFile(folder / "pth, deflated 1 GB.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", memoryview(zeros).cast("B"))
    (folder / "card, nested.json").write_text("[" * 10**6)
    (folder / "card, 10**400.json").write_text(f'{{"parameters": {10**400}}}')
    os.mkfifo(folder / "FIFO.npy")
    (folder / "device.npy").symlink_to("/dev/zero")


def memory(name: str) -> float:
    """A size in the kernel's status of this process, MB."""
    status = pathlib.Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1e3 for line in status.splitlines() if name in line)


def measure(folder: pathlib.Path, warm_up: pathlib.Path) -> list[dict[str, Any]]:
    """Read each file in a folder of folders once, the smallest first, in this process."""
    read(warm_up)  # loads the libraries
    results = []
    for path in sorted(folder.iterdir(), key=size_of):
        gc.collect()
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        before, start, outcome = memory("VmRSS"), time.perf_counter(), "loaded"
        content: object = None
        try:
            content = read(path)
        except (ValueError, OSError) as error:
            outcome = f"{type(error).__name__}: {str(error).replace(str(path), '')[:80]}"
        seconds = time.perf_counter() - start
        results.append(
            {
                "file": path.stem,
                "megabytes": size_of(path) / 1e6,
                "seconds": seconds,
                "peak_megabytes": max(0.0, memory("VmHWM") - before),
                "outcome": outcome,
            }
        )
        del content
    return results


def size_of(path: pathlib.Path) -> int:
    """Bytes of a file, or of the files in a folder; 0 for anything else."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def measured(folder: pathlib.Path, warm_up: pathlib.Path) -> list[dict[str, Any]]:
    """What ``measure`` finds in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.loading", "--child", str(folder), str(warm_up)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: list[dict[str, Any]] = json.loads(output.splitlines()[-1])
    return found


def main() -> None:
    """Write the files, measure, print the table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="files of 1 and 10 MB only")
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--child", nargs=2, type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(*options.child)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        for megabytes in (1, 10) if options.quick else (1, 10, 100):
            for write in (write_data, write_models):
                _sorted_by_format(root, write, megabytes)
        bombs = root / "bombs"
        bombs.mkdir()
        write_bombs(bombs)
        results: dict[str, list[dict[str, Any]]] = {}
        for folder in sorted(root.iterdir()):
            warm_up = min((root / "keras" if folder == bombs else folder).iterdir(), key=size_of)
            results[folder.name] = measured(folder, warm_up)
    believed = [row["file"] for row in results["bombs"] if row["outcome"] == "loaded"]
    if believed:
        raise SystemExit(f"bombs that were loaded: {', '.join(believed)}")
    rows = [
        (
            name if name != "bombs" else f"bomb: {row['file']}",
            f"{row['megabytes']:.3g}",
            f"{row['seconds']:.2g}",
            f"{row['peak_megabytes']:.0f}",
            row["outcome"].split(":")[0],
        )
        for name, found in results.items()
        for row in found
    ]
    header = ("file", "size, MB", "seconds", "peak memory, MB", "outcome")
    report("loading", results, header, rows, PACKAGES, options.out)


def _sorted_by_format(
    root: pathlib.Path, write: Callable[[pathlib.Path, int], None], megabytes: int
) -> None:
    """Files of one size, each moved to the folder of its format."""
    with tempfile.TemporaryDirectory(dir=root.parent) as written:
        write(pathlib.Path(written), megabytes)
        for path in pathlib.Path(written).iterdir():
            (root / path.stem).mkdir(exist_ok=True)
            content = path / "1" if path.is_dir() else path
            content.rename(root / path.stem / f"{megabytes} MB{path.suffix}")


if __name__ == "__main__":
    main()
