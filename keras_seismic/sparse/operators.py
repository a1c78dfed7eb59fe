"""Linear operators with a forward and an adjoint, batched over leading axes."""

import abc
from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops

from keras_seismic.types import Shape, Tensor


class Operator(abc.ABC):
    """A linear operator ``A``: ``forward`` is ``A x``, ``adjoint`` is ``A^T y``.

    It acts on the last axes and treats all axes before them as a batch: the same operator
    serves a trace, a section ``(traces, time)`` and a batch of sections. It computes in
    float64 if given float64, otherwise in float32, and runs on every Keras backend, eagerly
    or inside a compiled function.

    ``a @ b`` is the composition (``b`` first), ``2.0 * a`` the scaled operator.

    A subclass sets both shapes and implements ``_forward`` and ``_adjoint`` on tensors.

    Attributes:
        model_shape: The last axes of ``x``, ``None`` where any length is accepted.
        data_shape: The last axes of ``y``.
    """

    model_shape: Shape
    data_shape: Shape

    def forward(self, model: Tensor) -> Tensor:
        """The data of a model.

        Args:
            model: Array or tensor ``(..., *model_shape)``.

        Returns:
            Tensor ``(..., *data_shape)``.

        Raises:
            ValueError: If the last axes do not match, or the backend is given float64 and has
                none.
        """
        return self._forward(self._checked(model, self.model_shape, "model"))

    def adjoint(self, data: Tensor) -> Tensor:
        """The adjoint applied to data.

        Args:
            data: Array or tensor ``(..., *data_shape)``.

        Returns:
            Tensor ``(..., *model_shape)``.

        Raises:
            ValueError: As ``forward``.
        """
        return self._adjoint(self._checked(data, self.data_shape, "data"))

    @abc.abstractmethod
    def _forward(self, model: Tensor) -> Tensor:
        """The operator on a checked tensor."""

    @abc.abstractmethod
    def _adjoint(self, data: Tensor) -> Tensor:
        """The adjoint on a checked tensor."""

    def _checked(self, array: Tensor, expected: Shape, what: str) -> Tensor:
        array = as_float_tensor(array)
        last = tuple(array.shape)[-len(expected) :]
        if len(last) < len(expected) or not _agree(last, expected):
            raise ValueError(
                f"{type(self).__name__}: the last axes of the {what} must be {expected}, "
                f"received shape {tuple(array.shape)}"
            )
        return array

    def __matmul__(self, inner: "Operator") -> "Composition":
        return Composition(self, inner) if isinstance(inner, Operator) else NotImplemented

    def __rmul__(self, factor: float) -> "Scaling":
        return Scaling(factor, self)


def as_float_tensor(array: Tensor, dtype: str | None = None) -> Tensor:
    """A float32 or float64 tensor of the Keras backend.

    Args:
        array: Array or tensor of numbers.
        dtype: ``"float32"`` or ``"float64"``; by default float64 is kept and anything else
            becomes float32.

    Raises:
        ValueError: If float64 is wanted but the backend has none, or the array does not hold
            real numbers.
    """
    array = array if hasattr(array, "dtype") else np.asarray(array)
    received = keras.backend.standardize_dtype(array.dtype)
    if received.startswith(("complex", "str", "object")):
        raise ValueError(f"expected an array of real numbers, received dtype {received}")
    wanted = dtype or ("float64" if received == "float64" else "float32")
    tensor = ops.convert_to_tensor(array, dtype=wanted)
    if keras.backend.standardize_dtype(tensor.dtype) != wanted:
        raise ValueError(
            f"the {keras.backend.backend()} backend as configured has no {wanted}; "
            "pass float32, or set JAX_ENABLE_X64=1 before importing JAX"
        )
    return tensor


class FunctionOperator(Operator):
    """An operator made of two functions; ``dot_product_test`` checks that they match.

    Args:
        forward: Function from a tensor ``(..., *model_shape)`` to ``(..., *data_shape)``,
            written with ``keras.ops`` so that a solver can compile it.
        adjoint: Its adjoint.
        model_shape: The last axes of the model.
        data_shape: The last axes of the data.

    Example:
        >>> flip = FunctionOperator(lambda x: x[..., ::-1], lambda y: y[..., ::-1], (3,), (3,))
        >>> [float(x) for x in flip.forward([1.0, 2.0, 3.0])]
        [3.0, 2.0, 1.0]
    """

    def __init__(
        self,
        forward: Callable[[Tensor], Tensor],
        adjoint: Callable[[Tensor], Tensor],
        model_shape: Sequence[int | None],
        data_shape: Sequence[int | None],
    ) -> None:
        self.model_shape, self.data_shape = tuple(model_shape), tuple(data_shape)
        self._functions = forward, adjoint

    def _forward(self, model: Tensor) -> Tensor:
        return self._functions[0](model)

    def _adjoint(self, data: Tensor) -> Tensor:
        return self._functions[1](data)


