"""What a prediction spends its time on, in OpenVINO and in PyTorch, operation by operation.

    python -m benchmarks.inference_profile    # half a minute

InversionNet at its published size, untrained, batches of 8 on two threads: one example a stream in
OpenVINO, the whole batch compiled, channels-last, in PyTorch. Times are the medians of ten calls;
OpenVINO's own counters and PyTorch's profiler say what they consist of.
"""

import collections
import contextlib
import pathlib
import tempfile
import time

import torch._dynamo  # noqa: F401  before TensorFlow, after which its compiler crashes

# isort: split
import numpy as np

import keras_seismic as ks
from benchmarks._report import report
from benchmarks.inference import THREADS, openvino_program

BATCH = 8


def openvino_counters(path: pathlib.Path, x: np.ndarray) -> dict[str, float]:
    """Milliseconds an example by kind of operation, of the median of ten calls."""
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape([1, *x.shape[1:]])
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERF_COUNT": True,
                "INFERENCE_PRECISION_HINT": "f32"}  # fmt: skip
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    calls = []
    for _ in range(10):
        request.infer({0: x[:1]})
        times: dict[str, float] = collections.defaultdict(float)
        for entry in request.profiling_info:
            times[entry.node_type] += 1e3 * entry.real_time.total_seconds()
        calls.append(times)
    return {kind: float(np.median([c[kind] for c in calls])) for kind in calls[0]}


def torch_profile(run) -> dict[str, float]:
    """Milliseconds an example by kind of operation, of ten calls."""
    from torch.profiler import ProfilerActivity, profile

    run()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(10):
            run()
    return {entry.key: entry.self_cpu_time_total / 1e4 / BATCH for entry in found.key_averages()}


def convolutions(times: dict[str, float]) -> float:
    """What is spent on convolutions of either kind."""
    return sum(ms for kind, ms in times.items() if "conv" in kind.lower())


def main() -> None:
    """Measure and print."""
    from benchmarks._torch_networks import torch_programs

    acquisition = ks.simulation.Acquisition.openfwi()
    model = ks.models.with_physical_units(
        ks.models.InversionNet(acquisition.gather_shape),
        ks.layers.GatherNormalization.openfwi("curvevel_a"),
        ks.layers.VelocityScaling(1500, 4500),
        acquisition,
    )
    x = np.random.default_rng(0).normal(size=(BATCH, *acquisition.gather_shape)).astype("float32")
    rows, results = [], {}
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name, "model.onnx")
        with contextlib.suppress(UserWarning):
            ks.exporting.export_onnx(model, path, x[:2])
        peers = torch_programs(model, pathlib.Path(name, "torch.pt"), THREADS)
        compiled = peers["PyTorch compiled, channels-last"](x)
        for peer, run, counted in (
            ("OpenVINO", openvino_program(path)(x), lambda: openvino_counters(path, x)),
            ("PyTorch compiled, channels-last", compiled, lambda: torch_profile(compiled)),
        ):
            run()
            seconds = []
            for _ in range(10):
                begin = time.perf_counter()
                run()
                seconds.append(time.perf_counter() - begin)
            times = counted()
            share = convolutions(times) / sum(times.values())
            results[peer] = {"ms": 1e3 * float(np.median(seconds)) / BATCH, "share": share}
            rows.append([peer, f"{results[peer]['ms']:.1f}", f"{share:.0%}"])
    header = ["", "ms an example", "of it convolutions"]
    report("inference_profile", results, header, rows, ["openvino", "torch", "numpy"])


if __name__ == "__main__":
    main()
