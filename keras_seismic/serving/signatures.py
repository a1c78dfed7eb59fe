"""What a served model takes and returns, and checks of arrays against it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_seismic.checks import check_finite
from keras_seismic.serving.arguments import OVERHEAD
from keras_seismic.serving.errors import (
    InvalidInputError,
    MessageTooLargeError,
    SignatureNotFoundError,
)

Arrays = Mapping[str, np.ndarray]

#: The types that the client sends and receives, by their names in TensorFlow.
DTYPES: dict[str, np.dtype[Any]] = {
    "DT_FLOAT": np.dtype(np.float32),
    "DT_DOUBLE": np.dtype(np.float64),
    "DT_HALF": np.dtype(np.float16),
    "DT_INT32": np.dtype(np.int32),
    "DT_INT64": np.dtype(np.int64),
    "DT_UINT8": np.dtype(np.uint8),
    "DT_BOOL": np.dtype(np.bool_),
}


@dataclasses.dataclass(frozen=True)
class TensorDescription:
    """One input or output of a signature.

    Attributes:
        name: Its name in requests and answers.
        dtype: TensorFlow's name for its type, ``"DT_FLOAT"``.
        shape: ``None`` where a size is free, as the batch's is; ``None`` as a whole if the
            rank is free.
        tensor: Its name in the graph, ``"serving_default_shot_gather:0"``.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None
    tensor: str = ""

    def __str__(self) -> str:
        dtype = DTYPES.get(self.dtype, self.dtype)
        return f"{self.name} {dtype} {in_words(self.shape)}"

    @property
    def batched(self) -> bool:
        """Whether its first axis is free."""
        return self.shape is not None and self.shape[:1] == (None,)

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape fits the description."""
        return self.shape is None or (
            len(shape) == len(self.shape)
            and all(n in (None, size) for n, size in zip(self.shape, shape, strict=True))
        )


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of a served model: named inputs and outputs.

    Attributes:
        name: ``"serving_default"`` for the one that servers run by default.
        inputs: By name.
        outputs: By name.
    """

    name: str
    inputs: Mapping[str, TensorDescription]
    outputs: Mapping[str, TensorDescription]

    def __str__(self) -> str:
        given, returned = (
            ", ".join(map(str, tensors.values())) for tensors in (self.inputs, self.outputs)
        )
        return f"{self.name}: {given} -> {returned}"


@dataclasses.dataclass(frozen=True)
class Metadata:
    """A server's description of a model.

    Attributes:
        model: Its name.
        version: The number of the version that answered.
        signatures: By name.
    """

    model: str
    version: int | None
    signatures: Mapping[str, Signature]

    def __str__(self) -> str:
        lines = [f"{self.model}, version {self.version}", *map(str, self.signatures.values())]
        return "\n  ".join(lines)


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """One version of a model on the server.

    Attributes:
        version: Its number.
        state: ``START``, ``LOADING``, ``AVAILABLE``, ``UNLOADING`` or ``END`` (unloaded, or
            failed to load).
        message: Why it failed, else empty.
    """

    version: int
    state: str
    message: str = ""

    def __str__(self) -> str:
        return f"{self.version} {self.state}" + (f" ({self.message})" if self.message else "")


def described(signature_defs: Mapping[str, Any]) -> dict[str, Signature]:
    """Signatures from TensorFlow's ``SignatureDef`` protos, by name.

    TensorFlow's own bookkeeping (names that begin with ``__``) is left out.
    """
    return {
        name: Signature(name, _tensors(proto.inputs), _tensors(proto.outputs))
        for name, proto in sorted(signature_defs.items())
        if not name.startswith("__")
    }


def find_signature(signatures: Mapping[str, Signature], name: str, where: str) -> Signature:
    """The signature of a name.

    Raises:
        SignatureNotFoundError: If there is none; the message lists the existing ones.
    """
    if name not in signatures:
        listed = "\n".join(f"  {signature}" for signature in signatures.values())
        raise SignatureNotFoundError(
            f"{where}: no signature {name!r}; the model has\n{listed or '  none'}"
        )
    return signatures[name]


def as_array(value: Any, where: str) -> np.ndarray:
    """A value as an array.

    Raises:
        InvalidInputError: If it cannot be one, such as lists of unequal lengths.
    """
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{where}: expected an array, received none: {error}") from error


