"""Names for types that Keras has no names for."""

from typing import Any, TypeAlias

import keras

#: A tensor of the Keras backend, symbolic or not, or an array that becomes one.
Tensor: TypeAlias = Any

#: Sizes of the axes; ``None`` where a size is open.
Shape: TypeAlias = tuple[int | None, ...]

#: What makes a layer or a model anew, as JSON can hold it.
Config: TypeAlias = dict[str, Any]

#: A Keras dtype policy or its name; ``None`` is the global one.
DType: TypeAlias = str | keras.DTypePolicy | None
