"""ONNX graphs rewritten for int8 and for fewer nodes.

Beyond rounding, nothing here changes what a graph computes. ``benchmarks/onnx_graph.py`` measures
each rule; docs/onnx.md has the table.

- Factors and offsets after a convolution, such as those of a batch normalization, go into its
  weights.
- A transposed convolution becomes an ordinary one with a channel for each position within a
  stride; ``DepthToSpace`` then interleaves them. The products are the same, but only ordinary
  convolutions have an int8 form.
- A convolution whose kernel covers the whole map, and a transposed one of a single cell, are
  matrix products.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_seismic.exporting.onnx.graph import Graph, attributes

_ELEMENTWISE = ("Relu", "LeakyRelu", "Tanh", "Sigmoid")

#: Known sizes of each tensor, ``None`` for a free one.
_Shapes = dict[str, list[int | None]]


def rewritten(model: Any) -> Any:
    """The model with all rules applied.

    Args:
        model: An ``onnx.ModelProto`` with folded constants; it is not changed.
    """
    import onnx

    graph = Graph(model)
    for node in [n for n in graph.nodes if n.op_type in ("Conv", "ConvTranspose")]:
        _fold_affine(graph, node)
    inferred = onnx.shape_inference.infer_shapes(graph.finish()).graph
    shapes = {
        value.name: [size.dim_value or None for size in value.type.tensor_type.shape.dim]
        for value in (*inferred.input, *inferred.value_info)
    }
    for node in list(graph.nodes):
        if node.op_type == "Conv":
            _as_product(graph, node, shapes)
        elif node.op_type == "ConvTranspose":
            _as_convolution(graph, node, shapes)
        elif node.op_type == "Resize":
            for i, name in enumerate(node.input):  # written as constants without a value
                value = graph.array(name)
                node.input[i] = "" if value is not None and not value.size else name
    return graph.finish()


def _fold_affine(graph: Graph, node: Any) -> None:
    """Fold constant per-channel factors and offsets into the weights."""
    from onnx import helper

    weights = graph.array(node.input[1])
    bias = graph.array(node.input[2]) if len(node.input) > 2 else 0.0
    transposed = node.op_type == "ConvTranspose"
    if weights is None or bias is None or (transposed and attributes(node).get("group", 1) != 1):
        return
    axis = 1 if transposed else 0
    channels = weights.shape[axis]
    factor, term = np.ones(channels), np.zeros(channels) + bias
    chain, name = [node], node.output[0]
    while (following := graph.only_consumer(name)) is not None:
        affine = _affine(graph, following, name, channels, weights.ndim)
        if affine is None:
            break
        factor, term = factor * affine[0], term * affine[0] + affine[1]
        chain.append(following)
        name = following.output[0]
    if len(chain) == 1:
        return
    shape = [channels if i == axis else 1 for i in range(weights.ndim)]
    folded = (weights * factor.reshape(shape)).astype(weights.dtype)
    new = helper.make_node(node.op_type, [], [name], node.name)
    new.attribute.extend(node.attribute)
    names = (
        node.input[0],
        graph.constant(folded, node.input[1]),
        graph.constant(term.astype(weights.dtype), node.input[1]),
    )
    new.input.extend(names)
    graph.replace(chain, [new])


def _affine(graph: Graph, node: Any, name: str, channels: int, rank: int) -> tuple[Any, Any] | None:
    """A node's factor and offset by channel; ``None`` for other nodes."""
    if node.op_type not in ("Mul", "Div", "Add", "Sub"):
        return None
    first = node.input[0] == name
    value = graph.array(node.input[1] if first else node.input[0])
    if value is None or (node.op_type == "Div" and not first):
        return None
    # Operators align from the last axis: a vector would apply to the width.
    aligned = (1,) * (rank - value.ndim) + value.shape
    if (value.size != 1 and aligned != (1, channels) + (1,) * (rank - 2)) or value.ndim > rank:
        return None
    value = value.astype(np.float64).ravel()
    if node.op_type == "Mul":
        return value, 0.0
    if node.op_type == "Div":
        return 1 / value, 0.0
    if node.op_type == "Add":
        return 1.0, value
    return (1.0, -value) if first else (-1.0, value)


def _plain(node: Any) -> bool:
    """Whether the convolution has no groups, dilation or automatic padding."""
    given = attributes(node)
    return (
        given.get("group", 1) == 1
        and set(given.get("dilations", [1])) == {1}
        and given.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")
        and not any(given.get("output_padding", []))
        and "output_shape" not in given
    )


def _as_product(graph: Graph, node: Any, shapes: _Shapes) -> None:
    """A convolution of the whole map as a matrix product."""
    from onnx import helper

    weights = graph.array(node.input[1])
    given = attributes(node)
    if (
        weights is None
        or not _plain(node)
        or any(given.get("pads", []))
        or shapes.get(node.input[0], [])[2:] != list(weights.shape[2:])
        or weights[0, 0].size == 1
    ):
        return
    flat, product = graph.new_name(node.output[0]), graph.new_name(node.output[0])
    matrix = graph.constant(weights.reshape(len(weights), -1), node.input[1])
    shape = graph.constant(np.array([-1, *weights.shape[:1], 1, 1]), node.output[0])
    graph.replace(
        [node],
        [
            helper.make_node("Flatten", [node.input[0]], [flat], flat, axis=1),
            helper.make_node("Gemm", [flat, matrix, *node.input[2:]], [product], product, transB=1),
            helper.make_node("Reshape", [product, shape], list(node.output), node.name),
        ],
    )


