"""What each rewriting of an exported ONNX graph gains in ONNX Runtime.

    python -m benchmarks.onnx_graph

Every network is written with all rules of ``exporting.onnx``, with each rule left out in turn, and
as the converter alone writes it. All files of a network take turns, a few calls each, the first
of which does not count; the medians are compared. CPU time of one thread is measured, so that
other work on the machine hardly matters. Batch normalization gets random statistics, so that
nothing folds away by being zero or one.
"""

import argparse
import contextlib
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator
from unittest import mock

import keras
import numpy as np
import onnx
import onnxruntime

import keras_seismic as ks
from benchmarks._report import RESULTS, report
from keras_seismic.exporting.convertible_layers import with_convertible_layers
from keras_seismic.exporting.onnx import export, rewriting

#: What is left out: the module and the function that is replaced, and by what.
RULES: dict[str, tuple[object, str, Callable]] = {
    "affine": (rewriting, "_fold_affine", lambda *arguments: None),
    "product": (rewriting, "_as_product", lambda *arguments: None),
    "spread": (rewriting, "_spread", lambda *arguments: None),
    "side by side": (rewriting, "_side_by_side", lambda *arguments: None),
}

NETWORKS: dict[str, tuple[Callable[[], keras.Model], tuple[int, ...]]] = {
    "InversionNet": (lambda: ks.models.InversionNet(), (1000, 70, 5)),
    "FCNVMB, 8 filters": (
        lambda: ks.models.FCNVMB((200, 151, 5), (100, 151), filters=8),
        (200, 151, 5),
    ),
    "ConvDenoiser": (lambda: ks.models.ConvDenoiser(), (256, 256, 1)),
    "ConvDenoiser, resize": (lambda: ks.models.ConvDenoiser(decoder="resize"), (256, 256, 1)),
}


@contextlib.contextmanager
def without(*rules: str) -> Iterator[None]:
    """The package with some of its rules left out."""
    with contextlib.ExitStack() as stack:
        for rule in rules:
            stack.enter_context(mock.patch.object(*RULES[rule]))
        yield


def in_physical_units(network: keras.Model) -> keras.Model:
    """The network with random statistics in its batch normalization, in physical units."""
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


def written(
    network: keras.Model, example: np.ndarray, folder: pathlib.Path
) -> dict[str, pathlib.Path]:
    """The network's files by the rule left out, without those equal to the file with all rules."""
    replaced = with_convertible_layers(network)
    for model in (network, replaced):  # one that was never called is not exported
        model(example)
    paths: dict[str, pathlib.Path] = {}
    operators = {}

    def save(name: str, graph: onnx.ModelProto) -> None:
        operators[name] = [node.op_type for node in graph.graph.node]
        if operators[name] != operators["all rules"] or not paths:
            paths[name] = folder / f"{name}.onnx"
            onnx.save(graph, paths[name])

    folded, _ = export._folded(replaced, example, 18, folder)
    save("all rules", rewriting.rewritten(folded))
    for rule in RULES:
        with without(rule):
            save(f"without {rule}", rewriting.rewritten(folded))
    save("folded by ONNX Runtime alone", folded)
    if replaced is not network:
        folded, _ = export._folded(network, example, 18, folder)
        save("without layers", rewriting.rewritten(folded))
    save("converter alone", onnx.load(folder / "converted.onnx"))
    return paths


def milliseconds(paths: dict, x: np.ndarray, turns: int, calls: int) -> dict[str, float]:
    """Median time of each file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    sessions = {
        name: onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for name, path in paths.items()
    }
    times: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(turns):
        for name, session in sessions.items():
            given = {session.get_inputs()[0].name: x}
            for call in range(calls + 1):
                start = time.thread_time()
                session.run(None, given)
                if call:
                    times[name].append(1e3 * (time.thread_time() - start))
    return {name: float(np.median(calls)) for name, calls in times.items()}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--turns", type=int, default=5, help="default %(default)s")
    parser.add_argument("--calls", type=int, default=2, help="that count in a turn")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS, help="folder to write")
    chosen = parser.parse_args()
    results: dict[str, dict] = {}
    rows = []
    for title in chosen.networks:
        make, shape = NETWORKS[title]
        keras.utils.set_random_seed(0)
        rng = np.random.default_rng(0)
        with tempfile.TemporaryDirectory() as folder:
            example = rng.standard_normal((1, *shape)).astype(np.float32)
            paths = written(in_physical_units(make()), example, pathlib.Path(folder))
            by_batch = {
                n: milliseconds(paths, np.repeat(example, n, 0), chosen.turns, chosen.calls)
                for n in chosen.batches
            }
            for name, path in paths.items():
                row = {
                    "ms": {str(n): times[name] for n, times in by_batch.items()},
                    "nodes": len(onnx.load(path).graph.node),
                    "bytes": path.stat().st_size,
                }
                results.setdefault(title, {})[name] = row
                slower = (
                    f"{times[name]:.1f} ({times[name] / times['all rules'] - 1:+.0%})"
                    for times in by_batch.values()
                )
                rows.append([title, name, *slower, row["nodes"], f"{row['bytes'] / 1e6:.2f}"])
                print(*rows[-1], sep=" | ", flush=True)
    header = ["network", "graph", *(f"batch {n}: ms" for n in chosen.batches), "nodes", "MB"]
    report("onnx_graph", results, header, rows, ["onnxruntime", "tf2onnx", "onnx"], chosen.results)


if __name__ == "__main__":
    main()
