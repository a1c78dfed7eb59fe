"""Seconds per prediction: Keras, SavedModel, ONNX Runtime, OpenVINO and PyTorch, in one run.

    python -m benchmarks.inference            # eight minutes
    python -m benchmarks.inference --short    # four: float32 and the quickest peers only

InversionNet at its published size (24 million parameters) on two threads. Every program does
the same work: raw gathers in, m/s out, with the normalization inside. PyTorch gets the same
weights, and its gathers in the layout that it prefers, prepared outside the timing. For every
batch size, all are first checked to predict the same velocity. ``torch.compile``, run again for
every batch size, is used by default and with ``freezing``, which lets it fold and repack the
weights. OpenVINO reads our ONNX file; in batches, each of its threads takes an example at a time
(a stream a thread), while the others share the work on every example.

The network is trained for a minute or two on simulated gathers, so that its output varies and
int8 has something to lose; training gathers are int8's representative samples, and losses are
measured on others.

The programs take turns, so that other work on the machine affects them equally, with a few calls
per turn. The first does not count, because thread pools stay busy for a while after a call. The
result is the median of all other calls, and the best is recorded too.
"""

import argparse
import contextlib
import pathlib
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

with contextlib.suppress(ImportError):
    import torch._dynamo  # noqa: F401  after TensorFlow, its compiler for GPUs crashes

import keras
import numpy as np

import keras_seismic as ks
from benchmarks._report import RESULTS, report
from keras_seismic.simulation import Acquisition, sample_velocity, simulate

THREADS = 2
VARIANTS = ("float32", "float16", "int8")
OURS = ("ONNX Runtime float32", "OpenVINO")
#: In the short run; the compiled one was the quickest in all long ones.
QUICKEST = ("PyTorch channels-last", "PyTorch compiled, channels-last")

#: Takes a batch of raw gathers and returns what is timed.
Program = Callable[[np.ndarray], Callable[[], np.ndarray]]