def checked_inputs(
    signature: Signature, inputs: np.ndarray | Mapping[str, np.ndarray], where: str
) -> dict[str, np.ndarray]:
    """The inputs in the types that a signature takes, or an error before they are sent.

    Args:
        signature: The server's description.
        inputs: Arrays by the signature's names, or one array if it has one input.
        where: The beginning of error messages.

    Raises:
        InvalidInputError: If a name is missing or unknown, an array holds no numbers, is
            empty or not finite, or has another rank or shape.
    """
    if not isinstance(inputs, Mapping):
        if len(signature.inputs) != 1:
            raise InvalidInputError(
                f"{where}: expected {sorted(signature.inputs)} by name, received one array"
            )
        inputs = dict.fromkeys(signature.inputs, inputs)
    if set(inputs) != set(signature.inputs):
        raise InvalidInputError(
            f"{where}: expected the inputs {sorted(signature.inputs)}, received {sorted(inputs)}"
        )
    checked = {
        name: _checked(tensor, inputs[name], where) for name, tensor in signature.inputs.items()
    }
    batches = {len(checked[t.name]) for t in signature.inputs.values() if t.batched}
    if len(batches) > 1:
        sizes = {name: len(array) for name, array in checked.items()}
        raise InvalidInputError(
            f"{where}: expected as many examples in one input as in another, received {sizes}"
        )
    return checked


def split(
    inputs: Arrays, signature: Signature, batch_size: int | None, limit: int, where: str
) -> list[Arrays]:
    """Inputs in parts that may be sent, in order.

    If an input or output of the signature has no free first axis, there is one part.

    Args:
        inputs: By name.
        signature: That they are for.
        batch_size: Examples in a part at most; ``None`` for all in one.
        limit: Bytes of a request.
        where: The beginning of error messages.

    Raises:
        MessageTooLargeError: If one example is too large, or all with ``batch_size=None``.
    """
    splits = all(t.batched for t in signature.inputs.values()) and all(
        t.batched or t.shape is None for t in signature.outputs.values()
    )
    count = len(next(iter(inputs.values()))) if splits else 1
    total = sum(array.nbytes for array in inputs.values())
    fitting = (limit - OVERHEAD) * count // max(total, 1)
    if fitting < 1 or (batch_size is None and fitting < count):
        raise MessageTooLargeError(
            f"{where}: {count} example{'s' * (count > 1)} in one request would take {total} "
            f"bytes, the limit is {limit}; "
            + (f"{fitting} fit: pass batch_size={fitting}" if fitting else
               "not even one fits: raise max_message_bytes, here and on the server")
        )  # fmt: skip
    step = count if batch_size is None else min(batch_size, fitting)
    if not splits or step >= count:
        return [inputs]
    return [
        {name: array[first : first + step] for name, array in inputs.items()}
        for first in range(0, count, step)
    ]


def _checked(tensor: TensorDescription, array: np.ndarray, where: str) -> np.ndarray:
    name = f"{where}: {tensor.name}"
    array = as_array(array, name)
    if tensor.dtype not in DTYPES:
        raise InvalidInputError(f"{name}: is {tensor.dtype}, which this client does not send")
    if array.dtype.kind not in "fiub":
        raise InvalidInputError(
            f"{name}: expected real numbers ({DTYPES[tensor.dtype]}), received {array.dtype}"
        )
    if not tensor.takes(array.shape):
        raise InvalidInputError(
            f"{name}: expected shape {in_words(tensor.shape)}, received {array.shape}"
        )
    if not array.size:
        raise InvalidInputError(f"{name}: expected at least one number, received {array.shape}")
    with np.errstate(over="ignore", invalid="ignore"):  # found as infinity
        cast = array.astype(DTYPES[tensor.dtype], copy=False)
    if cast.dtype.kind == "f":
        try:
            check_finite(cast, name)
        except ValueError as error:
            raise InvalidInputError(str(error)) from None
    elif not np.array_equal(cast, array):
        raise InvalidInputError(f"{name}: values of {array.dtype} do not fit {cast.dtype}")
    return cast


def in_words(shape: tuple[int | None, ...] | None) -> str:
    """A shape as error messages have it."""
    if shape is None:
        return "of any rank"
    names = ["batch" if not i and n is None else "any" if n is None else str(n)
             for i, n in enumerate(shape)]  # fmt: skip
    return f"({', '.join(names)})"


def _tensors(infos: Mapping[str, Any]) -> dict[str, TensorDescription]:
    from tensorflow.core.framework import types_pb2

    tensors = {}
    for name, info in sorted(infos.items()):
        shape = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
        tensors[name] = TensorDescription(
            name,
            types_pb2.DataType.Name(info.dtype),
            None if info.tensor_shape.unknown_rank else shape,
            info.name,
        )
    return tensors
