"""Convolutions by Winograd's method: the same results with fewer products.

A 3 x 3 convolution for 4 x 4 outputs at once needs 36 products instead of 144 for each pair of
channels: its input is cut into tiles of 6 x 6 samples and transformed, each of the 36 coefficients
is multiplied by a matrix (channels in, channels out), and the result is transformed back. All
three steps are convolutions of the ONNX standard. In ONNX Runtime's WebAssembly this is quicker
from 32 channels on; natively, where other kernels are used, it is not. Rounding differs, by about
1e-6 of the peak.

Reference:
    Lavin and Gray, Fast algorithms for convolutional neural networks, CVPR 2016.
"""

from typing import Any

import numpy as np

from keras_seismic.exporting.onnx.graph import Graph, attributes

#: With fewer channels the transforms cost more than the products saved.
_LEAST_CHANNELS = 32

#: Outputs of a tile along each axis, and samples that they need.
_OUT, _IN = 4, 6

#: Transforms of the input, the kernel and the output, for the points 0, +-1, +-2 and infinity.
_INPUT = np.array([
    [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
])  # fmt: skip
_KERNEL = np.array([
    [6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24],
]) / 24  # fmt: skip
_OUTPUT = np.array([
    [1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1],
])  # fmt: skip


def with_fewer_products(model: Any) -> Any:
    """The model for batches of one, with its large convolutions by Winograd's method.

    Args:
        model: An ``onnx.ModelProto``, operator set 15 or later; it is not changed.
    """
    graph = Graph(model)
    constants: dict[Any, str] = {}
    nodes: list[Any] = []
    for node in graph.nodes:
        weights = graph.array(node.input[1]) if node.op_type == "Conv" else None
        fits = weights is not None and _fits(weights, attributes(node))
        nodes += _Winograd(graph, node, constants).nodes if fits else [node]
    graph.nodes = nodes
    return graph.finish()


def _fits(weights: np.ndarray, settings: dict[str, Any]) -> bool:
    """Whether a convolution is 3 x 3, keeps the size and has channels enough."""
    same = settings.get("auto_pad", b"").startswith(b"SAME") or settings.get("pads") == [1] * 4
    plain = all(settings.get(name, [1, 1]) == [1, 1] for name in ("strides", "dilations"))
    return (
        weights.shape[2:] == (3, 3)
        and min(weights.shape[:2]) >= _LEAST_CHANNELS
        and settings.get("group", 1) == 1
        and same
        and plain
    )


class _Winograd:
    """The nodes that replace a convolution."""

    def __init__(self, graph: Graph, node: Any, constants: dict[Any, str]) -> None:
        self.graph, self.near, self.constants = graph, node.output[0], constants
        self.nodes: list[Any] = []
        made, taken = graph.array(node.input[1]).shape[:2]  # type: ignore[union-attr]
        kernel = self.kernel(node.input[1], made, taken)
        # Also where the size is no multiple of a tile's.
        transform = self.tiled(np.kron(_INPUT, _INPUT).reshape(_IN**2, 1, _IN, _IN), taken)
        tiles = self.node(
            "Conv", node.input[0], transform, group=taken, strides=[_OUT] * 2,
            kernel_shape=[_IN] * 2, pads=[1, 1, _OUT, _OUT],
        )  # fmt: skip
        x = self.exchanged(tiles, taken, _IN**2)
        x = self.node("Conv", x, kernel, group=_IN**2, kernel_shape=[1, 1])
        x = self.exchanged(x, _IN**2, made)
        back = self.tiled(np.kron(_OUTPUT, _OUTPUT).reshape(_OUT**2, _IN**2, 1, 1), made)
        bias = [self.repeated(name) for name in node.input[2:]]
        x = self.node("Conv", x, back, *bias, group=made, kernel_shape=[1, 1])
        begin = self.constant(np.array([1, _OUT**2 * made]))
        size = self.node("Concat", begin, self.node("Shape", tiles, start=2), axis=0)
        x = self.node("DepthToSpace", self.node("Reshape", x, size), blocksize=_OUT, mode="CRD")
        zero, axes = self.constant(np.array([0, 0])), self.constant(np.array([2, 3]))
        end = self.node("Shape", node.input[0], start=2)
        self.node("Slice", x, zero, end, axes, output=node.output[0])

    def kernel(self, weights: str, made: int, taken: int) -> str:
        """Transformed when the model is loaded, because that is four times larger."""
        flat = self.node("Reshape", weights, self.constant(np.array([made * taken, 9])))
        transform = self.constant(np.kron(_KERNEL, _KERNEL).T.astype("f4"))
        first = self.node("Transpose", self.node("MatMul", flat, transform), perm=[1, 0])
        shape = self.constant(np.array([_IN**2 * made, taken, 1, 1]))
        return self.node("Reshape", first, shape)

    def exchanged(self, x: str, outer: int, inner: int) -> str:
        """Channels ``(outer, inner)`` as ``(inner, outer)``, and all samples in a row."""
        x = self.node("Reshape", x, self.constant(np.array([outer, inner, -1])))
        x = self.node("Transpose", x, perm=[1, 0, 2])
        return self.node("Reshape", x, self.constant(np.array([1, outer * inner, 1, -1])))

    def repeated(self, bias: str) -> str:
        """For each output of a tile."""
        shape = self.constant(np.array([-1, 1])), self.constant(np.array([1, _OUT**2]))
        tiled = self.node("Tile", self.node("Reshape", bias, shape[0]), shape[1])
        return self.node("Reshape", tiled, self.constant(np.array([-1])))

    def tiled(self, transform: np.ndarray, channels: int) -> str:
        """The same transform for each channel."""
        times = self.constant(np.array([channels, 1, 1, 1]))
        return self.node("Tile", self.constant(transform.astype("f4")), times)

    def constant(self, value: np.ndarray) -> str:
        key = value.dtype.str, value.shape, value.tobytes()
        if key not in self.constants:
            self.constants[key] = self.graph.constant(value, "winograd")
        return self.constants[key]

    def node(self, operator: str, *inputs: str, output: str = "", **settings: Any) -> str:
        from onnx import helper

        output = output or self.graph.new_name(self.near)
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **settings))
        return output
