"""Checks of what a server answers: nothing is returned that was not asked for."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.serving.errors import ServerError
from keras_seismic.serving.signatures import DTYPES, Signature, TensorDescription, in_words

#: Where a proto holds the numbers of a type, unless it holds their bytes.
_FIELDS = {
    "DT_FLOAT": "float_val",
    "DT_DOUBLE": "double_val",
    "DT_HALF": "half_val",
    "DT_INT32": "int_val",
    "DT_INT64": "int64_val",
    "DT_UINT8": "int_val",
    "DT_BOOL": "bool_val",
}


def checked_outputs(
    protos: Mapping[str, Any], signature: Signature, examples: int, where: str
) -> dict[str, np.ndarray]:
    """Arrays of a server's answer, as the signature has them.

    Types, shapes and lengths are compared before any array is made, because a proto of a few
    bytes may stand for one of any size.

    Args:
        protos: ``TensorProto`` messages by the names of outputs.
        signature: Of the version that answered.
        examples: In the request.
        where: The beginning of error messages.

    Raises:
        ServerError: If an output is missing or unknown, has another type or shape, does not hold
            a result for each example, or is not finite.
    """
    if set(protos) != set(signature.outputs):
        raise ServerError(
            f"{where}: expected an answer with {_listed(signature.outputs)}, received "
            f"{_listed(protos)}"
        )
    # Of inputs with a free first axis, each output has a result for each example.
    count = examples if all(t.batched for t in signature.inputs.values()) else None
    return {
        name: _array(protos[name], tensor, count, f"{where}: answer {name}")
        for name, tensor in signature.outputs.items()
    }


def _array(proto: Any, tensor: TensorDescription, count: int | None, where: str) -> np.ndarray:
    from tensorflow import make_ndarray
    from tensorflow.core.framework import types_pb2

    if tensor.dtype not in _FIELDS:
        raise ServerError(f"{where}: is {tensor.dtype}, which this client does not receive")
    if proto.dtype != types_pb2.DataType.Value(tensor.dtype):
        received = proto.dtype
        if received in types_pb2.DataType.values():
            received = types_pb2.DataType.Name(received)
        raise ServerError(f"{where}: expected {tensor.dtype}, received {received}")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    free = tensor.shape is None or tensor.shape[:1] == (None,)
    if (
        proto.tensor_shape.unknown_rank
        or min(shape, default=0) < 0
        or not tensor.takes(shape)
        or (free and count is not None and shape[:1] != (count,))
    ):
        expected = in_words(tensor.shape)
        raise ServerError(
            f"{where}: expected shape {expected}"
            + (f" for a batch of {count}" if count is not None else "")
            + f", received {shape}"
        )
    dtype = DTYPES[tensor.dtype]
    content = proto.tensor_content
    numbers = (
        len(content) / dtype.itemsize if content else len(getattr(proto, _FIELDS[tensor.dtype]))
    )
    if numbers != math.prod(shape):
        raise ServerError(
            f"{where}: expected {math.prod(shape)} numbers of shape {shape}, received {numbers:g}"
        )
    try:
        array: np.ndarray = make_ndarray(proto)
        if dtype.kind == "f":
            check_finite(array, where)
    except (TypeError, ValueError, OverflowError) as error:
        raise ServerError(str(error) if where in str(error) else f"{where}: {error}") from error
    return array


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(repr(name[:60]) for name in sorted(names)[:8]) or "nothing"
