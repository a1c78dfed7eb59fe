"""What Keras' own exporters write, compared with ours: difference, size and speed.

    python -m benchmarks.exporters [--jax-python PYTHON]

Every network is exported by ``ks.exporting.export_onnx``, by Keras on TensorFlow and on JAX as
ONNX, and by Keras on TensorFlow as OpenVINO's own format. ONNX files run in ONNX Runtime, and ours
in OpenVINO as well. Differences are from the Keras model on TensorFlow, relative to the output's
peak. All files of a network take turns, a few calls each, the first of which does not count; the
medians of the wall time on two threads are compared.

JAX exports in a process of its own, by another Python if one is named, which then needs no
TensorFlow: jax2onnx, which Keras needs for it, has many requirements. Without it, that row says so.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import keras
import numpy as np
import onnx
import onnxruntime
import openvino

import keras_seismic as ks
from benchmarks._report import RESULTS, report

THREADS = 2

#: Loads a model, calls it, without which Keras does not export it, and exports it.
ON_JAX = """
import sys
import numpy as np
import keras_seismic as ks
model = ks.inference.load_model(sys.argv[1])
model(np.load(sys.argv[3]))
model.export(sys.argv[2], format="onnx", opset_version=18, verbose=False)
"""

NETWORKS: dict[str, tuple[Callable[[], keras.Model], tuple[int, ...]]] = {
    "InversionNet": (ks.models.InversionNet, (1000, 70, 5)),
    "FCNVMB, 8 filters": (
        lambda: ks.models.FCNVMB((200, 151, 5), (100, 151), filters=8),
        (200, 151, 5),
    ),
    "ConvDenoiser": (ks.models.ConvDenoiser, (256, 256, 1)),
    "BlindDenoiser": (lambda: ks.load_preset("blind_denoiser"), (256, 256, 1)),
}


def in_physical_units(network: keras.Model) -> keras.Model:
    """The network with random statistics in its batch normalization, in physical units."""
    if isinstance(network, ks.models.PhysicalUnitsModel):
        return network
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape[0]
            scales = rng.uniform(0.8, 1.4, n), rng.normal(0, 0.3, n)
            layer.set_weights([*scales, rng.normal(0, 0.3, n), rng.uniform(0.2, 1.0, n)])
    if network.inputs[0].name == "section":
        return ks.models.with_physical_units(network, ks.layers.SectionNormalization())
    return ks.models.with_physical_units(
        network,
        ks.layers.GatherNormalization.openfwi("curvevel_a"),
        ks.layers.VelocityScaling(1500, 4500),
    )


def exported(
    model: keras.Model, x: np.ndarray, folder: pathlib.Path, jax_python: str
) -> dict[str, pathlib.Path | str]:
    """The files by exporter, or why there is none."""
    names = ("ours", "Keras on TensorFlow", "Keras on JAX", "Keras to OpenVINO")
    files = ("ours.onnx", "tensorflow.onnx", "jax.onnx", "openvino.xml")
    paths: dict[str, pathlib.Path | str] = {
        name: folder / file for name, file in zip(names, files, strict=True)
    }
    ks.exporting.export_onnx(model, folder / files[0])
    model.export(str(folder / files[1]), format="onnx", opset_version=18, verbose=False)
    model.save(folder / "model.keras")
    np.save(folder / "x.npy", x)
    ran = subprocess.run(
        [jax_python, "-c", ON_JAX, folder / "model.keras", folder / files[2], folder / "x.npy"],
        env=os.environ | {"KERAS_BACKEND": "jax"}, capture_output=True, text=True,
    )  # fmt: skip
    if ran.returncode:
        paths[names[2]] = ran.stderr.strip().splitlines()[-1][:90]
    try:
        model.export(str(folder / files[3]), format="openvino", verbose=False)
    except Exception as error:
        paths[names[3]] = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:70]}"
    return paths


def in_onnxruntime(path: pathlib.Path, shape: tuple) -> Callable[[np.ndarray], np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def in_openvino(path: pathlib.Path, shape: tuple) -> Callable[[np.ndarray], np.ndarray]:
    settings = {"INFERENCE_NUM_THREADS": THREADS, "INFERENCE_PRECISION_HINT": "f32"}
    core = openvino.Core()
    model = core.read_model(path)
    model.reshape(shape)  # with free sizes, ConvDenoiser runs for minutes
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    return lambda x: request.infer({0: x})[compiled.output(0)]


def written(path: pathlib.Path) -> tuple[int, int]:
    """Number of nodes, and bytes with the weights that may lie beside the file."""
    if path.suffix == ".onnx":
        nodes = len(onnx.load(path, load_external_data=False).graph.node)
    else:
        nodes = len(openvino.Core().read_model(path).get_ops())
    beside = [p for p in path.parent.glob(f"{path.stem}.*")]
    return nodes, sum(p.stat().st_size for p in beside)


def measured(programs: dict[str, Callable], x: np.ndarray, turns: int) -> dict[str, float]:
    """Median seconds of a call."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(turns):
        for name, run in programs.items():
            for call in range(3):
                start = time.perf_counter()
                run(x)
                if call:
                    times[name].append(time.perf_counter() - start)
    return {name: float(np.median(calls)) for name, calls in times.items()}


