"""Rewritten graphs compute what ONNX Runtime computes of the original ones."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from keras_seismic.exporting.onnx.rewriting import rewritten


def model_of(nodes, constants, shape):
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * (1 + len(shape)))],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def run(model, x):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


def check(model, x, operators):
    """The rewritten graph has these operators and gives the same output."""
    before = model.SerializeToString()
    other = rewritten(model)
    assert model.SerializeToString() == before
    onnx.checker.check_model(other, full_check=True)
    assert [node.op_type for node in other.graph.node] == operators
    np.testing.assert_allclose(run(other, x), run(model, x), atol=1e-4)


def normal(rng, *shape):
    return rng.standard_normal(shape).astype("float32")


@pytest.mark.parametrize(
    ("kernel", "stride", "pads", "operators"),
    [
        (4, 2, (1, 1, 1, 1), ["Conv", "LeakyRelu", "DepthToSpace", "Slice"]),
        (2, 2, (0, 0, 0, 0), ["Conv", "LeakyRelu", "DepthToSpace"]),
        (3, 2, (0, 0, 1, 1), ["Conv", "LeakyRelu", "DepthToSpace", "Slice"]),
        (5, 3, (1, 2, 0, 1), ["Conv", "LeakyRelu", "DepthToSpace", "Slice"]),
        (3, 1, (1, 1, 1, 1), ["Conv", "LeakyRelu"]),
        (5, 1, (0, 0, 3, 1), ["Conv", "LeakyRelu"]),
        (1, 1, (0, 0, 0, 0), ["Conv", "LeakyRelu"]),
        (1, 1, (1, 0, 0, 0), ["ConvTranspose", "LeakyRelu"]),  # crops more than its kernel
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_transposed_convolutions(rng, kernel, stride, pads, operators, bias):
    weights = normal(rng, 3, 4, kernel, kernel)
    names, constants = ["x", "w"], {"w": weights}
    if bias:
        names, constants = [*names, "b"], constants | {"b": normal(rng, 4)}
    nodes = [
        helper.make_node("ConvTranspose", names, ["c"], strides=[stride] * 2, pads=pads),
        helper.make_node("LeakyRelu", ["c"], ["y"], alpha=0.2),
    ]
    check(model_of(nodes, constants, (3, 6, 7)), normal(rng, 2, 3, 6, 7), operators)


def test_what_is_no_plain_transposed_convolution_stays(rng):
    x = normal(rng, 2, 4, 6, 7)
    for options in ({"group": 2}, {"dilations": [2, 2]}, {"output_padding": [1, 1]}):
        node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], **options)
        check(model_of([node], {"w": normal(rng, 4, 2, 3, 3)}, (4, 6, 7)), x, ["ConvTranspose"])


def test_whole_maps_and_single_cells_are_products(rng):
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("ConvTranspose", ["r", "v", "d"], ["y"]),
    ]
    constants = {
        "w": normal(rng, 5, 3, 6, 7), "b": normal(rng, 5), "v": normal(rng, 5, 2, 4, 3),
        "d": normal(rng, 2),
    }  # fmt: skip
    operators = ["Flatten", "Gemm", "Reshape", "Relu", "Flatten", "Gemm", "Reshape"]
    check(model_of(nodes, constants, (3, 6, 7)), normal(rng, 2, 3, 6, 7), operators)
    # A larger map is none.
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["y"])]
    check(model_of(nodes, constants, (3, 8, 7)), normal(rng, 2, 3, 8, 7), ["Conv"])


@pytest.mark.parametrize("operator", ["Conv", "ConvTranspose"])
def test_factors_and_terms_go_into_the_weights(rng, operator):
    weights = normal(rng, 4, 3, 3, 3) if operator == "Conv" else normal(rng, 3, 4, 3, 3)
    channel = {k: normal(rng, 4, 1, 1) + 2 for k in "bcd"}
    nodes = [
        helper.make_node(operator, ["x", "w"], ["1"], strides=[2, 1]),
        helper.make_node("Mul", ["b", "1"], ["2"]),
        helper.make_node("Add", ["2", "c"], ["3"]),
        helper.make_node("Div", ["3", "d"], ["4"]),
        helper.make_node("Sub", ["two", "4"], ["5"]),
        helper.make_node("Sub", ["5", "c"], ["y"]),
    ]
    constants = channel | {"w": weights, "two": np.float32(2)}
    check(model_of(nodes, constants, (3, 8, 9)), normal(rng, 2, 3, 8, 9), [operator])


def test_what_is_not_by_channel_or_read_twice_stays(rng):
    constants = {"w": normal(rng, 4, 3, 3, 3), "v": normal(rng, 4), "f": np.float32(3)}
    # A vector belongs to the last axis, the width, although it has as many as channels.
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["1"]),
        helper.make_node("Mul", ["1", "v"], ["y"]),
    ]
    x = normal(rng, 2, 3, 7, 6)
    check(model_of(nodes, constants, (3, 7, 6)), x, ["Conv", "Mul"])
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["1"]),
        helper.make_node("Mul", ["1", "f"], ["2"]),
        helper.make_node("Add", ["1", "2"], ["y"]),
    ]
    check(model_of(nodes, constants, (3, 7, 6)), x, ["Conv", "Mul", "Add"])


def test_weights_that_two_share_stay_apart(rng):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["1"], pads=[1, 1, 1, 1]),
        helper.make_node("Mul", ["1", "f"], ["2"]),
        helper.make_node("Conv", ["2", "w"], ["y"], pads=[1, 1, 1, 1]),
    ]
    constants = {"w": normal(rng, 3, 3, 3, 3), "f": np.float32(3)}
    check(model_of(nodes, constants, (3, 7, 6)), normal(rng, 2, 3, 7, 6), ["Conv", "Conv"])
