"""Seconds of a prediction: Keras, SavedModel, ONNX Runtime and PyTorch, in one run.

    python -m benchmarks.inference

InversionNet at its published size (24 million parameters) on two threads. Every program does
the same work: raw gathers in, m/s out, with the normalisation inside. PyTorch gets the same
weights, and its gathers in the layout that it prefers, prepared outside the timing; that all
programs predict the same velocity is checked first. The network is trained for a minute on
simulated gathers, so that its output varies and int8 has something to lose; losses are
measured on gathers that were used neither for training nor for calibration.

The programs take turns, so that other work on the machine hits them alike, with a few calls
a turn, the first of which does not count: thread pools stay busy for a while after a call. The
median of all other calls counts, and the best is kept beside it. About 15 minutes.
"""

import pathlib
from collections.abc import Callable

import keras
import numpy as np

import keras_seismic as ks
from benchmarks._torch_networks import inversion_net, lay_in_keras_weights
from keras_seismic.simulation import Acquisition, sample_velocity, simulate

THREADS = 2
VARIANTS = ("float32", "float16", "int8")

#: What is run on a batch of raw gathers; made from the batch once, outside the timing.
Program = Callable[[np.ndarray], Callable[[], object]]


def trained_model(filters: int, pairs: int, epochs: int) -> tuple[keras.Model, np.ndarray]:
    """The network in physical units, and the raw gathers that it was trained on."""
    keras.utils.set_random_seed(0)
    velocity, gathers = simulated(pairs, seed=0)
    normalization = ks.layers.GatherNormalization.openfwi("curvevel_a")
    scaling = ks.layers.VelocityScaling(1500, 4500)
    network = ks.models.InversionNet(filters=filters)
    network.compile(
        keras.optimizers.AdamW(1e-3), "mean_absolute_error", jit_compile=ks.training.jit_compile()
    )
    x, y = normalization(gathers), scaling.inverse(velocity[..., None])
    network.fit(x, y, batch_size=8, epochs=epochs, verbose=0)
    acquisition = Acquisition.openfwi("cpml")
    return ks.exporting.with_physical_units(network, normalization, scaling, acquisition), gathers


def simulated(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Velocity models and their raw gathers ``(count, 1000, 70, 5)``."""
    velocity = sample_velocity("curvevel_a", count, seed=seed)
    return velocity, simulate(velocity, Acquisition.openfwi("cpml"), progress=False)


def keras_programs(model: keras.Model) -> dict[str, Program]:
    """The model in memory, called and through ``predict``."""
    return {
        "Keras call": lambda x: lambda: keras.ops.convert_to_numpy(model(x, training=False)),
        "Keras predict": lambda x: lambda: model.predict(x, len(x), verbose=0),
    }


def exported_programs(
    model: keras.Model, folder: pathlib.Path, calibration: np.ndarray, held_out: np.ndarray
) -> tuple[dict[str, Program], dict[str, pathlib.Path]]:
    """The model as files and as programs that run them."""
    paths = {"SavedModel": ks.exporting.export_saved_model(model, folder / "saved_model" / "1")}
    for variant in VARIANTS:
        paths[f"ONNX Runtime {variant}"] = ks.exporting.export_onnx(
            model,
            folder / f"{variant}.onnx",
            held_out,
            variant=variant,
            calibration=calibration if variant == "int8" else None,
            max_loss=np.inf if variant != "float32" else None,
        )
    programs: dict[str, Program] = {"SavedModel": _saved_model_program(paths["SavedModel"])}
    for name, path in paths.items():
        if path.suffix == ".onnx":
            programs[name] = _onnx_program(path)
    return programs, paths


def _saved_model_program(path: pathlib.Path) -> Program:
    predict = ks.exporting.load_predictor(path)
    return lambda x: lambda: predict(x)


def _onnx_program(path: pathlib.Path) -> Program:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: lambda: session.run(None, {name: x})[0]


def torch_programs(model: ks.exporting.PhysicalUnitsModel) -> dict[str, Program]:
    """The same network with the same weights in PyTorch."""
    import torch

    torch.set_num_threads(THREADS)
    normalization, scaling = model.input_normalization, model.output_scaling
    low, high = (
        normalization._log_of_number(x) for x in (normalization.data_min, normalization.data_max)
    )

    class InPhysicalUnits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = lay_in_keras_weights(inversion_net(model.network.filters), model.network)

        def forward(self, x):
            x = torch.sign(x) * torch.log1p(normalization.k * torch.abs(x))
            x = self.network(2 * (x - low) / (high - low) - 1)
            return (x + 1) * scaling.scale + scaling.minimum

    def program(network: torch.nn.Module, layout: torch.memory_format) -> Program:
        def prepared(x: np.ndarray) -> Callable[[], np.ndarray]:
            given = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
            given = given.contiguous(memory_format=layout)

            def run() -> np.ndarray:
                with torch.inference_mode():
                    return network(given).numpy()

            return run

        return prepared

    plain, last = torch.contiguous_format, torch.channels_last
    return {
        "PyTorch eager": program(InPhysicalUnits().eval(), plain),
        "PyTorch channels-last": program(InPhysicalUnits().eval().to(memory_format=last), last),
        "PyTorch compiled": program(torch.compile(InPhysicalUnits().eval()), plain),
    }