def compared(model: keras.Model, shape: tuple[int, ...], turns: int, jax_python: str) -> dict:
    """Difference, size and speed of each file in each runtime."""
    x = np.random.default_rng(0).standard_normal((1, *shape)).astype(np.float32)
    expected = np.asarray(model(x, training=False))
    results: dict[str, dict] = {}
    programs = {}
    with tempfile.TemporaryDirectory() as name:
        paths = exported(model, x, pathlib.Path(name), jax_python)
        rows = [(exporter, exporter, in_onnxruntime) for exporter in list(paths)[:3]]
        rows += [("ours, in OpenVINO", "ours", in_openvino)]
        rows += [("Keras to OpenVINO", "Keras to OpenVINO", in_openvino)]
        for title, exporter, runtime in rows:
            path = paths[exporter]
            if isinstance(path, str):
                results[title] = {"failed": path}
                continue
            nodes, size = written(path)
            results[title] = {"nodes": nodes, "bytes": size}
            try:
                program = runtime(path, x.shape)
                difference = np.abs(program(x) - expected).max() / np.abs(expected).max()
            except Exception as error:
                results[title]["failed"] = str(error).strip().splitlines()[-1][-90:]
                continue
            results[title]["difference"] = float(difference)
            programs[title] = program
        for title, seconds in measured(programs, x, turns).items():
            results[title]["ms"] = 1e3 * seconds
    return results


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5, help="default %(default)s")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--jax-python", default=sys.executable, help="a Python with jax2onnx")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS, help="folder to write")
    chosen = parser.parse_args()
    results, rows = {}, []
    for title in chosen.networks:
        make, shape = NETWORKS[title]
        keras.utils.set_random_seed(0)
        model = in_physical_units(make())
        results[title] = compared(model, shape, chosen.turns, chosen.jax_python)
        for name, found in results[title].items():
            size = f"{found['bytes'] / 1e6:.2f}" if "bytes" in found else ""
            difference = f"{found['difference']:.1g}" if "difference" in found else "-"
            speed = f"{found['ms']:.1f}" if "ms" in found else found["failed"]
            rows.append([title, name, found.get("nodes", ""), size, difference, speed])
            print(*rows[-1], sep=" | ", flush=True)
    header = ["network", "exporter", "nodes", "MB", "difference", "ms"]
    packages = ["keras", "tensorflow", "tf2onnx", "onnxruntime", "openvino", "onnx"]
    report("exporters", results, header, rows, packages, chosen.results)


if __name__ == "__main__":
    main()
