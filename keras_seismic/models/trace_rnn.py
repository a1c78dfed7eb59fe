"""TraceRNN: a trace to another one, sample by sample."""

from typing import Any

import keras
from keras import layers

from keras_seismic.checks import checked_choice, checked_size
from keras_seismic.models.network import Network, output_dtype, policy_name
from keras_seismic.types import DType

_CELLS = {"simple": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}


@keras.saving.register_keras_serializable(package="keras_seismic")
class TraceRNN(Network):
    """What lies under a trace: its impedance or reflectivity, by a recurrent network.

    Reads the trace from top to bottom, and with ``bidirectional`` from bottom to top too: a
    wavelet that is not causal, and impedance below, reach up.

    Args:
        cell: ``"simple"``, ``"lstm"`` or ``"gru"``.
        units: Of each recurrent layer, in each direction.
        depth: Number of recurrent layers.
        bidirectional: Read the trace in both directions.
        features: Values for each sample of the output.
        dtype: Keras dtype policy, by default the global one.

    Input: ``(batch, time, 1)``, any length. Output: ``(batch, time, features)``, float32 (float64
    in a float64 network).

    Raises:
        ValueError: If the cell is unknown or a number is not a positive integer.

    Example:
        >>> TraceRNN("gru", units=8).output_shape
        (None, None, 1)
    """

    def __init__(
        self,
        cell: str = "lstm",
        units: int = 32,
        depth: int = 2,
        bidirectional: bool = True,
        features: int = 1,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        checked_choice(cell, tuple(_CELLS), "TraceRNN: cell")
        units, depth, features = checked_size(
            (units, depth, features), 3, "TraceRNN: (units, depth, features)"
        )
        dtype = policy_name(dtype)
        trace = keras.Input((None, 1), name="trace")
        x = trace
        for number in range(1, depth + 1):
            name = f"{cell}_{number}"
            layer = _CELLS[cell](units, return_sequences=True, name=name, dtype=dtype)
            if bidirectional:
                layer = layers.Bidirectional(layer, name=f"both_{number}", dtype=dtype)
            x = layer(x)
        output = layers.Dense(features, name="output", dtype=output_dtype(dtype))(x)
        super().__init__(trace, output, **kwargs)
        self.cell = cell
        self.units = units
        self.depth = depth
        self.bidirectional = bool(bidirectional)
        self.features = features
        self.policy = dtype