class MatrixOperator(Operator):
    """Multiplication by a dense matrix along the last axis.

    Args:
        matrix: ``(data, model)``.

    Raises:
        ValueError: If it is not a matrix of finite real numbers.

    Example:
        >>> operator = MatrixOperator([[1.0, 2.0], [0.0, 1.0], [1.0, 0.0]])
        >>> [float(y) for y in operator.forward([1.0, 1.0])]
        [3.0, 1.0, 1.0]
    """

    def __init__(self, matrix: np.typing.ArrayLike) -> None:
        matrix = np.asarray(matrix)
        if matrix.ndim != 2 or 0 in matrix.shape or matrix.dtype.kind not in "fiu":
            raise ValueError(
                "MatrixOperator: expected a matrix (data, model) of real numbers, received shape "
                f"{matrix.shape} and dtype {matrix.dtype}"
            )
        if not np.isfinite(matrix).all():
            raise ValueError("MatrixOperator: the matrix holds values that are not finite")
        self.matrix = matrix.astype(np.float64)  # cast to each input's own precision
        self.data_shape, self.model_shape = matrix.shape[:1], matrix.shape[1:]

    def _forward(self, model: Tensor) -> Tensor:
        return ops.matmul(model, ops.convert_to_tensor(self.matrix.T, model.dtype))

    def _adjoint(self, data: Tensor) -> Tensor:
        return ops.matmul(data, ops.convert_to_tensor(self.matrix, data.dtype))


class Restriction(Operator):
    """Keep some elements of an axis: a section with missing traces, a trace with gaps.

    The adjoint fills the gaps with zeros.

    Args:
        kept: Boolean mask of the axis, true where there are data.
        axis: The axis, counted from the end: -1, or -2 for the traces of a section
            ``(traces, time)``.

    Raises:
        ValueError: If the mask is not a boolean vector with at least one true, or the axis is
            not counted from the end.

    Example:
        >>> every_other = Restriction([True, False, True])
        >>> [float(x) for x in every_other.adjoint([5.0, 7.0])]
        [5.0, 0.0, 7.0]
    """

    def __init__(self, kept: np.typing.ArrayLike, axis: int = -1) -> None:
        kept = np.asarray(kept)
        if kept.dtype != bool or kept.ndim != 1 or not kept.any():
            raise ValueError(
                "Restriction: kept must be a boolean mask (length,) with at least one true, "
                f"received dtype {kept.dtype}, shape {kept.shape}"
            )
        if axis >= 0:
            raise ValueError(f"Restriction: axis must count from the end, received {axis}")
        self.axis = axis
        self.indices = np.flatnonzero(kept).astype(np.int32)
        # Position in the data of each element of the model; one past the end is a zero.
        positions = np.full(kept.size, self.indices.size, np.int32)
        positions[self.indices] = np.arange(self.indices.size, dtype=np.int32)
        self.positions = positions
        others: Shape = (None,) * (-axis - 1)
        self.model_shape = (kept.size, *others)
        self.data_shape = (self.indices.size, *others)

    def _forward(self, model: Tensor) -> Tensor:
        return ops.take(model, self.indices, axis=self.axis)

    def _adjoint(self, data: Tensor) -> Tensor:
        padding = [(0, 0)] * len(data.shape)
        padding[self.axis] = (0, 1)
        return ops.take(ops.pad(data, padding), self.positions, axis=self.axis)


class Composition(Operator):
    """``outer inner``: first the inner operator, then the outer one. Written ``outer @ inner``.

    Args:
        outer: Applied last.
        inner: Applied first.

    Raises:
        ValueError: If the outer operator does not take what the inner one returns.
    """

    def __init__(self, outer: Operator, inner: Operator) -> None:
        if not _agree(outer.model_shape, inner.data_shape):
            raise ValueError(
                f"Composition: {type(outer).__name__} takes {outer.model_shape}, but "
                f"{type(inner).__name__} returns {inner.data_shape}"
            )
        self.outer, self.inner = outer, inner
        self.model_shape = _extended(inner.model_shape, outer.model_shape)
        self.data_shape = _extended(outer.data_shape, inner.data_shape)

    def _forward(self, model: Tensor) -> Tensor:
        return self.outer.forward(self.inner.forward(model))

    def _adjoint(self, data: Tensor) -> Tensor:
        return self.inner.adjoint(self.outer.adjoint(data))


class Scaling(Operator):
    """An operator times a number. Written ``factor * operator``.

    Args:
        factor: Any finite number.
        operator: The operator.

    Raises:
        ValueError: If the factor is not a finite number.
    """

    def __init__(self, factor: float, operator: Operator) -> None:
        if not np.isscalar(factor) or not np.isfinite(factor):
            raise ValueError(f"Scaling: factor must be a finite number, received {factor!r}")
        self.factor, self.operator = float(factor), operator  # type: ignore[arg-type]
        self.model_shape, self.data_shape = operator.model_shape, operator.data_shape

    def _forward(self, model: Tensor) -> Tensor:
        return self.factor * self.operator.forward(model)

    def _adjoint(self, data: Tensor) -> Tensor:
        return self.factor * self.operator.adjoint(data)


def _agree(a: Shape, b: Shape) -> bool:
    """Whether the axes that both shapes have are of equal or free length."""
    common = min(len(a), len(b))
    pairs = zip(a[-common:], b[-common:], strict=True)
    return all(m is None or n is None or m == n for m, n in pairs)


def _extended(shape: Shape, other: Shape) -> Shape:
    """A shape with its free lengths, and the axes before its own, taken from another one.

    What one operator of a composition leaves open, the other may determine.
    """
    missing = max(len(other) - len(shape), 0)
    aligned = (*other[:missing], *shape)
    tail = (None,) * (len(aligned) - len(other)) + other
    return tuple(n if n is not None else m for n, m in zip(aligned, tail, strict=True))
