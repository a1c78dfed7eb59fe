"""Answers that a model server must not give, each made from a right one."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2

Response = predict_pb2.PredictResponse

#: The only output of the models that are asked here.
NAME = "velocity"


def _with(change: Callable[[np.ndarray], object]) -> Callable[[Response], None]:
    """Another array in the place of the output."""

    def spoil(response: Response) -> None:
        array = tf.make_ndarray(response.outputs[NAME]).copy()
        response.outputs[NAME].CopyFrom(tf.make_tensor_proto(change(array)))

    return spoil


def _with_number(number: float) -> Callable[[Response], None]:
    def change(array: np.ndarray) -> np.ndarray:
        array.flat[array.size // 2] = number
        return array

    return _with(change)


def _empty(response: Response) -> None:
    response.outputs.clear()


def _null(response: Response) -> None:
    response.outputs[NAME].CopyFrom(tensor_pb2.TensorProto())


def _renamed(response: Response) -> None:
    response.outputs["depth"].CopyFrom(response.outputs[NAME])
    del response.outputs[NAME]


def _another_as_well(response: Response) -> None:
    response.outputs["depth"].CopyFrom(response.outputs[NAME])


def _claims(*shape: int) -> Callable[[Response], None]:
    """The numbers as they are, of another shape by their own account."""

    def spoil(response: Response) -> None:
        dims = [tf.TensorShape(shape).as_proto()] if min(shape, default=0) >= 0 else []
        response.outputs[NAME].tensor_shape.Clear()
        if dims:
            response.outputs[NAME].tensor_shape.CopyFrom(dims[0])
        for size in () if dims else shape:
            response.outputs[NAME].tensor_shape.dim.add(size=size)

    return spoil


def _one_number_for_all(response: Response) -> None:
    proto = response.outputs[NAME]
    proto.ClearField("tensor_content")
    del proto.float_val[:]
    proto.float_val.append(2000.0)


def _one_number_more(response: Response) -> None:
    proto = response.outputs[NAME]
    if proto.tensor_content:
        proto.tensor_content += bytes(4)
    else:
        proto.float_val.append(2000.0)


def _half_a_number(response: Response) -> None:
    array = tf.make_ndarray(response.outputs[NAME])
    response.outputs[NAME].CopyFrom(tf.make_tensor_proto(array))
    response.outputs[NAME].tensor_content = response.outputs[NAME].tensor_content[:-3]


def _unknown_rank(response: Response) -> None:
    response.outputs[NAME].tensor_shape.Clear()
    response.outputs[NAME].tensor_shape.unknown_rank = True


def _type(number: int) -> Callable[[Response], None]:
    def spoil(response: Response) -> None:
        response.outputs[NAME].dtype = number

    return spoil


def _of_another_model(response: Response) -> None:
    response.model_spec.name = "another"


def _of_another_signature(response: Response) -> None:
    response.model_spec.signature_name = "normalized"


#: By name, what turns a right answer into a malformed one.
MALFORMED: Mapping[str, Callable[[Response], None]] = {
    "NaN": _with_number(np.nan),
    "infinity": _with_number(np.inf),
    "all NaN": _with(lambda array: np.full_like(array, np.nan)),
    "null": _null,
    "nothing": _empty,
    "another name": _renamed,
    "another output as well": _another_as_well,
    "no first axis": _with(lambda array: array[0]),
    "one too few": _with(lambda array: array[:-1]),
    "one too many": _with(lambda array: np.concatenate([array, array[:1]])),
    "one number for all": _one_number_for_all,
    "one number more": _one_number_more,
    "half a number": _half_a_number,
    "depth and width of another model": _with(lambda array: array[:, 1:, :-1]),
    "channels first": _with(lambda array: np.moveaxis(array, -1, 1)),
    "flat": _with(np.ravel),
    "empty": _with(lambda array: array[:0]),
    "a shape of 2**80 numbers": _claims(2**40, 2**40),
    "a shape of negative sizes": _claims(-2, -16, 16, 1),
    "a shape of one axis": _claims(3),
    "no known rank": _unknown_rank,
    "booleans": _with(lambda array: array > 0),
    "strings": _with(lambda array: array.astype(str)),
    "integers": _with(lambda array: array.astype(np.int32)),
    "double precision": _with(lambda array: array.astype(np.float64)),
    "half precision": _with(lambda array: array.astype(np.float16)),
    "complex numbers": _with(lambda array: array.astype(np.complex64)),
    "an invalid type": _type(types_pb2.DT_INVALID),
    "a type that is not there": _type(12345),
    "another model's": _of_another_model,
    "another signature's": _of_another_signature,
}


def spoilt(name: str, response: Response) -> Response:
    """A copy of a response, made malformed."""
    copy = Response()
    copy.CopyFrom(response)
    MALFORMED[name](copy)
    return copy
