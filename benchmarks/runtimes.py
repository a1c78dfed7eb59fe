"""Largest difference of every network from its exports, in every runtime.

    python -m benchmarks.runtimes

Each network of README's table is exported at its published size as SavedModel, ONNX and LiteRT and
run by TensorFlow in Python, through TensorFlow's C API (by a process with neither Keras nor
this package), in ONNX Runtime and in LiteRT, on batches of 1 and 3 simulated shot gathers, sections
or velocity models. So that outputs vary, batch normalization first adopts most of the
statistics of 12 of them (all of the statistics of few would magnify the rounding).
Differences are in m/s, or relative to the output's peak. Writes benchmarks/results/runtimes.json.
"""

import dataclasses
import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

import keras_seismic as ks
from benchmarks._report import report
from tests.serving.c_api import run_in_c

RUNTIMES = ("SavedModel", "C API", "ONNX Runtime", "LiteRT")
BATCHES = (1, 3)

#: Examples that the batch normalization settles on.
_EXAMPLES = 12

NETWORKS: dict[str, Callable[[], keras.Model]] = {
    "InversionNet()": ks.models.InversionNet,
    'InversionNet(decoder="resize")': lambda: ks.models.InversionNet(decoder="resize"),
    'InversionNet((1000, 70, 6), variant="paper")': lambda: ks.models.InversionNet(
        (1000, 70, 6), variant="paper"
    ),
    "FCNVMB()": ks.models.FCNVMB,
    "FCNVMB((400, 301, 5))": lambda: ks.models.FCNVMB((400, 301, 5)),
    "VelocityGAN(InversionNet(), VelocityCritic())": lambda: ks.models.VelocityGAN(
        ks.models.InversionNet(), ks.models.VelocityCritic()
    ),
    "VelocityCritic()": ks.models.VelocityCritic,
    'VelocityCritic(variant="paper")': lambda: ks.models.VelocityCritic(variant="paper"),
    'VelocityCritic(variant="paper", patch_size=4)': lambda: ks.models.VelocityCritic(
        variant="paper", patch_size=4
    ),
    "BlindDenoiser()": ks.models.BlindDenoiser,
    "ConvDenoiser()": ks.models.ConvDenoiser,
    'ConvDenoiser(decoder="resize")': lambda: ks.models.ConvDenoiser(decoder="resize"),
    "LISTA(wavelet)": lambda: ks.models.LISTA(np.hanning(51)),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A network ready for export, and its test inputs.

    Attributes:
        model: The model.
        inputs: Examples; the first three are compared.
    """

    model: keras.Model
    inputs: np.ndarray

    @property
    def in_m_s(self) -> bool:
        """Whether the output is a velocity."""
        return getattr(self.model, "predicts_velocity", False)


def make_case(code: str) -> Case:
    """One of the networks, at its published size."""
    keras.utils.set_random_seed(0)
    network = NETWORKS[code]()
    network = getattr(network, "generator", network)
    if network.inputs[0].name == "shot_gather":
        model, inputs = _with_gathers(network)
    elif network.inputs[0].name == "section":
        inputs = np.stack(ks.simulation.sample_sections(_EXAMPLES))[..., None]
        model = ks.models.with_physical_units(network, ks.layers.SectionNormalization())
    else:
        model, size = network, network.inputs[0].shape[1:3]
        inputs = ks.layers.VelocityScaling(1500, 4500).inverse(_velocity(size)[..., None])
    inputs = np.asarray(inputs, np.float32)
    # A U-Net has maps throughout, whose statistics three examples give; it has no room for more.
    settling = inputs[: max(BATCHES)] if isinstance(network, ks.models.FCNVMB) else inputs
    return Case(settled(model, settling), inputs[: max(BATCHES)])


def _velocity(shape: tuple[int, int]) -> np.ndarray:
    """Models of several families, so that the examples differ."""
    families = ("flatvel_a", "curvevel_a", "curvefault_b", "style_a")
    some = [
        ks.simulation.sample_velocity(family, _EXAMPLES // len(families), shape=shape)
        for family in families
    ]
    return np.stack(some, axis=1).reshape(_EXAMPLES, *shape)


def _with_gathers(network: keras.Model) -> tuple[keras.Model, np.ndarray]:
    nt, receivers, shots = network.inputs[0].shape[1:]
    acquisition = ks.simulation.Acquisition.surface(
        receivers, 10.0, 0.001, nt, 15.0, shots, boundary="cpml"
    )
    model = ks.models.with_physical_units(
        network,
        ks.layers.GatherNormalization.openfwi("curvevel_a"),
        ks.layers.VelocityScaling(1500, 4500),
        acquisition,
    )
    velocity = _velocity((70, receivers))
    return model, ks.simulation.simulate(velocity, acquisition, progress=False)


def settled(model: keras.Model, inputs: np.ndarray) -> keras.Model:
    """The model with most of the batch's statistics in its batch normalization."""
    layers = [layer for layer in model._flatten_layers() if hasattr(layer, "moving_mean")]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.2
    model(inputs, training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return model


def differences(case: Case, folder: Path) -> dict[str, float | str]:
    """Largest difference of each runtime from Keras, or why a model cannot run there."""
    expected = {n: np.asarray(case.model(case.inputs[:n], training=False)) for n in BATCHES}
    scale = 1.0 if case.in_m_s else float(np.abs(expected[3]).max())
    version = ks.exporting.export_saved_model(case.model, folder / "model", inputs=case.inputs)
    exporters: dict[str, Callable[[], Callable[[np.ndarray], np.ndarray]]] = {
        "SavedModel": lambda: ks.inference.load_predictor(version),
        "ONNX Runtime": lambda: ks.inference.load_predictor(
            ks.exporting.export_onnx(case.model, folder / "model.onnx", case.inputs)
        ),
        "LiteRT": lambda: ks.inference.load_predictor(
            ks.exporting.export_litert(case.model, folder / "model.tflite", case.inputs)
        ),
    }
    found: dict[str, float | str] = {"varies": float(expected[3].std()) / scale}
    batches = [case.inputs[:n] for n in BATCHES]
    for runtime in RUNTIMES:
        try:
            if runtime == "C API":
                runs = [("serving_default", batch) for batch in batches]
                received = run_in_c(version, runs, folder)
            else:
                predict = exporters[runtime]()
                received = [predict(batch) for batch in batches]
        except ValueError as error:
            found[runtime] = str(error)
            continue
        found[runtime] = max(
            float(np.abs(output - expected[len(output)]).max()) / scale for output in received
        )
    return found


def _measured(code: str) -> tuple[str, dict[str, float | str]]:
    case = make_case(code)
    with tempfile.TemporaryDirectory() as folder:
        found = differences(case, Path(folder))
    return code, {"unit": "m/s" if case.in_m_s else "of the peak", **found}


def main() -> None:
    """Measure, print and write."""
    rows, results = [], {}
    # A process for each, which gives its memory back.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for code, found in pool.imap(_measured, NETWORKS):
            results[code] = found
            unit = " m/s" if found["unit"] == "m/s" else ""
            cells = [
                value if isinstance(value, str) else f"{value:.2g}{unit}"
                for name, value in found.items()
                if name != "unit"
            ]
            rows.append((f"`{code}`", *cells))
            print(rows[-1], flush=True)
    report(
        "runtimes",
        results,
        ("model", "output varies by", *RUNTIMES),
        rows,
        ["keras", "tensorflow", "onnxruntime", "tf2onnx", "ai-edge-litert", "numpy"],
    )


if __name__ == "__main__":
    main()
