"""Convolutions by Winograd's method give what ONNX Runtime gives for the original ones."""

import collections

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from keras_seismic.exporting.web.fewer_products import with_fewer_products


def model_of(weights, bias=None, **settings):
    """One convolution of any size; it comes after a scaling and before an activation."""
    constants = {"w": weights, "b": bias} if bias is not None else {"w": weights}
    nodes = [
        helper.make_node("Neg", ["x"], ["n"]),
        helper.make_node("Conv", ["n", *constants], ["c"], **settings),
        helper.make_node("LeakyRelu", ["c"], ["y"]),
    ]
    channels = weights.shape[1] * settings.get("group", 1)
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, None, None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, None, None, None])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def run(model, x):
    content = model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def normal(rng, *shape):
    return rng.standard_normal(shape).astype("float32")


@pytest.mark.parametrize("size", [(16, 24), (17, 22), (3, 1), (9, 31)])
@pytest.mark.parametrize("padding", [{"pads": [1, 1, 1, 1]}, {"auto_pad": "SAME_UPPER"}])
@pytest.mark.parametrize("with_bias", [True, False])
def test_any_size(rng, size, padding, with_bias):
    model = model_of(normal(rng, 40, 33, 3, 3), normal(rng, 40) if with_bias else None, **padding)
    before = model.SerializeToString()
    other = with_fewer_products(model)
    assert model.SerializeToString() == before
    onnx.checker.check_model(other, full_check=True)
    counts = collections.Counter(node.op_type for node in other.graph.node)
    assert counts["Conv"] == 3
    assert counts["DepthToSpace"] == 1
    x = normal(rng, 1, 33, *size)
    expected = run(model, x)
    peak = np.abs(expected).max()
    np.testing.assert_allclose(run(other, x), expected, rtol=0, atol=1e-4 * peak)


@pytest.mark.parametrize(
    ("weights", "settings"),
    [
        ((40, 40, 3, 3), {"pads": [0, 0, 0, 0]}),
        ((40, 40, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ((40, 40, 3, 3), {"auto_pad": "SAME_UPPER", "dilations": [2, 2]}),
        ((40, 40, 5, 5), {"auto_pad": "SAME_UPPER"}),
        ((64, 32, 3, 3), {"pads": [1, 1, 1, 1], "group": 2}),
        ((40, 8, 3, 3), {"pads": [1, 1, 1, 1]}),
    ],
)
def test_other_convolutions_stay(rng, weights, settings):
    model = model_of(normal(rng, *weights), **settings)
    assert [node.op_type for node in with_fewer_products(model).graph.node] == [
        "Neg",
        "Conv",
        "LeakyRelu",
    ]
