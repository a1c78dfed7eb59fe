"""MLP: a trace to another one, every sample from every sample."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_seismic.checks import checked_size
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.types import DType


@keras.saving.register_keras_serializable(package="keras_seismic")
class MLP(Network):
    """What lies under a trace: its impedance or reflectivity, by dense layers.

    Args:
        samples: Of a trace.
        features: Values for each sample of the output.
        units: Of each hidden layer.
        dropout: Fraction of each hidden layer's outputs that is dropped in training.
        dtype: Keras dtype policy, by default the global one.

    Input: ``(batch, samples, 1)``. Output: ``(batch, samples, features)``, float32 (float64 in a
    float64 network).

    Raises:
        ValueError: If a number is not a positive integer.

    Example:
        >>> MLP(64, units=(32,)).output_shape
        (None, 64, 1)
    """

    def __init__(
        self,
        samples: int = 256,
        features: int = 1,
        units: Sequence[int] = (512, 512),
        dropout: float = 0.0,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        samples, features = checked_size((samples, features), 2, "MLP: (samples, features)")
        units = checked_size(tuple(units), max(len(units), 1), "MLP: units")
        dtype = policy_name(dtype)
        trace = keras.Input((samples, 1), name="trace")
        x = layers.Flatten(name="flat", dtype=dtype)(trace)
        for number, count in enumerate(units, 1):
            x = layers.Dense(
                count, "relu", kernel_initializer="he_normal", name=f"dense_{number}", dtype=dtype
            )(x)
            x = layers.Dropout(dropout, name=f"dropout_{number}", dtype=dtype)(x)
        x = layers.Dense(samples * features, name="head", dtype=dtype)(x)
        output = layers.Reshape((samples, features), name="output", dtype=output_dtype(dtype))(x)
        super().__init__(trace, output, **kwargs)
        self.samples = samples
        self.features = features
        self.units = units
        self.dropout = float(dropout)
        self.policy = dtype
