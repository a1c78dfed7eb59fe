"""One framework's training steps, in a process of its own that answers line by line.

    python -m benchmarks._training_peers keras|keras-xla|eager|channels-last|compiled THREADS CLOCK

``benchmarks.training_step`` starts these and talks to them: a line of JSON ``[network, precision,
batch]`` is answered by the seconds of the first step, ``"step"`` by those of another one, and
``"profile"`` by the seconds of a step by kind of operation. The clock is ``perf_counter`` or
``process_time``.
"""

import collections
import glob
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

#: Shapes of an example's input and target, channels last.
SHAPES = {
    "InversionNet": ((1000, 70, 5), (70, 70, 1)),
    "FCNVMB": ((200, 70, 5), (70, 70, 1)),  # of gathers thinned to 5 ms
    "ConvDenoiser": ((128, 128, 1), (128, 128, 1)),
}
#: Parts of operations' names, in both frameworks, by kind; the first that fits counts.
KINDS = {
    "optimizer": ("adam", "optimizer"),
    "convolutions": ("conv",),
    "normalizations": ("batchnorm", "batch_norm"),
    "activations": ("relu", "tanh"),
    "copies, casts and padding": ("copy", "cast", "pad", "slice", "transpose", "clone", "_to"),
}


def main() -> None:
    """Answer until there is nothing more to read."""
    kind, threads, clock = sys.argv[1], int(sys.argv[2]), getattr(time, sys.argv[3])
    peer = _keras(kind, threads) if kind.startswith("keras") else _torch(kind, threads)
    made = None
    for line in sys.stdin:
        wanted = json.loads(line)
        if isinstance(wanted, list):
            made = None  # free the memory of the last one first
            made = peer(*wanted)
            answer: Any = _timed(made[0], clock)
            made[0]()  # buffers and kernels of a second step
        else:
            assert made is not None
            answer = _timed(made[0], clock) if wanted == "step" else _profile(made[1])
        print("answer " + json.dumps(answer), flush=True)


def _timed(step: Callable[[], Any], clock: Callable[[], float]) -> float:
    start = clock()
    step()
    return clock() - start


def _profile(operations: Callable[[], list[tuple[str, float]]]) -> dict[str, float]:
    """Seconds of a step by kind, medians of three."""
    sums: list[collections.Counter[str]] = []
    for _ in range(3):
        sums.append(collections.Counter())
        for name, seconds in operations():
            fitting = (k for k, parts in KINDS.items() if any(p in name.lower() for p in parts))
            sums[-1][next(fitting, "other")] += seconds
    return {kind: statistics.median(s[kind] for s in sums) for kind in (*KINDS, "other")}


def _example(network: str, batch: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.uniform(-1, 1, (batch, *shape)).astype("float32") for shape in SHAPES[network]]


def _keras(kind: str, threads: int):
    import keras
    import tensorflow as tf

    import keras_seismic as ks

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)

    def made(network: str, precision: str, batch: int):
        keras.backend.clear_session()
        policy = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]
        shapes = SHAPES[network]
        model = {
            "InversionNet": lambda: ks.models.InversionNet(dtype=policy),
            "FCNVMB": lambda: ks.models.FCNVMB(shapes[0], shapes[1][:2], dtype=policy),
            "ConvDenoiser": lambda: ks.models.ConvDenoiser(dtype=policy),
        }[network]()
        model.compile(
            ks.training.adamw(1e-4, 1000), "mean_absolute_error", jit_compile=kind == "keras-xla"
        )
        x, y = (tf.constant(array) for array in _example(network, batch))
        return lambda: model.train_on_batch(x, y), lambda: _tensorflow_operations(model, x, y)

    return made


def _tensorflow_operations(model: Any, x: Any, y: Any) -> list[tuple[str, float]]:
    """Operations of a step with their seconds."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            model.train_on_batch(x, y)
        (file,) = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)
        space = xplane_pb2.XSpace()
        with open(file, "rb") as content:
            space.ParseFromString(content.read())
    (plane,) = [plane for plane in space.planes if plane.name == "/host:CPU"]
    found = []
    for line in plane.lines:
        for event in line.events:
            name = plane.event_metadata[event.metadata_id].name
            scope, _, operation = name.rpartition(":")
            if scope and not scope.endswith(":") and "one_step_on_data" not in name:
                # A layer is called after what it is; only the optimizer's scope tells more.
                found.append(("adam" if "adam" in scope else operation, event.duration_ps / 1e12))
    return found


def _torch(kind: str, threads: int):
    import torch
    from torch import nn

    from benchmarks._torch_networks import conv_denoiser, fcnvmb, inversion_net

    torch.set_num_threads(threads)
    torch._dynamo.config.recompile_limit = 64
    layout = torch.contiguous_format if kind == "eager" else torch.channels_last

    def made(network: str, precision: str, batch: int):
        torch.compiler.reset()
        build = {"InversionNet": inversion_net, "FCNVMB": fcnvmb, "ConvDenoiser": conv_denoiser}
        plain = build[network]().to(memory_format=layout)
        model = torch.compile(plain, dynamic=False) if kind == "compiled" else plain
        # One pass over the weights, as ours, and the quickest that PyTorch has.
        optimizer = torch.optim.AdamW(plain.parameters(), 1e-4, weight_decay=1e-4, fused=True)
        x, y = (
            torch.tensor(np.moveaxis(array, -1, 1).copy()).contiguous(memory_format=layout)
            for array in _example(network, batch)
        )

        def step() -> None:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                loss = nn.functional.l1_loss(model(x), y)
            loss.backward()
            optimizer.step()

        def operations() -> list[tuple[str, float]]:
            with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as all_:
                step()
            return [(event.key, event.self_cpu_time_total / 1e6) for event in all_.key_averages()]

        return step, operations

    return made


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    main()