def _as_convolution(graph: Graph, node: Any, shapes: _Shapes) -> None:
    """A transposed convolution as a product or as a convolution."""
    weights = graph.array(node.input[1])
    bias = graph.array(node.input[2]) if len(node.input) > 2 else None
    if weights is None or weights.ndim != 4 or not _plain(node):
        return
    if len(node.input) > 2 and bias is None:
        return
    given = attributes(node)
    strides, pads = given.get("strides", [1, 1]), given.get("pads", [0] * 4)
    if shapes.get(node.input[0], [])[2:] == [1, 1] and not any(pads):
        _spread(graph, node, weights, bias)
    elif strides[0] == strides[1]:
        _side_by_side(graph, node, weights, bias, strides[0], pads)


def _spread(graph: Graph, node: Any, weights: np.ndarray, bias: np.ndarray | None) -> None:
    """One cell times the kernel, as a matrix product."""
    from onnx import helper

    flat, product = graph.new_name(node.output[0]), graph.new_name(node.output[0])
    inputs = [flat, graph.constant(weights.reshape(len(weights), -1), node.input[1])]
    if bias is not None:
        inputs.append(graph.constant(np.repeat(bias, weights[0, 0].size), node.input[2]))
    shape = graph.constant(np.array([-1, *weights.shape[1:]]), node.output[0])
    graph.replace(
        [node],
        [
            helper.make_node("Flatten", [node.input[0]], [flat], flat, axis=1),
            helper.make_node("Gemm", inputs, [product], product),
            helper.make_node("Reshape", [product, shape], list(node.output), node.name),
        ],
    )


def _side_by_side(
    graph: Graph,
    node: Any,
    weights: np.ndarray,
    bias: np.ndarray | None,
    stride: int,
    pads: Sequence[int],
) -> None:
    """A convolution with channels for each position within a stride, then interleaved."""
    from onnx import helper

    parts, missing = _parts(weights, stride)
    taps = parts.shape[2:]
    inputs = [node.input[0], graph.constant(parts, node.input[1])]
    if bias is not None:
        inputs.append(graph.constant(np.repeat(bias, stride * stride), node.input[2]))
    around = [count - 1 for count in taps] * 2
    crop = [*pads[:2], *(pad + extra for pad, extra in zip(pads[2:], missing, strict=True))]
    made = node.output[0]
    if stride == 1:
        # Less padding means cropping; cropping more than the padding would need another operator.
        around = [n - c for n, c in zip(around, crop, strict=True)]
        if min(around) < 0:
            return
    else:
        made = graph.new_name(made)
    new = [helper.make_node("Conv", inputs, [made], node.name, kernel_shape=taps, pads=around)]
    if stride == 1:
        graph.replace([node], new)
        return
    # The activation goes before the interleaving, where the convolution can absorb it.
    old, output = [node], node.output[0]
    following = graph.only_consumer(output)
    if following is not None and following.op_type in _ELEMENTWISE:
        activated = graph.new_name(output)
        activation = helper.make_node(following.op_type, [made], [activated], following.name)
        activation.attribute.extend(following.attribute)
        new.append(activation)
        old, output, made = [node, following], following.output[0], activated
    graph.replace(old, [*new, *_laid_out(graph, made, output, stride, crop)])


def _parts(weights: np.ndarray, stride: int) -> tuple[np.ndarray, list[int]]:
    """Kernels of the convolutions for each position within a stride.

    Cell ``stride * q + r`` of the output is the sum over taps ``t`` of
    ``x[q - t] w[stride * t + r]``: a convolution with flipped taps.

    Returns:
        ``(out * stride * stride, in, taps, taps)``, and by how much the kernel's height and width
        were padded to whole strides.
    """
    given, made, *kernel = weights.shape
    taps = [-(-size // stride) for size in kernel]
    missing = [stride * count - size for count, size in zip(taps, kernel, strict=True)]
    whole = np.pad(weights, ((0, 0), (0, 0), (0, missing[0]), (0, missing[1])))
    # (in, out, tap, position, tap, position) to (out, position, position, in, flipped taps)
    parts = whole.reshape(given, made, taps[0], stride, taps[1], stride)
    parts = parts[:, :, ::-1, :, ::-1].transpose(1, 3, 5, 0, 2, 4)
    return parts.reshape(-1, given, *taps), missing


def _laid_out(graph: Graph, parts: str, output: str, stride: int, crop: Sequence[int]) -> list[Any]:
    """Nodes that interleave the parts and crop them (top, left, bottom, right)."""
    from onnx import helper

    joined = graph.new_name(output) if any(crop) else output
    name = graph.new_name(output)
    nodes = [
        helper.make_node(
            "DepthToSpace", [parts], [joined], name, blocksize=stride, mode="CRD"
        )
    ]  # fmt: skip
    if any(crop):
        ends = [-n if n else np.iinfo(np.int64).max for n in crop[2:]]
        limits = [
            graph.constant(np.array(value, np.int64), output) for value in (crop[:2], ends, [2, 3])
        ]
        nodes.append(helper.make_node("Slice", [joined, *limits], [output], graph.new_name(output)))
    return nodes
