"""Many examples as requests that a server can take, and their answers as one."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from keras_seismic.serving.errors import MessageTooLargeError
from keras_seismic.serving.signatures import Signature
from keras_seismic.serving.transport import OVERHEAD, Target


def split(
    inputs: Mapping[str, np.ndarray],
    signature: Signature | None,
    batch_size: int | None,
    message_bytes: Callable[[np.ndarray], int],
    target: Target,
) -> Iterator[Mapping[str, np.ndarray]]:
    """The inputs in parts that may be sent, in order.

    Args:
        inputs: Arrays by name.
        signature: Their description; without, or if an input or output has no free first axis,
            they are not split.
        batch_size: Examples in a part at most, fewer where a part would be too large; ``None``
            for all in one part.
        message_bytes: What an array takes in a message.
        target: Has the limit.

    Raises:
        MessageTooLargeError: If a part of one example, or of all that may not be split, is
            larger than the limit. It says how many fit.
    """
    splits = (
        signature is not None
        and all(t.batched for t in signature.inputs.values())
        and all(t.batched or t.shape is None for t in signature.outputs.values())
    )
    count = len(next(iter(inputs.values()))) if splits else 1
    total = sum(map(message_bytes, inputs.values()))
    fitting = (target.max_message_bytes - OVERHEAD) * count // max(total, 1)
    if fitting < 1 or (batch_size is None and fitting < count):
        raise MessageTooLargeError(
            f"{target}: {count} example{'s' * (count > 1)} in one request would take {total} "
            f"bytes, the limit is {target.max_message_bytes}; "
            + (f"{fitting} fit: pass batch_size={fitting}" if fitting else
               "not even one fits: raise max_message_bytes, here and on the server")
        )  # fmt: skip
    step = count if batch_size is None else min(batch_size, fitting)
    if not splits or step >= count:
        yield inputs
        return
    for first in range(0, count, step):
        yield {name: array[first : first + step] for name, array in inputs.items()}


def joined(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The outputs of all parts, in order, by name."""
    if len(parts) == 1:
        return dict(parts[0])
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
