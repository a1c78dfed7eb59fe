"""Smaller ONNX models: half precision and 8-bit integers, by ONNX Runtime's tools."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from keras_seismic.exporting.onnx.graph import Graph, attributes

#: Variants in which a model can be exported.
VARIANTS = ("float32", "float16", "int8")

#: Default largest loss: on average in m/s for velocities, else relative (-30 dB).
DEFAULT_MAX_LOSS = {"m/s": 10.0, "": 0.03}

#: Operators with an 8-bit form in ONNX Runtime, between which values stay 8-bit integers, and
#: transposed convolutions, of which only the weights and what is passed on are.
_QUANTIZED = (
    "Add", "AveragePool", "Concat", "Conv", "ConvTranspose", "Gemm", "LeakyRelu", "MaxPool",
    "Relu", "Reshape", "Resize", "Slice",
)  # fmt: skip


def check_variant(variant: str, representative: Any, max_loss: float | None) -> None:
    """Refuse arguments that do not go together.

    Raises:
        ValueError: If the variant is unknown, lacks a required argument or gets one it does not
            use.
    """
    if variant not in VARIANTS:
        raise ValueError(
            f"export_onnx: variant must be one of {', '.join(VARIANTS)}, received {variant!r}"
        )
    if (variant == "int8") != (representative is not None):
        expected = "needs" if variant == "int8" else "takes no"
        raise ValueError(
            f"export_onnx: variant {variant!r} {expected} representative samples, raw inputs like "
            "those to come"
        )
    if variant == "float32" and max_loss is not None:
        raise ValueError(
            "export_onnx: max_loss is for lossy variants; float32 must equal the model"
        )
    if max_loss is not None and not max_loss >= 0:
        raise ValueError(f"export_onnx: max_loss must not be negative, received {max_loss}")


def in_float16(model: Any) -> Any:
    """The model with its network in half precision.

    Everything before the first convolution and after the last stays in float32, as do input and
    output: half precision ends at 65504 and cannot hold raw amplitudes.

    Args:
        model: An ``onnx.ModelProto``; it is not changed.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16

    graph = Graph(model)
    inside = _network(graph)
    outside = [node for node in graph.nodes if node.name not in inside]
    # A constant shared by both parts would be rounded for both.
    own = {
        name: graph.constant(value, name)
        for name in {name for node in outside for name in node.input}
        if (value := graph.array(name)) is not None
    }
    graph.rename(own, outside)
    blocked = [node.name for node in outside]
    half = convert_float_to_float16(graph.finish(), keep_io_types=True, node_block_list=blocked)
    return _without_round_trips(half, {node.name for node in model.graph.node})


def in_int8(model: Any, representative: np.ndarray, folder: os.PathLike[str]) -> Any:
    """The model with 8-bit weights and activations, in the QDQ form.

    Weights are int8 with a scale for each output channel, activations uint8 with the range
    they have in the representative samples. As in ``in_float16``, everything before the first
    convolution and after the last stays in float32.

    Args:
        model: An ``onnx.ModelProto``; it is not changed.
        representative: Raw inputs ``(samples, ...)``.
        folder: Where temporary files go.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    source = onnx.ModelProto()
    source.CopyFrom(model)
    add_pre_process_metadata(source)  # already optimized; without this, the tool warns
    inside = _network(Graph(model))
    target = Path(folder) / "int8.onnx"
    quantize_static(
        source,
        target,
        _reader(model.graph.input[0].name, representative),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(_QUANTIZED),
        nodes_to_exclude=[node.name for node in model.graph.node if node.name not in inside],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    quantized = onnx.load(target)
    del quantized.metadata_props[:]
    return quantized


def _reader(name: str, samples: np.ndarray) -> Any:
    """Samples one by one, as the tool reads them."""
    from onnxruntime.quantization import CalibrationDataReader

    class Samples(CalibrationDataReader):
        def __init__(self) -> None:
            self._rest = iter(samples)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(({name: sample[None]} for sample in self._rest), None)

    return Samples()


def _network(graph: Graph) -> set[str]:
    """Names of the nodes from the first convolution to the last.

    Of a model of velocity and spread, without what follows the last convolution of either: the
    spread's begin with the velocity, which would otherwise be rounded for both.
    """
    convolutions = [node for node in graph.nodes if node.op_type in ("Conv", "ConvTranspose")]
    after, before = set(), set()
    made = {name for node in convolutions for name in node.output}
    needed = {name for node in convolutions for name in node.input}
    ends = {id(node) for node in convolutions}
    for node in graph.nodes:
        if id(node) in ends or made.intersection(node.input):
            after.add(node.name)
            made.update(node.output)
    for node in reversed(graph.nodes):
        if id(node) in ends or needed.intersection(node.output):
            before.add(node.name)
            needed.update(node.input)
    return after & before - (_tails(graph) if len(graph.outputs) > 1 else set())


def _tails(graph: Graph) -> set[str]:
    """Names of the nodes between the outputs and the convolutions nearest to them."""
    tails: set[str] = set()
    waiting = [graph.producer(name) for name in graph.outputs]
    while waiting:
        node = waiting.pop()
        if node is None or node.name in tails or node.op_type in ("Conv", "ConvTranspose"):
            continue
        tails.add(node.name)
        waiting += [graph.producer(name) for name in node.input]
    return tails


def _without_round_trips(model: Any, known: set[str]) -> Any:
    """Without casts from float32 to float16 that are only cast back.

    The tool inserts them between all nodes that it leaves in float32, and raw amplitudes do not
    survive the round trip.

    Args:
        model: The tool's output.
        known: Names of the original nodes.
    """
    from onnx import TensorProto

    graph = Graph(model)
    originals = {}
    for node in graph.nodes:
        narrowing = graph.producer(node.input[0]) if node.op_type == "Cast" else None
        if (
            narrowing is not None
            and narrowing.op_type == "Cast"
            and narrowing.name not in known
            and attributes(narrowing)["to"] == TensorProto.FLOAT16
        ):
            originals[node.output[0]] = narrowing.input[0]
    graph.rename(originals)
    graph.sort()  # the tool puts its casts at the end
    return graph.finish()
