"""Names for types that Keras does not name."""

from typing import Any, TypeAlias

import keras

#: A tensor of the Keras backend, symbolic or not, or an array that becomes one.
Tensor: TypeAlias = Any

#: Sizes of the axes; ``None`` for a free size.
Shape: TypeAlias = tuple[int | None, ...]

#: The JSON-compatible configuration that rebuilds a layer or a model.
Config: TypeAlias = dict[str, Any]

#: A Keras dtype policy or its name; ``None`` is the global one.
DType: TypeAlias = str | keras.DTypePolicy | None