def simulated(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Velocity models and their raw gathers ``(count, 1000, 70, 5)``."""
    velocity = sample_velocity("curvevel_a", count, seed=seed)
    return velocity, simulate(velocity, Acquisition.openfwi("cpml"), progress=False)


def trained_model(
    filters: int, pairs: int, epochs: int
) -> tuple[ks.models.PhysicalUnitsModel, np.ndarray]:
    """The network in physical units, and the raw gathers that it was trained on."""
    keras.utils.set_random_seed(0)
    velocity, gathers = simulated(pairs, seed=0)
    normalization = ks.layers.GatherNormalization.openfwi("curvevel_a")
    scaling = ks.layers.VelocityScaling(1500, 4500)
    network = ks.models.InversionNet(filters=filters)
    optimizer = keras.optimizers.AdamW(1e-3)
    network.compile(optimizer, "mean_absolute_error", jit_compile=ks.training.jit_compile())
    x, y = normalization(gathers), scaling.inverse(velocity[..., None])
    network.fit(x, y, batch_size=min(8, pairs), epochs=epochs, verbose=0)
    # Without the optimizer, which would be saved as well.
    trained = ks.models.InversionNet.from_config(network.get_config())
    trained.set_weights(network.get_weights())
    acquisition = Acquisition.openfwi("cpml")
    model = ks.models.with_physical_units(trained, normalization, scaling, acquisition)
    return model, gathers


def keras_programs(model: keras.Model) -> dict[str, Program]:
    """The model in memory, called and through ``predict``."""
    return {
        "Keras call": lambda x: lambda: keras.ops.convert_to_numpy(model(x, training=False)),
        "Keras predict": lambda x: lambda: model.predict(x, len(x), verbose=0),
    }


def exported(
    model: keras.Model,
    folder: pathlib.Path,
    variants: Sequence[str],
    representative: np.ndarray,
    held_out: np.ndarray,
) -> dict[str, pathlib.Path]:
    """The model as files."""
    paths = {
        name: ks.exporting.export_saved_model(model, folder / name, constants=constants)
        for name, constants in (("SavedModel", False), ("SavedModel, constants", True))
    }
    for variant in variants:
        options: dict[str, Any] = {"variant": variant}
        if variant != "float32":
            options["max_loss"] = np.inf  # it is reported
        if variant == "int8":
            options["representative"] = representative
        paths[f"ONNX Runtime {variant}"] = ks.exporting.export_onnx(
            model, folder / f"{variant}.onnx", held_out, **options
        )
    return paths


def exported_program(path: pathlib.Path) -> Program:
    """A program that runs an exported model."""
    if path.suffix != ".onnx":
        predict = ks.inference.load_predictor(path)
        return lambda x: lambda: predict(x)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: lambda: session.run(None, {name: x})[0]


def openvino_program(path: pathlib.Path) -> Program:
    """A program that runs an ONNX file in OpenVINO."""
    import openvino

    core = openvino.Core()

    def program(x: np.ndarray) -> Callable[[], np.ndarray]:
        model = core.read_model(path)
        model.reshape([1, *x.shape[1:]])
        streams = min(THREADS, len(x))
        settings = {
            "INFERENCE_NUM_THREADS": THREADS,
            "NUM_STREAMS": streams,
            "INFERENCE_PRECISION_HINT": "f32",
        }
        queue = openvino.AsyncInferQueue(core.compile_model(model, "CPU", settings), streams)
        velocity: list[np.ndarray] = [np.empty(0)] * len(x)

        def done(request: Any, position: int) -> None:
            velocity[position] = request.get_output_tensor(0).data.copy()

        queue.set_callback(done)

        def run() -> np.ndarray:
            for position in range(len(x)):
                queue.start_async({0: x[position : position + 1]}, position)
            queue.wait_all()
            return np.concatenate(velocity)

        return run

    return program


def prepared(programs: dict[str, Program], x: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """The programs that run here, once all but the coarse ones predict the same velocity."""
    expected = programs["Keras call"](x)()
    working = {}
    for name, program in programs.items():
        try:
            run = program(x)
            received = run()  # with what a new shape costs once
        except Exception as error:  # torch.compile where there is no C++ compiler
            if "compiled" not in name:
                raise
            print(f"{name}: left out, {type(error).__name__}: {str(error).splitlines()[0]}")
            continue
        difference = float(np.abs(received - expected).max())
        if not name.endswith(VARIANTS[1:]) and not difference < 0.5:
            raise SystemExit(f"{name}: differs from Keras by up to {difference:.3g} m/s")
        working[name] = run
    return working


def measured(
    programs: dict[str, Program], gathers: np.ndarray, batch: int, turns: int, calls: int
) -> dict[str, list[float]]:
    """Seconds of every call of every program that counts, for one batch size."""
    working = prepared(programs, gathers[np.arange(batch) % len(gathers)])
    times: dict[str, list[float]] = {name: [] for name in working}
    for _ in range(turns):
        for name, run in working.items():
            for call in range(calls + 1):
                start = time.perf_counter()
                run()
                if call:
                    times[name].append(time.perf_counter() - start)
    return times


def size_on_disk(path: pathlib.Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(p.stat().st_size for p in (path, *path.rglob("*")) if p.is_file())


def summary(times: dict[int, dict[str, list[float]]]) -> tuple[dict, dict]:
    """Seconds of each program, and the speed of ours relative to the best PyTorch."""
    seconds: dict[str, dict] = {name: {} for name in next(iter(times.values()))}
    ratios: dict[str, dict] = {name: {} for name in OURS}
    for batch, by_name in times.items():
        for name, calls in by_name.items():
            median = float(np.median(calls))
            seconds[name][str(batch)] = {
                "median": median, "best": min(calls), "calls": len(calls),
                "examples_a_second": batch / median,
            }  # fmt: skip
        peers = [name for name in by_name if name.startswith("PyTorch")]
        if not peers:
            continue
        for ours in OURS:
            found = ratios[ours][str(batch)] = {}
            for figure in ("median", "best"):
                best = min(peers, key=lambda name: seconds[name][str(batch)][figure])
                ratio = seconds[best][str(batch)][figure] / seconds[ours][str(batch)][figure]
                found[figure] = {"ratio": ratio, "peer": best}
    return seconds, ratios


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--short", action="store_true", help="float32, quickest peers, 4 minutes")
    parser.add_argument("--turns", type=int, default=4, help="default %(default)s")
    parser.add_argument("--calls", type=int, default=3, help="that count in a turn")
    parser.add_argument("--filters", type=int, default=32, help="32 is the published size")
    parser.add_argument("--pairs", type=int, default=64, help="to train on")
    parser.add_argument("--epochs", type=int, default=10, help="default %(default)s")
    parser.add_argument("--no-torch", action="store_true", help="without the peers")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS, help="folder to write")
    return parser.parse_args()


def main() -> None:
    """Measure, print and write."""
    chosen = arguments()
    if chosen.short:
        chosen.pairs, chosen.epochs = min(chosen.pairs, 16), min(chosen.epochs, 2)
    variants = VARIANTS[:1] if chosen.short else VARIANTS
    warnings.filterwarnings("ignore", message="check_parity: the predicted velocities vary")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model, representative = trained_model(chosen.filters, chosen.pairs, chosen.epochs)
        velocity, held_out = simulated(8, seed=1)
        paths = exported(model, folder, variants, representative[:32], held_out)
        programs = keras_programs(model)
        programs |= {name: exported_program(path) for name, path in paths.items()}
        if not chosen.no_torch:
            from benchmarks._torch_networks import torch_programs

            paths["PyTorch eager"] = folder / "torch.pt"
            peers = torch_programs(model, paths["PyTorch eager"], THREADS)
            programs |= {n: p for n, p in peers.items() if n in QUICKEST or not chosen.short}
        programs["OpenVINO"] = openvino_program(paths["ONNX Runtime float32"])
        model.save(folder / "model.keras")
        paths["Keras call"] = folder / "model.keras"
        times = {
            batch: measured(programs, held_out, batch, chosen.turns, chosen.calls)
            for batch in chosen.batches
        }
        losses = {
            name: ks.exporting.accuracy_loss(model, path, held_out).as_dict()
            for name, path in paths.items()
            if name.endswith(VARIANTS)
        }
        sizes = {name: size_on_disk(path) for name, path in paths.items()}
    predicted = keras.ops.convert_to_numpy(model(held_out, training=False))
    network = {
        "filters": chosen.filters,
        "parameters": model.count_params(),
        "trained_on": chosen.pairs,
        "epochs": chosen.epochs,
        "mean_absolute_error_m_s": float(np.abs(predicted[..., 0] - velocity).mean()),
        "output_deviation_m_s": float(predicted.std()),
    }
    write(network, times, losses, sizes, chosen.results)


def write(network: dict, times: dict, losses: dict, sizes: dict, folder: pathlib.Path) -> None:
    """The table, the file and the ratios."""
    seconds, ratios = summary(times)
    results = {
        "network": network,
        "threads": THREADS,
        "seconds": seconds,
        "relative_to_best_pytorch": ratios,
        "loss": losses,
        "bytes": sizes,
    }
    header = ["", *(f"batch {batch}: ms an example" for batch in times), "MB", "loss, m/s"]
    rows = []
    for name, by_batch in seconds.items():
        cells = [f"{1e3 * by_batch[str(b)]['median'] / b:.1f}" for b in times]
        size = f"{sizes[name] / 1e6:.1f}" if name in sizes else ""
        loss = f"{losses[name]['mean']:.2g}" if name in losses else ""
        rows.append([name, *cells, size, loss])
    packages = ["keras", "tensorflow", "onnxruntime", "openvino", "torch", "numpy"]
    report("inference", results, header, rows, packages, folder)
    for ours, by_batch in ratios.items():
        for batch, by_figure in by_batch.items():
            figures = (f"{k} {v['ratio']:.2f} ({v['peer']})" for k, v in by_figure.items())
            print(f"batch {batch}: {ours} against the best PyTorch: {', '.join(figures)}")


if __name__ == "__main__":
    main()
